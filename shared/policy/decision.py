"""What the policy answers: actions, prohibitions, questions, the gate; and that it only rises."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from shared.policy.schema import Value

Priority = Literal["P0", "P1", "P2", "P3", "P4"]
Certainty = Literal["certain", "precautionary"]
GateState = Literal[
    "DENY", "HOLD", "HOLD_FOR_POLICE_CSC", "REFER_DPO", "ALLOW_PERSON", "ALLOW_TEMPLATE"
]
NOW: Final = "now"
# Deny overrides: of two answers to the same request, the one that says less holds.
GATE_RANK: Final[dict[str, int]] = {
    "DENY": 0,
    "HOLD": 1,
    "HOLD_FOR_POLICE_CSC": 1,
    "REFER_DPO": 2,
    "ALLOW_PERSON": 3,
    "ALLOW_TEMPLATE": 3,
}
Json = dict[str, Any]


def show_value(value: Value) -> str | int | list[str]:
    return sorted(value) if isinstance(value, frozenset) else value


class Because(NamedTuple):
    """One rule that fired, and what it matched."""

    rule: str
    title: str
    cite: str
    facts: Mapping[str, Value] = MappingProxyType({})
    says: str = ""

    def to_json(self) -> Json:
        return {
            "rule": self.rule,
            "title": self.title,
            "says": self.says,
            "cite": self.cite,
            "facts": {name: show_value(value) for name, value in self.facts.items()},
        }


Shown = dict[int, Json]


def _show(because: tuple[Because, ...], shown: Shown) -> list[Json]:
    """One rule stands behind many actions and prohibitions; it is written out once."""
    found = []
    for reason in because:
        body = shown.get(id(reason))
        if body is None:
            body = shown[id(reason)] = reason.to_json()
        found.append(body)
    return found


class Action(NamedTuple):
    route: str
    subject: str
    la: str | None
    priority: Priority
    certainty: Certainty
    by: datetime | None  # None means now
    hard_by: datetime | None
    owner: str
    owner_role: str
    channel: str
    contact: Mapping[str, str]
    script: str
    because: tuple[Because, ...]

    def to_json(self, shown: Shown) -> Json:
        body: Json = {
            "route": self.route,
            "subject": self.subject,
            "la": self.la,
            "priority": self.priority,
            "certainty": self.certainty,
            "by": NOW if self.by is None else self.by.isoformat(),
        }
        if self.hard_by is not None:
            body["hard_by"] = self.hard_by.isoformat()
        body |= {
            "owner": self.owner,
            "owner_role": self.owner_role,
            "channel": self.channel,
            "contact": dict(self.contact),
            "script": self.script,
            "because": _show(self.because, shown),
        }
        return body


class Prohibition(NamedTuple):
    code: str
    say: str
    because: tuple[Because, ...]

    def to_json(self, shown: Shown) -> Json:
        return {
            "code": self.code,
            "say": self.say,
            "because": _show(self.because, shown),
        }


@dataclass(frozen=True, slots=True)
class Question:
    fact: str
    ask: str
    settles: tuple[str, ...]

    def to_json(self) -> Json:
        return {"fact": self.fact, "ask": self.ask, "settles": list(self.settles)}


@dataclass(frozen=True, slots=True)
class Gate:
    state: GateState
    needs: tuple[str, ...]
    audience: str
    say: str
    because: tuple[Because, ...]

    def to_json(self) -> Json:
        return {
            "state": self.state,
            "needs": list(self.needs),
            "audience": self.audience,
            "say": self.say,
            "because": [reason.to_json() for reason in self.because],
        }


@dataclass(frozen=True, slots=True)
class PackRef:
    id: str
    version: str
    hash: str

    def to_json(self) -> Json:
        return {"id": self.id, "version": self.version, "hash": self.hash}


@dataclass(frozen=True, slots=True)
class Decision:
    packs: tuple[PackRef, ...]
    priority: Priority
    in_hours: bool
    actions: tuple[Action, ...]
    prohibitions: tuple[Prohibition, ...]
    permissions: tuple[str, ...]
    questions: tuple[Question, ...]
    gate: Gate | None
    clocks: Mapping[str, datetime]
    alarms: tuple[str, ...]

    def to_json(self) -> Json:
        shown: Shown = {}
        return {
            "pack": [pack.to_json() for pack in self.packs],
            "priority": self.priority,
            "in_hours": self.in_hours,
            "actions": [action.to_json(shown) for action in self.actions],
            "prohibitions": [each.to_json(shown) for each in self.prohibitions],
            "questions": [question.to_json() for question in self.questions],
            "gate": None if self.gate is None else self.gate.to_json(),
            "clocks": {name: at.isoformat() for name, at in self.clocks.items()},
        }
