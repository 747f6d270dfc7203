"""What a pack holds once read: rules, routes, contacts, settings. Plain data, no behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

from shared.policy.clocks import Calendar, ClockSpec, Hours
from shared.policy.decision import GateState, PackRef, Priority
from shared.policy.grammar import ALWAYS, Condition, Term

Serves = Literal["home", "school", "found", "carer", "none"]
Start = Literal["receipt", "discovery"]


@dataclass(frozen=True, slots=True)
class Require:
    route: str
    priority: Priority
    by: ClockSpec
    start: Start = "receipt"
    hard_by: ClockSpec | None = None
    owner: str = ""
    channel: str = ""
    script: str = ""
    subject: str = ""
    la: Serves | Literal[""] = ""


@dataclass(frozen=True, slots=True)
class Example:
    facts: Mapping[str, object]
    line: int


@dataclass(frozen=True, slots=True)
class InForce:
    """From the first day to the last, both included; no first day: enacted and not yet in force."""

    start: date | None = date.min
    end: date | None = None

    def on(self, day: date) -> bool:
        return (
            self.start is not None and self.start <= day and (self.end is None or day <= self.end)
        )


ALWAYS_IN_FORCE: Final = InForce()


@dataclass(frozen=True, slots=True)
class Cite:
    """One place in one edition of a source, and how sure it is (Q read ... U unsure)."""

    source: str
    title: str
    para: str
    tag: str

    def __str__(self) -> str:
        return f"{self.title} {self.para}".strip()


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    rule: str
    title: str
    when: Condition
    terms: tuple[Term, ...]
    requires: tuple[Require, ...]
    forbids: tuple[str, ...]
    permits: tuple[str, ...]
    cite: str
    tags: tuple[str, ...]
    because: str
    match: tuple[Example, ...]
    no_match: tuple[Example, ...]
    line: int
    cites: tuple[Cite, ...] = ()
    in_force: InForce = ALWAYS_IN_FORCE


@dataclass(frozen=True, slots=True)
class Route:
    """Whose task a route is, by which channel, and which authority serves it."""

    code: str
    rank: int
    serves: Serves
    owner: str
    channel: str
    team: bool
    contact: Mapping[str, str]
    script: str
    hours: Hours | None


@dataclass(frozen=True, slots=True)
class Owner:
    role: str
    words: str


@dataclass(frozen=True, slots=True)
class Contact:
    """One authority's own entry for a route, as seen on a date."""

    channel: str
    fields: Mapping[str, str]
    hours: Hours | None
    script: str


@dataclass(frozen=True, slots=True)
class StandIn:
    """While `route` is closed, `stand_in` answers for anything this urgent."""

    route: str
    priority: Priority
    stand_in: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Track:
    """A clock that runs on somebody else once a route is taken."""

    name: str
    route: str
    clock: ClockSpec


@dataclass(frozen=True, slots=True)
class Task:
    """What somebody at the school, or a team, is asked to do about a duty."""

    route: str
    priority: Priority
    say: str


@dataclass(frozen=True, slots=True)
class DutyExample:
    """A start, and the instant it is due; closed: days the school does not meet."""

    start: str
    due: str
    closed: tuple[date, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Duty:
    """What an event other than a new concern sets going: a clock, and the tasks around it.

    counts_first_day: the day it starts on is day one, as absence is counted.
    """

    id: str
    rule: str
    title: str
    starts: str
    by: ClockSpec
    counts_first_day: bool
    clock: str
    open: tuple[Task, ...]
    late: tuple[Task, ...]
    forbids: tuple[str, ...]
    cites: tuple[Cite, ...]
    because: str
    examples: tuple[DutyExample, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a professional disagreement: who speaks to whom."""

    route: str
    school: str
    authority: str


@dataclass(frozen=True, slots=True)
class GateNeed:
    """Whose advice is needed while `when` holds; until: the fact that says it was given."""

    who: str
    when: Condition = ALWAYS
    until: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """What is allowed once nothing is needed and `when` holds, unless one of `barred_by` does."""

    to: GateState
    when: Condition
    by: str = ""
    barred_by: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GateRule:
    """One audience. general: news of no incident at all, which is released without advice."""

    audience: str
    state: GateState
    id: str
    title: str
    cite: str
    say: str
    needs: tuple[GateNeed, ...] = ()
    denied: Condition | None = None
    general: Condition | None = None
    release: Release | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    value: int | tuple[int, ...]
    says: str
    basis: str


@dataclass(frozen=True, slots=True)
class Pack:
    ref: PackRef
    file: str
    in_force: date
    rules: tuple[Rule, ...]
    settings: Mapping[str, Setting]
    in_force_to: date | None = None
    duties: tuple[Duty, ...] = ()
    ladder: tuple[Stage, ...] = ()
    tracks: tuple[Track, ...] = ()
    withdraw: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LocalPack(Pack):
    authority: str = ""
    name: str = ""
    platform: bool = False
    contacts: Mapping[str, Contact] = field(default_factory=dict)
    # By URN; "authority" for the schools that have none of their own.
    calendars: Mapping[str, Calendar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NationalPack(Pack):
    sources: Mapping[str, str] = field(default_factory=dict)
    routes: Mapping[str, Route] = field(default_factory=dict)
    owners: Mapping[str, Owner] = field(default_factory=dict)
    prohibitions: Mapping[str, str] = field(default_factory=dict)
    permissions: Mapping[str, str] = field(default_factory=dict)
    stand_ins: tuple[StandIn, ...] = ()
    conflicts: Mapping[str, str] = field(default_factory=dict)
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    gate: Mapping[str, GateRule] = field(default_factory=dict)
