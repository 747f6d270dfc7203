"""The policy of a directory of packs: decides, explains, and never answers lower than before."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from shared.policy import gate
from shared.policy.clocks import LONDON, Hours, beyond_known_holidays, discovery, due, is_open
from shared.policy.compile import masks_of
from shared.policy.decision import Action, Decision, Priority
from shared.policy.derive import derive
from shared.policy.directory import Authorities, Directory
from shared.policy.evaluate import Case, actions, prohibitions, reasons
from shared.policy.explain import why_not
from shared.policy.intervals import Settings, settings_of
from shared.policy.layers import REMEMBERED, Layer, Layers
from shared.policy.load import PACKS, load_packs
from shared.policy.pack import LocalPack, NationalPack, Track
from shared.policy.plan import Plan
from shared.policy.raising import raise_to
from shared.policy.required import Outcome, Reason
from shared.policy.schema import UNKNOWN, Raw, Schema, Value, load_schema

EVERYTHING_ELSE: Priority = "P4"


class Seen(NamedTuple):
    """Every fact as the rules see it, which were given, whether the child's hub is open, and the
    rules that hold."""

    values: dict[str, Value]
    given: frozenset[str]
    in_hours: bool
    layer: Layer


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
        self._place = lru_cache(REMEMBERED)(self._place_of)
        self._moment = lru_cache(REMEMBERED)(self._moment_of)
        self._layers = Layers(schema, national, locals_, self.directory)
        for las in [(), *((la,) for la in locals_)]:
            self._layers.on(las, national.in_force)

    def decide(
        self,
        facts: Mapping[str, Raw],
        *,
        received_at: datetime,
        discovered_at: datetime | None = None,
        subject: str = "child-1",
        authorities: Authorities,
    ) -> Decision:
        values, _, in_hours, layer = self.seen(facts, received_at, authorities)
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
        return self.outcome_of(self.seen(facts, received_at, authorities), authorities)

    def outcome_of(self, seen: Seen, authorities: Authorities) -> Outcome:
        """The same for facts that were read: by this policy, or by one whose hub is as open."""
        values, given, _, layer = seen
        outcomes = layer.outcomes(authorities, _conflicted(values))
        return outcomes.read(outcomes.effect(layer.sparse.joined(values, given)))

    def seen_by(self, other: Seen, received_at: datetime, authorities: Authorities) -> Seen:
        """What another policy with the same list of facts has read, for this one's rules."""
        in_hours, layer = self._moment(received_at, authorities)
        values = other.values
        if in_hours != other.in_hours:
            values = {**values, "in_hours": "yes" if in_hours else "no"}
        return Seen(values, other.given, in_hours, layer)

    def reasoned(
        self, facts: Mapping[str, Raw], *, received_at: datetime, authorities: Authorities
    ) -> tuple[Outcome, Callable[[], list[Reason]]]:
        """The outcome, and the rules behind it for whoever asks."""
        values, given, _, layer = self.seen(facts, received_at, authorities)
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
        values, _, _, layer = self.seen(facts, received_at, authorities)
        worst = {
            fact.name: values.get(fact.worst_case_if) == "yes"
            for fact in self.schema.facts.values()
        }
        return why_not(layer.table, route, values, worst, self.schema)

    def settings(self, la: str | None = None) -> Settings:
        """The authority's own where it has a pack, else the nation's."""
        return settings_of(self.locals.get(la or "") or self.national)

    def on_platform(self, la: str | None) -> bool:
        """Whether this authority's teams work here, and so see calls they still await."""
        pack = self.locals.get(la or "")
        return pack is not None and pack.platform

    def values(
        self, facts: Mapping[str, Raw], received_at: datetime, authorities: Authorities
    ) -> tuple[dict[str, Value], bool]:
        """Every fact as the rules see it, and whether the child's hub is open."""
        values, _, in_hours, _ = self.seen(facts, received_at, authorities)
        return values, in_hours

    def seen(
        self, facts: Mapping[str, Raw], received_at: datetime, authorities: Authorities
    ) -> Seen:
        if received_at.tzinfo is None:
            raise ValueError("received_at must be an aware instant")
        in_hours, layer = self._moment(received_at, authorities)
        values, given = self.schema.reading(facts)
        derive(values, given, self.schema, in_hours)
        return Seen(values, given, in_hours, layer)

    def _moment_of(self, received_at: datetime, authorities: Authorities) -> tuple[bool, Layer]:
        """Whether the child's hub is open then, and the rules that hold."""
        local = received_at.astimezone(LONDON)
        applying, hours = self._place(authorities)
        return is_open(hours, local), self._layers.on(applying, local.date())

    def _place_of(self, authorities: Authorities) -> tuple[tuple[str, ...], Hours]:
        """The authorities whose packs apply, and when the child's hub is open."""
        home = authorities.serving("home")
        las = {home, authorities.serving("school")}
        applying = tuple(sorted(la for la in las if la is not None and la in self.locals))
        return applying, self.directory.hub_hours(home)

    def _alarms(self, plan: Plan, received_at: datetime) -> tuple[str, ...]:
        late = ("bank_holidays_unknown",) if beyond_known_holidays(received_at) else ()
        return (*plan.alarms, *late)


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
