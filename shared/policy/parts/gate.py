"""Reads the disclosure gate: a row an audience, and the public ones can only be denied."""

from collections.abc import Mapping
from typing import Any

from shared.policy.decision import GATE_RANK
from shared.policy.gate import AUDIENCES, PUBLIC
from shared.policy.grammar import GrammarError
from shared.policy.pack import GateRule
from shared.policy.packfile import Problems, line_of
from shared.policy.rules import cited, read_cite


def gate(data: Any, sources: Mapping[str, str], problems: Problems) -> dict[str, GateRule]:
    found = {}
    for audience, node in data["gate"].items():
        with problems.at(line_of(data["gate"], audience)):
            found[str(audience)] = _row(str(audience), node, sources)
    if missing := AUDIENCES - data["gate"].keys():
        told = f"the gate has no entry for {', '.join(sorted(missing))}; add one"
        problems.add(line_of(data, "gate"), "", told)
    return found


def _row(audience: str, node: Any, sources: Mapping[str, str]) -> GateRule:
    state = str(node["state"])
    if audience in PUBLIC and state != "DENY":
        raise GrammarError(f"`{audience}` is public: it can only be DENY")
    if audience not in AUDIENCES or state not in GATE_RANK:
        raise GrammarError(f"`{audience}: {state}` is no audience and state of the gate")
    return GateRule(
        audience=audience,
        state=state,  # type: ignore[arg-type]
        id=str(node["id"]),
        title=str(node["title"]),
        cite=cited(read_cite(node.get("cite"), sources)),
        say=str(node["say"]),
    )
