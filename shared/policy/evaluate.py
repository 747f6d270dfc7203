"""Joins what the matched rules say: all routes, highest priority, earliest deadline, every ban."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from shared.policy.clocks import due, next_opening
from shared.policy.compile import Table, Unit, bits
from shared.policy.decision import Action, Because, Priority, Prohibition
from shared.policy.directory import Authorities, Directory, Service
from shared.policy.pack import NationalPack, Require
from shared.policy.schema import Value

HUBS: Final = ("MASH", "EDT")


@dataclass(frozen=True, slots=True)
class Case:
    """Everything about the one subject that is decided."""

    values: Mapping[str, Value]
    subject: str
    authorities: Authorities
    received_at: datetime
    discovered_at: datetime
    conflicted: frozenset[str]


@dataclass(slots=True)
class Draft:
    """An action while rules still add to it."""

    route: str
    subject: str
    service: Service
    owner: tuple[str, str]
    channel: str
    priority: Priority
    by: datetime | None
    hard_by: datetime | None
    certain: bool
    scripts: dict[str, None] = field(default_factory=dict)
    because: dict[str, Because] = field(default_factory=dict)

    def join(self, require: Require, by: datetime | None, hard_by: datetime | None) -> None:
        self.priority = min(self.priority, require.priority)
        self.by = None if self.by is None or by is None else _earlier(self.by, by)
        self.hard_by = (
            _earlier(self.hard_by, hard_by)
            if self.hard_by and hard_by
            else (self.hard_by or hard_by)
        )


def _earlier(one: datetime, other: datetime) -> datetime:
    return min(one, other, key=datetime.timestamp)


class Joiner:
    """Gathers the effects of every rule that applies to one case."""

    def __init__(self, case: Case, national: NationalPack, directory: Directory) -> None:
        self._case = case
        self._national = national
        self._directory = directory
        self._drafts: dict[tuple[str, str, str | None, str], Draft] = {}
        self._bans: dict[str, dict[str, Because]] = {}
        self.permissions: dict[str, None] = {}
        self.alarms: dict[str, None] = {}

    def add(self, unit: Unit, facts: Iterable[str], *, certain: bool) -> None:
        values = self._case.values
        rule = unit.stand_in or unit.rule
        matched = {name: values[name] for name in facts}
        reason = Because(rule.id, rule.title, rule.cite, matched, rule.because)
        for require in rule.requires:
            draft = self._draft(require)
            draft.certain |= certain
            draft.because.setdefault(reason.rule, reason)
            if require.script:
                draft.scripts[require.script] = None
        for code in rule.forbids:
            self._bans.setdefault(code, {}).setdefault(rule.id, reason)
        if certain:
            self.permissions |= dict.fromkeys(rule.permits)

    def _draft(self, require: Require) -> Draft:
        case = self._case
        route = self._instead(require.route)
        la = case.authorities.serving(require.la or self._national.routes[route].serves)
        service = self._directory.service(route, la)
        if service.alarm:
            self.alarms[service.alarm] = None
        owner = (service.owner, service.owner_role)
        if require.owner:
            owner = self._directory.owner(require.owner)
        start = case.discovered_at if require.start == "discovery" else case.received_at
        at_hub = require.by.kind == "HUB_OPEN"
        by = due(require.by, start, self._directory.hub_hours(la) if at_hub else service.hours)
        hard_by = due(require.hard_by, start, None) if require.hard_by else None
        key = (route, require.subject or case.subject, service.la, owner[1])
        draft = self._drafts.get(key)
        if draft is not None:
            draft.join(require, by, hard_by)
            return draft
        draft = self._drafts[key] = Draft(
            route=route,
            subject=key[1],
            service=service,
            owner=owner,
            channel=require.channel or service.channel,
            priority=require.priority,
            by=by,
            hard_by=hard_by,
            certain=False,
        )
        return draft

    def _instead(self, route: str) -> str:
        """The next fit person where the usual one is in conflict."""
        conflicts = self._national.conflicts
        if conflicts.get(route) not in self._case.conflicted:
            return route
        fit = (
            r
            for r in self._national.fallbacks[route]
            if conflicts.get(r) not in self._case.conflicted
        )
        return next(fit, route)

    def _host_copies(self) -> list[Draft]:
        """In an emergency the authority where the child is found acts, and the home one is told."""
        found = self._case.authorities.found
        home = self._case.authorities.serving("home")
        if found in {None, home} or not any(d.priority == "P0" for d in self._drafts.values()):
            return []
        copies = []
        for draft in self._drafts.values():
            if draft.route in HUBS:
                service = self._directory.service(draft.route, found)
                opening = next_opening(self._directory.hub_hours(found), self._case.received_at)
                copies.append(
                    replace(
                        draft,
                        service=service,
                        owner=(service.owner, service.owner_role),
                        channel=service.channel,
                        by=opening if draft.route == "MASH" else None,
                    )
                )
        return copies

    def actions(self) -> tuple[Action, ...]:
        routes = self._national.routes
        drafts = [*self._drafts.values(), *self._host_copies()]
        drafts.sort(key=lambda draft: (draft.priority, routes[draft.route].rank))
        return tuple(_action(draft) for draft in drafts)

    def prohibitions(self) -> tuple[Prohibition, ...]:
        say = self._national.prohibitions
        return tuple(
            Prohibition(code, say[code], tuple(reasons.values()))
            for code, reasons in self._bans.items()
        )


def _action(draft: Draft) -> Action:
    service = draft.service
    scripts = [service.script, *draft.scripts] if service.script else list(draft.scripts)
    return Action(
        route=draft.route,
        subject=draft.subject,
        la=service.la,
        priority=draft.priority,
        certainty="certain" if draft.certain else "precautionary",
        by=draft.by,
        hard_by=draft.hard_by,
        owner=draft.owner[0],
        owner_role=draft.owner[1],
        channel=draft.channel,
        contact=service.contact,
        script=" ".join(scripts),
        because=tuple(draft.because.values()),
    )


def join(table: Table, may: int, must: int, joiner: Joiner) -> None:
    """Each rule once: by a branch that is certain where there is one."""
    chosen: dict[int, tuple[int, bool]] = {}
    for term in bits(may):
        unit = table.unit_of[term]
        certain = bool(must >> term & 1)
        if unit not in chosen or (certain and not chosen[unit][1]):
            chosen[unit] = (term, certain)
    for unit, (term, certain) in chosen.items():
        joiner.add(table.units[unit], table.facts_of[term], certain=certain)
