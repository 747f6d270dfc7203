"""Which questions would settle the most, and why a route was not taken."""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.policy.compile import Matched, Table, bits
from shared.policy.decision import Priority, Question, show_value
from shared.policy.grammar import Match, may_hold
from shared.policy.pack import Route
from shared.policy.plan import Draft
from shared.policy.readers.words import needs_words, value_words
from shared.policy.schema import Schema, Value


def questions(
    table: Table,
    matched: Matched,
    drafts: Iterable[Draft],
    schema: Schema,
    rank: Mapping[str, Route],
) -> tuple[Question, ...]:
    """Best first: what may turn out most urgent, then what settles most routes; of equals, what
    the schema asks first."""
    taken: dict[str, Priority] = {}
    unsure: dict[str, Priority] = {}
    for draft in drafts:  # sorted, so the most urgent of a route comes first
        taken.setdefault(draft.route, draft.priority)
        if not draft.certain:
            unsure.setdefault(draft.route, draft.priority)
    ranked = []
    for fact, adds, settles in matched.settled_by:
        routes = _would_raise(table, adds, taken)
        if unsure and settles:
            routes |= _would_confirm(table, settles, unsure)
        if routes:
            order = sorted(routes, key=lambda route: (routes[route], rank[route].rank))
            ranked.append((routes[order[0]], Question(fact, schema[fact].ask, tuple(order))))
    # Where a life may hang on it, the schema's order holds: is the child safe comes first.
    ranked.sort(key=lambda entry: (entry[0], entry[0] != "P0" and -len(entry[1].settles)))
    return tuple(question for _, question in ranked)


def _would_raise(table: Table, adds: int, taken: Mapping[str, Priority]) -> dict[str, Priority]:
    found: dict[str, Priority] = {}
    for term in bits(adds):
        for route, priority in table.routes_of[term]:
            if priority < taken.get(route, "P9") and priority < found.get(route, "P9"):
                found[route] = priority
    return found


def _would_confirm(
    table: Table, settles: int, unsure: Mapping[str, Priority]
) -> dict[str, Priority]:
    return {
        route: unsure[route]
        for term in bits(settles)
        for route, _ in table.routes_of[term]
        if route in unsure
    }


def why_not(
    table: Table, route: str, values: Mapping[str, Value], worst: Mapping[str, bool], schema: Schema
) -> dict[str, Any]:
    """The rule that came nearest to this route, and the facts that kept it from applying.

    Of rules as near, the one that fails on what a person can tell, not on what is worked out.
    """
    nearest: tuple[int, int, int] | None = None
    failing: list[Match] = []
    for term, tests in enumerate(table.tests_of):
        if all(required != route for required, _ in table.routes_of[term]):
            continue
        failed = [t for t in tests if not _holds(t, values, worst, schema)]
        worked_out = sum(schema[test.fact].derived for test in failed)
        if nearest is None or (len(failed), worked_out) < nearest[:2]:
            nearest, failing = (len(failed), worked_out, term), failed
    if nearest is None:
        return {"route": route, "taken": False, "nearest": None, "failing": []}
    rule = table.units[table.unit_of[nearest[2]]].because_of
    return {
        "route": route,
        "taken": not failing,
        "nearest": {"rule": rule.id, "title": rule.title, "cite": rule.cite},
        "failing": [
            {
                "fact": test.fact,
                "is": value_words(values[test.fact]),
                "value": show_value(values[test.fact]),
                "needs": needs_words(test, schema[test.fact]),
            }
            for test in failing
        ],
    }


def _holds(
    test: Match, values: Mapping[str, Value], worst: Mapping[str, bool], schema: Schema
) -> bool:
    fact = schema[test.fact]
    return may_hold(test, fact, values[test.fact], worst_case=worst.get(test.fact, False))
