"""Turns a region where a promise fails into one concern, and answers it as production would.

No failure is shown that the evaluator itself does not confirm.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import chain, combinations, islice
from typing import Final

from shared.policy.clocks import LONDON, is_open
from shared.policy.compile import build, masks_of, match
from shared.policy.decision import Decision
from shared.policy.directory import Authorities
from shared.policy.engine import Policy
from shared.policy.grammar import may_hold
from shared.policy.prove.obligation import Obligation
from shared.policy.prove.regions import Region
from shared.policy.prove.sources import Source
from shared.policy.prove.space import CONCERN, NOTHING, SEVERE, TYPES, Key
from shared.policy.schema import UNKNOWN, Raw, Value

TRIES: Final = 400
USUAL_TYPES: Final = ("physical", "neglect", "bereavement")
HOURS: Final = 24 * 14


@dataclass(frozen=True, slots=True)
class Example:
    """One concern that breaks the promise, as it is sent and as it is answered."""

    given: Mapping[str, Raw]
    at: datetime
    values: Mapping[str, Value]
    decision: Decision
    nearest: str  # the rule that came nearest, or that did what must never be done
    failing: tuple[tuple[str, Value], ...]  # its facts that do not fit, with what they are


def replay(
    question: Obligation, region: Region, policy: Policy, las: tuple[str, ...], day: date
) -> Example | None:
    """None: nothing that can be sent ends up in the region; the caller must not stay silent."""
    la = las[0] if las else None
    where = Authorities(home=la, school=la)
    for given in islice(_candidates(region), TRIES):
        for at in _instants(policy, region, where, day):
            values, _ = policy.values(given, at, where)
            if _within(region, values) and _breaks(question, policy, values):
                decision = policy.decide(given, received_at=at, authorities=where)
                rule, failing = _nearest(question, policy, values)
                return Example(given, at, values, decision, rule, failing)
    return None


def _keys(region: Region, name: str) -> list[Key]:
    """What the region says of a fact, the easiest to read first: known, and the oldest child."""
    if name not in region.cube:
        return []
    keys = region.where.keys(name, region.cube[name])
    known = [k for k in keys if k in region.where.schema[name].values or isinstance(k, int)]
    return [*reversed(known), *(k for k in keys if k not in known)]


def _candidates(region: Region) -> Iterator[dict[str, Raw]]:
    schema = region.where.schema
    request = region.where.keys(CONCERN, region.where.live[CONCERN]) == ["no"]
    given: dict[str, Raw] = {}
    for name, fact in schema.facts.items():
        if fact.derived or name == TYPES or (request and name not in schema.request_facts):
            continue
        limited = region.where.live[name].bit_count() == 1
        for key in _keys(region, name)[:1] or (
            region.where.keys(name, region.where.live[name]) if limited else []
        ):
            given[name] = _raw(fact.kind, key)
    if request:
        yield {"disclosure_request": "all_parents", **given}
        return
    spare = _spare(region, given)
    for types in _types(region):
        yield {**given, TYPES: types}
        for name, keys in spare:
            yield from ({**given, TYPES: types, name: raw} for raw in keys)


def _raw(kind: str, key: Key) -> Raw:
    if kind == "set":
        return [] if key == NOTHING else [str(key)]
    return key if isinstance(key, int) else UNKNOWN if key not in {NOTHING} and _open(key) else key


def _open(key: Key) -> bool:
    return isinstance(key, str) and key.startswith(UNKNOWN)


def _spare(region: Region, given: Mapping[str, Raw]) -> list[tuple[str, list[Raw]]]:
    """Other values of the facts that the region names, for where the first cannot arise."""
    kinds = region.where.schema
    return [(name, [_raw(kinds[name].kind, key) for key in _keys(region, name)[1:6]])
            for name in given if name in region.cube]  # fmt: skip


def _types(region: Region) -> Iterator[list[str]]:
    """One kind of concern, or the fewest more that bring about the markers of the region."""
    where = region.where
    live = [str(k) for k in where.keys(TYPES, region.cube.get(TYPES, where.live[TYPES]))]
    usual = [kind for kind in USUAL_TYPES if kind in live]
    first = [*usual, *(kind for kind in live if kind not in usual)]
    if where.keys(SEVERE, where.live[SEVERE]) == ["yes"]:
        first.sort(key=lambda kind: kind not in where.schema.severe_types)
    others = [str(k) for k in where.schema[TYPES].values]
    yield from ([kind] for kind in first)
    extra = chain(combinations(others, 1), combinations(others, 2))
    yield from ([kind, *more] for kind in first[:2] for more in extra)


def _instants(policy: Policy, region: Region, where: Authorities, day: date) -> Iterable[datetime]:
    """A morning with the hub open, an evening with it closed, as the region says."""
    hours = policy.directory.hub_hours(where.serving("home"))
    mask = region.cube.get("in_hours", region.where.live["in_hours"])
    wanted = region.where.keys("in_hours", mask)
    start = datetime.combine(day, time(10, 10), LONDON)
    instants = [start + timedelta(hours=hour) for hour in range(HOURS)]
    found: dict[str, datetime] = {}
    for at in instants:
        found.setdefault("yes" if is_open(hours, at) else "no", at)
    return [found[str(key)] for key in wanted if key in found]


def _within(region: Region, values: Mapping[str, Value]) -> bool:
    for name, mask in region.cube.items():
        value = values[name]
        keys: Iterable[Key] = (value or {NOTHING}) if isinstance(value, frozenset) else [value]
        if not any(region.where.bit(name, key) & mask for key in keys):
            return False
    fixed = {CONCERN, SEVERE} & set(values)
    return all(region.where.bit(name, str(values[name])) for name in fixed)


def _breaks(question: Obligation, policy: Policy, values: Mapping[str, Value]) -> bool:
    def applies(source: Source) -> bool:
        return holds_in_production(source, policy, values)

    if not any(applies(source) for source in question.whens):
        return False
    if any(applies(source) for source in question.goal.never):
        return True
    return bool(question.goal.alternatives) and not any(
        all(any(applies(source) for source in need) for need in alternative)
        for alternative in question.goal.alternatives
    )


def holds_in_production(source: Source, policy: Policy, values: Mapping[str, Value]) -> bool:
    """The condition compiled and matched as the rules are, with the facts `at` as told."""
    shell = replace(policy.national.rules[0], id=source.rule, terms=source.terms, requires=())
    table = build([shell], policy.national, policy.schema)
    fixed = {
        name: frozenset({str(key)}) if policy.schema[name].kind == "set" else key
        for name, key in source.at
    }
    matched = match(table, masks_of(table, {**values, **fixed}))
    return bool(matched.must if source.certain else matched.may)


def _nearest(
    question: Obligation, policy: Policy, values: Mapping[str, Value]
) -> tuple[str, tuple[tuple[str, Value], ...]]:
    best: tuple[str, tuple[tuple[str, Value], ...]] | None = None
    goal = question.goal
    for source in goal.never:
        if holds_in_production(source, policy, values):
            return source.rule, ()
    for source in (s for a in goal.alternatives for need in a for s in need):
        for term in source.terms:
            failing = tuple(
                (test.fact, values[test.fact])
                for test in term
                if not may_hold(
                    test,
                    policy.schema[test.fact],
                    dict(source.at).get(test.fact, values[test.fact]),
                    worst_case=values.get(policy.schema[test.fact].worst_case_if) == "yes",
                )
            )
            if failing and (best is None or len(failing) < len(best[1])):
                best = source.rule, failing
    return best or ("", ())
