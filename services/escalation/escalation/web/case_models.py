"""What the template of the case page is given."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from escalation.case_view import CaseView
from escalation.rows import OwnTaskRow
from escalation.web import case_words as words
from shared.web import Fault, View
from shared.web.times import Deadline


class TaskCard(BaseModel):
    """One task. told: when its owner was asked. became: what has become of it. mine: of a queue
    that the reader works, and unfinished."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    task: OwnTaskRow
    name: str
    by: Deadline | None
    hard_by: Deadline | None
    told: str
    became: str
    mine: bool
    must_refer: bool
    may_acknowledge: bool
    pauses: tuple[tuple[str, str], ...]


class Happened(BaseModel):
    model_config = ConfigDict(frozen=True)

    at: str
    who: str
    what: str
    has_note: bool


class Linked(BaseModel):
    model_config = ConfigDict(frozen=True)

    case_id: str
    reference: str
    opened: str
    says: str
    state: str


class Opened(BaseModel):
    """What was sealed. lines: a name and what was sent; none where the seal does not open."""

    model_config = ConfigDict(frozen=True)

    heading: str
    lines: tuple[tuple[str, str], ...]


class May(BaseModel):
    """What the reader may do here now; the use cases have the last word."""

    model_config = ConfigDict(frozen=True)

    claim: bool
    release: bool
    hand_over: bool
    rate: bool
    ask: bool
    decide: bool
    milestones: bool
    answer: bool
    tell_others: bool


class CasePage(View):
    """at: the form that was sent, with what was typed; changed: what came since it was opened."""

    case: CaseView
    reference: str
    queue: tuple[str, str]
    done: str
    at: str
    typed: Mapping[str, str]
    changed: tuple[Happened, ...] | None
    about: tuple[tuple[str, str], ...]
    answer: Deadline | None
    tasks: tuple[TaskCard, ...]
    facts: tuple[tuple[str, str], ...]
    gate: tuple[str, Mapping[str, Any]] | None
    reasons: tuple[Mapping[str, Any], ...]
    linked: tuple[Linked, ...]
    history: tuple[Happened, ...]
    disagreements: tuple[tuple[str, Deadline], ...]
    may: May
    opened: tuple[Opened, ...] | None
    outcomes: Mapping[str, str] = words.OUTCOMES
    ratings: Mapping[str, str] = words.RATINGS
    read_for: Mapping[str, str] = words.READ_FOR
    milestones: tuple[tuple[str, str], ...] = tuple(words.MILESTONES.items())[:3]


class Sent(BaseModel):
    """What became of a form: which, what was typed, what is wrong, how far its page had read."""

    at: str = ""
    typed: Mapping[str, str] = Field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    stale_since: int | None = None
