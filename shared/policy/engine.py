"""The policy of a directory of packs: decides, explains, and never answers lower than before."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from shared.policy import gate
from shared.policy.clocks import LONDON, Hours, beyond_known_holidays, discovery, due, is_open
from shared.policy.compile import Masks, Table, build, masks_of, match
from shared.policy.decision import Action, Decision, PackRef, Priority, Question
from shared.policy.derive import derive
from shared.policy.directory import Authorities, Directory
from shared.policy.evaluate import Case, actions, prohibitions, reasons
from shared.policy.explain import questions, why_not
from shared.policy.load import PACKS, load_packs
from shared.policy.outcome import Outcome, Outcomes, Reason
from shared.policy.pack import LocalPack, NationalPack, Rule, Track
from shared.policy.plan import Plan, Planner
from shared.policy.raising import raise_to
from shared.policy.schema import UNKNOWN, Raw, Schema, Value, load_schema
from shared.policy.sparse import Sparse

EVERYTHING_ELSE: Priority = "P4"


@dataclass(frozen=True, slots=True)
class Settings:
    """Intervals that no guidance gives: project defaults until an authority signs its own."""

    p0_unconfirmed: timedelta
    call_back: timedelta
    p1_unclaimed: timedelta
    reminders_percent: tuple[int, ...]
    escalation_working_days: tuple[int, ...]


_Answer: TypeAlias = tuple[Plan, tuple[Question, ...]]
# Alike concerns ask alike; this many plans a layer are remembered.
REMEMBERED: Final = 1024
# Sets of authorities and conflicts whose outcomes are kept compiled.
PLACES: Final = 64


@dataclass(frozen=True, slots=True)
class _Layer:
    """The national pack with the local packs that apply, compiled together."""

    table: Table
    sparse: Sparse
    packs: tuple[PackRef, ...]
    tracks: tuple[Track, ...]
    withdrawn: frozenset[str]
    answer: Callable[[Masks, Authorities, frozenset[str]], _Answer]
    outcomes: Callable[[Authorities, frozenset[str]], Outcomes]


class Policy:
    raise_to = staticmethod(raise_to)

    def __init__(
        self,
        schema: Schema,
        national: NationalPack,
        locals_: Mapping[str, LocalPack],
        alarms: tuple[str, ...],
    ) -> None:
        self.schema = schema
        self.national = national
        self.locals = locals_
        self.alarms = alarms
        self.directory = Directory(national, locals_)
        packs = [national, *locals_.values()]
        self._changes = _changes(rule for pack in packs for rule in pack.rules)
        self._place = lru_cache(REMEMBERED)(self._place_of)
        self._layers: dict[tuple[tuple[str, ...], int], _Layer] = {}
        for las in [(), *((la,) for la in locals_)]:
            self._layer(las, national.in_force)

    def decide(
        self,
        facts: Mapping[str, Raw],
        *,
        received_at: datetime,
        discovered_at: datetime | None = None,
        subject: str = "child-1",
        authorities: Authorities,
    ) -> Decision:
        values, _, in_hours, layer = self._seen(facts, received_at, authorities)
        masks = masks_of(layer.table, values)
        plan, may_ask = layer.answer(masks, authorities, _conflicted(values))
        case = Case(values, subject, received_at, discovery(received_at, discovered_at))
        because = reasons(plan, case)
        done = actions(plan, case, because)
        return Decision(
            packs=layer.packs,
            priority=done[0].priority if done else EVERYTHING_ELSE,
            in_hours=in_hours,
            actions=done,
            prohibitions=prohibitions(plan, because, self.national.prohibitions),
            permissions=tuple(p for p in plan.permissions if p not in layer.withdrawn),
            questions=may_ask,
            gate=gate.evaluate(values, plan.forbidden, self.national.gate),
            clocks=_clocks(layer.tracks, done, received_at),
            alarms=self._alarms(plan, received_at),
        )

    def outcome(
        self, facts: Mapping[str, Raw], *, received_at: datetime, authorities: Authorities
    ) -> Outcome:
        """What `decide` requires, forbids and permits, without its reasons: for many at once."""
        values, given, _, layer = self._seen(facts, received_at, authorities)
        outcomes = layer.outcomes(authorities, _conflicted(values))
        return outcomes.read(outcomes.effect(layer.sparse.joined(values, given)))

    def reasoned(
        self, facts: Mapping[str, Raw], *, received_at: datetime, authorities: Authorities
    ) -> tuple[Outcome, Callable[[], list[Reason]]]:
        """The outcome, and the rules behind it for whoever asks."""
        values, given, _, layer = self._seen(facts, received_at, authorities)
        outcomes = layer.outcomes(authorities, _conflicted(values))
        both = layer.sparse.joined(values, given)
        return outcomes.read(outcomes.effect(both)), partial(outcomes.reasons, both, values)

    def why_not(
        self,
        route: str,
        facts: Mapping[str, Raw],
        *,
        received_at: datetime,
        authorities: Authorities,
    ) -> dict[str, Any]:
        values, _, _, layer = self._seen(facts, received_at, authorities)
        worst = {
            fact.name: values.get(fact.worst_case_if) == "yes"
            for fact in self.schema.facts.values()
        }
        return why_not(layer.table, route, values, worst, self.schema)

    def settings(self, la: str | None = None) -> Settings:
        pack = self.locals.get(la or "")
        named = (pack or self.national).settings
        minutes = {name: timedelta(minutes=_number(named[name].value)) for name in named
                   if name.endswith("_minutes")}  # fmt: skip
        return Settings(
            p0_unconfirmed=minutes["p0_unconfirmed_minutes"],
            call_back=minutes["call_back_minutes"],
            p1_unclaimed=minutes["p1_unclaimed_minutes"],
            reminders_percent=_numbers(named["reminders_percent"].value),
            escalation_working_days=_numbers(named["escalation_working_days"].value),
        )

    def on_platform(self, la: str | None) -> bool:
        """Whether this authority's teams work here, and so see calls they still await."""
        pack = self.locals.get(la or "")
        return pack is not None and pack.platform

    def values(
        self, facts: Mapping[str, Raw], received_at: datetime, authorities: Authorities
    ) -> tuple[dict[str, Value], bool]:
        """Every fact as the rules see it, and whether the child's hub is open."""
        values, _, in_hours, _ = self._seen(facts, received_at, authorities)
        return values, in_hours

    def _seen(
        self, facts: Mapping[str, Raw], received_at: datetime, authorities: Authorities
    ) -> tuple[dict[str, Value], frozenset[str], bool, _Layer]:
        """Every fact, which were given, whether the hub is open, and the rules that hold."""
        if received_at.tzinfo is None:
            raise ValueError("received_at must be an aware instant")
        local = received_at.astimezone(LONDON)
        applying, hours = self._place(authorities)
        values, given = self.schema.reading(facts)
        in_hours = is_open(hours, local)
        derive(values, given, self.schema, in_hours)
        return values, given, in_hours, self._layer(applying, local.date())

    def _place_of(self, authorities: Authorities) -> tuple[tuple[str, ...], Hours]:
        """The authorities whose packs apply, and when the child's hub is open."""
        home = authorities.serving("home")
        las = {home, authorities.serving("school")}
        applying = tuple(sorted(la for la in las if la is not None and la in self.locals))
        return applying, self.directory.hub_hours(home)

    def _layer(self, las: tuple[str, ...], day: date) -> _Layer:
        """The rules in force on that day; between two changes of the law all days are alike."""
        key = las, bisect_right(self._changes, day)
        layer = self._layers.get(key)
        if layer is None:
            packs = [self.locals[la] for la in las]
            rules = [*self.national.rules, *(rule for pack in packs for rule in pack.rules)]
            rules = [rule for rule in rules if rule.in_force.on(day)]
            table = build(rules, self.national, self.schema)
            withdrawn = frozenset[str]().union(*(pack.withdraw for pack in packs))
            layer = self._layers[key] = _Layer(
                table=table,
                sparse=Sparse(table, self.schema),
                answer=lru_cache(REMEMBERED)(self._answer(table)),
                packs=(self.national.ref, *(pack.ref for pack in packs)),
                tracks=(*self.national.tracks, *(t for pack in packs for t in pack.tracks)),
                withdrawn=withdrawn,
                outcomes=lru_cache(PLACES)(self._outcomes(table, withdrawn)),
            )
        return layer

    def _answer(self, table: Table) -> Callable[[Masks, Authorities, frozenset[str]], _Answer]:
        planner = Planner(table, self.national, self.directory)

        def answer(masks: Masks, where: Authorities, conflicted: frozenset[str]) -> _Answer:
            matched = match(table, masks)
            plan = planner.plan(matched, where, conflicted)
            asked = questions(table, matched, plan.drafts, self.schema, self.national.routes)
            return plan, asked

        return answer

    def _outcomes(
        self, table: Table, withdrawn: frozenset[str]
    ) -> Callable[[Authorities, frozenset[str]], Outcomes]:
        planner = Planner(table, self.national, self.directory)

        def outcomes(where: Authorities, conflicted: frozenset[str]) -> Outcomes:
            return Outcomes(table, planner, where, conflicted, withdrawn)

        return outcomes

    def _alarms(self, plan: Plan, received_at: datetime) -> tuple[str, ...]:
        late = ("bank_holidays_unknown",) if beyond_known_holidays(received_at) else ()
        return (*plan.alarms, *late)


