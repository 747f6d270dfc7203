"""The rules as they read: three-valued, one rule at a time, written apart from the bit masks."""

from collections.abc import Mapping
from datetime import datetime
from itertools import product

from shared.policy.clocks import due
from shared.policy.decision import Priority
from shared.policy.directory import Authorities
from shared.policy.engine import Policy
from shared.policy.grammar import AllOf, AnyOf, Condition, Match, Not
from shared.policy.pack import Rule
from shared.policy.schema import UNKNOWN, Schema, Value

Truth = tuple[bool, bool]  # it may hold, it must hold


def truth(condition: Condition, values: Mapping[str, Value], schema: Schema) -> Truth:
    if isinstance(condition, AllOf):
        parts = [truth(part, values, schema) for part in condition.of]
        return all(may for may, _ in parts), all(must for _, must in parts)
    if isinstance(condition, AnyOf):
        parts = [truth(part, values, schema) for part in condition.of]
        return any(may for may, _ in parts), any(must for _, must in parts)
    if isinstance(condition, Not):
        return _negated(condition.of, values, schema)
    return _test(condition, values, schema)


def _negated(condition: Condition, values: Mapping[str, Value], schema: Schema) -> Truth:
    if isinstance(condition, Not):
        return truth(condition.of, values, schema)
    if isinstance(condition, AllOf):
        return truth(AnyOf(tuple(Not(part) for part in condition.of)), values, schema)
    if isinstance(condition, AnyOf):
        return truth(AllOf(tuple(Not(part) for part in condition.of)), values, schema)
    return _failed(condition, values, schema)


def _failed(condition: Match, values: Mapping[str, Value], schema: Schema) -> Truth:
    value = values[condition.fact]
    if value != UNKNOWN:
        return (value not in condition.accepts,) * 2
    if condition.known_only:
        return True, False
    worst = _worst(condition.fact, values, schema)
    known = set(_known(condition.fact, schema))
    if schema[condition.fact].unknown == "worst_case":
        return bool(known - condition.accepts), not known & condition.accepts
    own = UNKNOWN not in condition.accepts
    return own or (worst and bool(known - condition.accepts)), False


def _test(test: Match, values: Mapping[str, Value], schema: Schema) -> Truth:
    value = values[test.fact]
    if isinstance(value, frozenset):
        return bool(value & test.accepts), bool((value - {UNKNOWN}) & test.accepts)
    if value != UNKNOWN:
        return (value in test.accepts,) * 2
    known = set(_known(test.fact, schema))
    if test.known_only:
        return False, False
    may = UNKNOWN in test.accepts
    if _worst(test.fact, values, schema):
        may = may or bool(known & test.accepts)
    return may, known <= test.accepts


def _known(name: str, schema: Schema) -> list[str | int]:
    fact = schema[name]
    if fact.kind == "number":
        return list(range(fact.lowest, fact.highest + 1))
    return list(fact.values)


def _worst(name: str, values: Mapping[str, Value], schema: Schema) -> bool:
    fact = schema[name]
    return fact.unknown == "worst_case" or values.get(fact.worst_case_if) == "yes"


def one_member_each(values: Mapping[str, Value]) -> list[dict[str, Value]]:
    """The same facts with one member of each set, in every way."""
    sets = {name: value for name, value in values.items() if isinstance(value, frozenset) and value}
    choices = product(*([frozenset({member}) for member in value] for value in sets.values()))
    return [{**values, **dict(zip(sets, choice, strict=True))} for choice in choices]


def fired(
    policy: Policy, rules: tuple[Rule, ...], values: Mapping[str, Value]
) -> dict[str, tuple[Rule, bool]]:
    """Every rule and stand-in that may apply, and whether it must."""
    found: dict[str, tuple[Rule, bool]] = {}
    for rule in rules:
        may, must = truth(rule.when, values, policy.schema)
        if not may:
            continue
        if rule.permits:  # what several members of a set call for, each alone must permit
            alone = one_member_each(values)
            must = all(truth(rule.when, one, policy.schema)[1] for one in alone)
        found[rule.id] = rule, must
        for entry in policy.national.stand_ins:
            hub = [r for r in rule.requires if r.route == entry.route]
            urgent = any(r.priority <= entry.priority for r in hub)
            also, surely = truth(entry.rule.when, values, policy.schema)
            if urgent and also:
                before = found.get(entry.rule.id, (entry.rule, False))[1]
                found[entry.rule.id] = entry.rule, before or (must and surely)
    return found


def routes(
    policy: Policy,
    rules: dict[str, tuple[Rule, bool]],
    received_at: datetime,
    discovered_at: datetime,
    where: Authorities,
) -> dict[str, tuple[Priority, datetime | None, bool]]:
    """Each route at its highest priority and earliest deadline, and whether it is certain."""
    found: dict[str, tuple[Priority, datetime | None, bool]] = {}
    for rule, certain in rules.values():
        for require in rule.requires:
            la = where.serving(require.la or policy.national.routes[require.route].serves)
            hours = policy.directory.hub_hours(la)
            if require.by.kind != "HUB_OPEN":
                service = policy.directory.service(require.route, la)
                hours = service.hours  # type: ignore[assignment]
            start = discovered_at if require.start == "discovery" else received_at
            by = due(require.by, start, hours)
            old = found.get(require.route)
            if old is None:
                found[require.route] = require.priority, by, certain
            else:
                earlier = None if by is None or old[1] is None else min(by, old[1])
                found[require.route] = min(old[0], require.priority), earlier, old[2] or certain
    return found
