"""The answer to a submission, put together from what was stored, so that a replay is the same."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from shared.events.data_issues import explained
from shared.policy.decision import GATE_RANK

Json = dict[str, Any]

_DEVICE: Final = (
    "Pictures, videos or links in what you sent were dropped unread and are kept nowhere. Do not "
    "view, copy, print or send them. Switch the device off, lock it away and hand it to the police."
)


@dataclass(frozen=True, slots=True)
class Told:
    """One concern in an answer. child_ref: as the sender calls the child; it is never stored."""

    concern_id: UUID
    subject: str
    role: str
    child_ref: str
    decision: Mapping[str, Any]


def status_url(concern_id: UUID) -> str:
    return f"/v1/concerns/{concern_id}"


def answer(
    incident_id: UUID,
    received_at: datetime,
    told: Sequence[Told],
    data_issues: Iterable[Mapping[str, str]],
    dropped_media: int,
    **more: Any,
) -> bytes:
    body: Json = {
        "incident_id": str(incident_id),
        "received_at": received_at.isoformat(),
        "concerns": [
            {
                "concern_id": str(one.concern_id),
                "child_ref": one.child_ref,
                "subject": one.subject,
                "subject_role": one.role,
                "priority": one.decision["priority"],
                "status_url": status_url(one.concern_id),
            }
            for one in told
        ],
        **advice([one.decision for one in told]),
        "data_issues": [explained(issue) for issue in data_issues],
        "dropped_media": dropped_media,
        **more,
    }
    if dropped_media:
        body["device"] = _DEVICE
    return orjson.dumps(body)


def advice(decisions: Sequence[Mapping[str, Any]]) -> Json:
    """The children's decisions side by side; actions name the child they are for."""
    if len(decisions) == 1:
        one = decisions[0]
        return {
            name: one[name]
            for name in ("priority", "actions", "prohibitions", "questions", "gate", "clocks")
        }
    actions = [action for one in decisions for action in one["actions"]]
    gates = [one["gate"] for one in decisions if one["gate"]]
    return {
        "priority": min(one["priority"] for one in decisions),
        "actions": sorted(actions, key=lambda action: str(action["priority"])),
        "prohibitions": _united(decisions, "prohibitions", "code"),
        "questions": _united(decisions, "questions", "fact"),
        "gate": min(gates, key=lambda gate: GATE_RANK[gate["state"]]) if gates else None,
        "clocks": _earliest(decisions),
    }


def _united(decisions: Sequence[Mapping[str, Any]], member: str, by: str) -> list[Any]:
    found = {entry[by]: entry for one in reversed(decisions) for entry in one[member]}
    return list(reversed(found.values()))


def _earliest(decisions: Sequence[Mapping[str, Any]]) -> Json:
    clocks: dict[str, str] = {}
    for one in decisions:
        for name, at in one["clocks"].items():
            clocks[name] = min(at, clocks.get(name, at), key=datetime.fromisoformat)
    return clocks