def _changes(rules: Iterable[Rule]) -> list[date]:
    """The days on which a rule begins to hold, or no longer does."""
    days: set[date] = set()
    for rule in rules:
        start = rule.in_force.start
        if start is not None and start != date.min:
            days.add(start)
        if rule.in_force.end is not None:
            days.add(rule.in_force.end + timedelta(days=1))
    return sorted(days)


def _clocks(
    tracks: tuple[Track, ...], actions: tuple[Action, ...], received_at: datetime
) -> dict[str, datetime]:
    routes = {action.route for action in actions}
    found: dict[str, datetime] = {}
    for track in tracks:
        at = due(track.clock, received_at, None) if track.route in routes else None
        if at is not None:
            found[track.name] = min(at, found.get(track.name, at), key=datetime.timestamp)
    return found


def _conflicted(values: Mapping[str, Value]) -> frozenset[str]:
    """Who may not be given the task; an accused head who may also be the DSL is both."""
    conflict, source = values["conflict"], values["source_of_harm"]
    found = set(conflict if isinstance(conflict, frozenset) else ())
    if isinstance(source, frozenset) and "headteacher" in source:
        found.add("head")
    if "head" in found and values["head_is_dsl"] in {"yes", UNKNOWN}:
        found.add("dsl")
    return frozenset(found)


def _number(value: int | tuple[int, ...]) -> int:
    return value if isinstance(value, int) else value[0]


def _numbers(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else value


def load_policy(directory: Path | None = None) -> Policy:
    """The packs of a directory. The built-in ones are read once a process."""
    return _load(directory) if directory is not None else _built_in()


def _load(directory: Path) -> Policy:
    schema = load_schema()
    national, locals_, alarms = load_packs(directory, schema)
    return Policy(schema, national, locals_, alarms)


@lru_cache(maxsize=1)
def _built_in() -> Policy:
    return _load(PACKS)
