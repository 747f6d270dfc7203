"""Reads the disclosure gate: a row an audience, and below what no row may ever go."""

from collections.abc import Iterator
from typing import Any, Final

from shared.policy.decision import GATE_RANK
from shared.policy.gate import AUDIENCES, OUTWARD, PUBLIC, TELLING_BARRED
from shared.policy.grammar import (
    ALWAYS,
    AllOf,
    AnyOf,
    Condition,
    GrammarError,
    Match,
    Not,
    parse,
)
from shared.policy.pack import GateNeed, GateRule, Release
from shared.policy.packfile import Problems, line_of, plain
from shared.policy.rules import Vocabulary, cited, one_of, read_cite

ROW: Final = frozenset(
    {"state", "id", "title", "say", "cite", "needs", "denied", "general", "released"}
)
MORE: Final = ("needs", "denied", "general", "released")
ALLOWING: Final = frozenset({"ALLOW_TEMPLATE", "ALLOW_PERSON"})
# What must be true of any message that leaves for other schools or parents.
SAYS_NOTHING: Final = ("case_facts_in_text", ("yes", "unknown"))


def gate(data: Any, words: Vocabulary, problems: Problems) -> dict[str, GateRule]:
    found = {}
    for audience, node in data["gate"].items():
        with problems.at(line_of(data["gate"], audience)):
            found[str(audience)] = _row(str(audience), node, words)
    if missing := AUDIENCES - data["gate"].keys():
        told = f"the gate has no entry for {', '.join(sorted(missing))}; add one"
        problems.add(line_of(data, "gate"), "", told)
    return found


def _row(audience: str, node: Any, words: Vocabulary) -> GateRule:
    state = str(node["state"])
    if audience in PUBLIC and (state != "DENY" or any(part in node for part in MORE)):
        raise GrammarError(f"`{audience}` is public: it can only be DENY")
    if audience not in AUDIENCES or state not in GATE_RANK or state in ALLOWING:
        raise GrammarError(f"`{audience}: {state}` is no audience and state of the gate")
    if extra := {str(key) for key in node} - ROW:
        raise GrammarError(f"a row of the gate cannot hold {', '.join(sorted(extra))}; remove it")
    row = GateRule(
        audience=audience,
        state=state,  # type: ignore[arg-type]
        id=str(node["id"]),
        title=str(node["title"]),
        cite=cited(read_cite(node.get("cite"), words.sources)),
        say=str(node["say"]),
        needs=tuple(_need(who, entry or {}, words) for who, entry in node.get("needs", {}).items()),
        denied=_condition(node["denied"], words) if "denied" in node else None,
        general=_condition(node["general"], words) if "general" in node else None,
        release=_release(node["released"], words) if "released" in node else None,
    )
    _keep_floor(row)
    return row


def _need(who: Any, node: Any, words: Vocabulary) -> GateNeed:
    when = _condition(node["while"], words) if "while" in node else ALWAYS
    until = str(node.get("until", ""))
    return GateNeed(str(who), when, one_of(until, frozenset(words.schema.facts) | {""}, "fact"))


def _release(node: Any, words: Vocabulary) -> Release:
    bars = plain(node.get("not_while", []))
    return Release(
        to=one_of(str(node["to"]), ALLOWING, "state that allows"),  # type: ignore[arg-type]
        when=_condition(node["when"], words),
        by=str(node.get("by", "")),
        barred_by=frozenset(one_of(code, words.prohibitions, "prohibition") for code in bars),
    )


def _condition(node: Any, words: Vocabulary) -> Condition:
    found = parse(plain(node), words.schema)
    for test in _tests(found):
        fact = words.schema[test.fact]
        if fact.unknown != "own_value" or fact.kind == "set":
            raise GrammarError(
                f"the gate cannot look at `{test.fact}`: not knowing it has no answer of its own"
            )
    return found


def _tests(condition: Condition) -> Iterator[Match]:
    if isinstance(condition, Match):
        yield condition
    elif isinstance(condition, Not):
        yield from _tests(condition.of)
    elif isinstance(condition, AllOf | AnyOf):
        for part in condition.of:
            yield from _tests(part)


def _keep_floor(row: GateRule) -> None:
    """Below this no pack goes: advice first, nothing about the case, and no word where barred."""
    release = row.release
    if row.audience in OUTWARD and release is not None:
        advice = [need for need in row.needs if need.who == "EST" and need.until]
        fact, telling = SAYS_NOTHING
        quiet = [release.when] if row.general is None else [release.when, row.general]
        told = any(_could_hold(when, fact, value) for when in quiet for value in telling)
        told = told or (row.general is not None and _could_hold(row.general, "is_concern", "yes"))
        if not advice or advice[0].when != ALWAYS or told or release.to != "ALLOW_TEMPLATE":
            raise GrammarError(
                f"`{row.audience}`: only a template without case facts, and only once the "
                "Education Safeguarding Team agrees; put that back"
            )
    missing = TELLING_BARRED - (release.barred_by if release else TELLING_BARRED)
    if row.audience == "subject_parents" and missing:
        raise GrammarError(
            f"`subject_parents` must stay held while {', '.join(sorted(missing))} holds"
        )


def _could_hold(condition: Condition, fact: str, value: str) -> bool:
    """Whether a condition could hold with this value, whatever all other facts are."""
    if isinstance(condition, Match):
        return condition.fact != fact or value in condition.accepts
    if isinstance(condition, AllOf):
        return all(_could_hold(part, fact, value) for part in condition.of)
    if isinstance(condition, AnyOf):
        return any(_could_hold(part, fact, value) for part in condition.of)
    return True
