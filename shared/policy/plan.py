"""Joins what the matched rules say: all routes, highest priority, every deadline, every ban.

A plan knows no instant and no child: the same rules, authorities and conflicts give the same plan.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from shared.policy.clocks import SCHOOL_CLOCKS, ClockSpec, Times
from shared.policy.compile import Matched, Table, bits
from shared.policy.decision import Priority
from shared.policy.directory import Authorities, Directory, Service
from shared.policy.pack import NationalPack, Require, Rule, Start

HUBS: Final = ("MASH", "EDT")
ALWAYS_TOLD: Final = ("MASH",)
ANYONE: Final = "whoever_reported"
HUB_OPEN: Final = ClockSpec("HUB_OPEN")
HOME_UNKNOWN: Final = (
    "Where the child lives is not known: this is the authority where the child was found, else the "
    "school's. Say so, and ask who has the child."
)


@dataclass(frozen=True, slots=True)
class Deadline:
    clock: ClockSpec
    start: Start
    hours: Times = None


_Clock: TypeAlias = tuple[str, int, Start]


@dataclass(frozen=True, slots=True)
class Fired:
    """One rule that applies, and the facts that its branch looked at."""

    rule: Rule
    facts: tuple[str, ...]
    certain: bool


@dataclass(slots=True)
class Draft:
    """One task of the plan. The earliest of `by` holds; an empty `by` means now."""

    route: str
    subject: str  # empty: the subject of the decision
    service: Service
    owner: tuple[str, str]
    channel: str
    priority: Priority
    certain: bool = False
    at_once: bool = False
    by: dict[_Clock, Deadline] = field(default_factory=dict)
    hard_by: dict[_Clock, Deadline] = field(default_factory=dict)
    scripts: dict[str, None] = field(default_factory=dict)
    because: dict[int, None] = field(default_factory=dict)
    script: str = ""

    def settle(self) -> "Draft":
        self.script = " ".join(filter(None, [self.service.script, *self.scripts]))
        if self.at_once:
            self.by = {}
        return self


@dataclass(frozen=True, slots=True)
class Plan:
    fired: tuple[Fired, ...]
    drafts: tuple[Draft, ...]
    bans: tuple[tuple[str, tuple[int, ...]], ...]
    forbidden: frozenset[str]
    permissions: tuple[str, ...]
    alarms: tuple[str, ...]


class Planner:
    """Plans for one layering of packs."""

    def __init__(self, table: Table, national: NationalPack, directory: Directory) -> None:
        self._table = table
        self._national = national
        self._directory = directory
        # The role that owns each person's own route: dsl -> DSL, headteacher -> HEADTEACHER ...
        self._person_routes = {
            directory.owner(national.routes[code].owner)[1]: code for code in national.conflicts
        }

    def rank(self, route: str) -> int:
        return self._national.routes[route].rank

    def plan(self, matched: Matched, where: Authorities, conflicted: frozenset[str]) -> Plan:
        fired = self._fired(matched)
        drafts: dict[tuple[str, str, str | None, str], Draft] = {}
        bans: dict[str, list[int]] = {}
        for index, each in enumerate(fired):
            for require in each.rule.requires:
                draft = self.draft(require, where, conflicted, drafts)
                draft.certain |= each.certain
                draft.because[index] = None
            for code in each.rule.forbids:
                bans.setdefault(code, []).append(index)
        ordered = [*drafts.values(), *self.host_copies(drafts.values(), where, conflicted)]
        ordered.sort(key=lambda d: (d.priority, self._national.routes[d.route].rank))
        return Plan(
            fired=fired,
            drafts=tuple(draft.settle() for draft in ordered),
            bans=tuple((code, tuple(indices)) for code, indices in bans.items()),
            forbidden=frozenset(bans),
            permissions=tuple(
                dict.fromkeys(p for each in fired if each.certain for p in each.rule.permits)
            ),
            alarms=tuple(dict.fromkeys(d.service.alarm for d in ordered if d.service.alarm)),
        )

    def _fired(self, matched: Matched) -> tuple[Fired, ...]:
        """Each rule once: by a branch that is certain where there is one."""
        table = self._table
        chosen: dict[str, Fired] = {}
        for term in bits(matched.may):
            rule = table.units[table.unit_of[term]].rule
            certain = bool(matched.must >> term & 1)
            if rule.id not in chosen or (certain and not chosen[rule.id].certain):
                chosen[rule.id] = Fired(rule, table.facts_of[term], certain)
        return tuple(chosen.values())

    def draft(
        self,
        require: Require,
        where: Authorities,
        conflicted: frozenset[str],
        drafts: dict[tuple[str, str, str | None, str], Draft],
    ) -> Draft:
        route = self._instead(require.route, conflicted)
        la = where.serving(require.la or self._national.routes[route].serves)
        service = self._directory.service(route, la)
        owner = (service.owner, service.owner_role)
        if require.owner:
            owner = self._directory.owner(require.owner)
        owner = self._fit_owner(owner, where, conflicted)
        key = (route, require.subject, service.la, owner[1])
        draft = drafts.get(key)
        if draft is None:
            channel = require.channel or service.channel
            draft = Draft(route, require.subject, service, owner, channel, require.priority)
            drafts[key] = draft
            if where.home is None and self._serves_home(require):
                draft.scripts[HOME_UNKNOWN] = None
        draft.priority = min(draft.priority, require.priority)
        self._add_clocks(draft, require, service, where)
        if require.script:
            draft.scripts[require.script] = None
        return draft

    def _serves_home(self, require: Require) -> bool:
        route = self._national.routes[require.route]
        return route.team and (require.la or route.serves) == "home"

    def _add_clocks(
        self, draft: Draft, require: Require, service: Service, where: Authorities
    ) -> None:
        by, hard_by = require.by, require.hard_by
        if by.kind == "now":
            draft.at_once = True
        elif (by.kind, by.count, require.start) not in draft.by:
            hours: Times = service.hours
            if by.kind == "HUB_OPEN":
                la = where.serving(require.la or self._national.routes[draft.route].serves)
                hours = self._directory.hub_hours(la)
            elif by.kind in SCHOOL_CLOCKS:
                hours = self._directory.calendar(where.serving("school"))
            draft.by[by.kind, by.count, require.start] = Deadline(by, require.start, hours)
        if hard_by is not None:
            key = (hard_by.kind, hard_by.count, require.start)
            draft.hard_by[key] = Deadline(hard_by, require.start)

    def _instead(self, route: str, conflicted: frozenset[str]) -> str:
        """The next fit person where the usual one is in conflict."""
        who = self._national.conflicts
        if who.get(route) not in conflicted:
            return route
        others = self._national.fallbacks[route]
        return next((other for other in others if who.get(other) not in conflicted), route)

    def _fit_owner(
        self, owner: tuple[str, str], where: Authorities, conflicted: frozenset[str]
    ) -> tuple[str, str]:
        """Calls and forms pass to the next fit person too, not only the person's own route."""
        if not self._barred(owner, conflicted):
            return owner
        fit = self._instead(self._person_routes[owner[1]], conflicted)
        service = self._directory.service(fit, where.serving("school"))
        other = (service.owner, service.owner_role)
        # Where nobody at the school is fit, anyone may still refer.
        return self._directory.owner(ANYONE) if self._barred(other, conflicted) else other

    def _barred(self, owner: tuple[str, str], conflicted: frozenset[str]) -> bool:
        route = self._person_routes.get(owner[1])
        return route is not None and self._national.conflicts[route] in conflicted

    def host_copies(
        self, drafts: Iterable[Draft], where: Authorities, conflicted: frozenset[str]
    ) -> list[Draft]:
        """The authority where the child is found is told too, and in an emergency it acts."""
        drafts = list(drafts)
        if where.found in {None, where.serving("home")}:
            return []
        told = HUBS if any(draft.priority == "P0" for draft in drafts) else ALWAYS_TOLD
        copies = []
        for draft in drafts:
            if draft.route in told and draft.service.la != where.found:
                service = self._directory.service(draft.route, where.found)
                opening = Deadline(HUB_OPEN, "receipt", self._directory.hub_hours(where.found))
                owner = (service.owner, service.owner_role)
                copies.append(
                    replace(
                        draft,
                        service=service,
                        owner=self._fit_owner(owner, where, conflicted),
                        channel=service.channel,
                        at_once=draft.route != "MASH",
                        by={("HUB_OPEN", 0, "receipt"): opening},
                    )
                )
        return copies
