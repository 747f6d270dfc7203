"""Runs the examples that every rule carries: where it must apply, and where it must not."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Final

from shared.policy.clocks import LONDON, Calendar
from shared.policy.compile import build, masks_of, match
from shared.policy.derive import derive
from shared.policy.duties import due_at
from shared.policy.engine import Policy
from shared.policy.grammar import domain
from shared.policy.pack import Rule
from shared.policy.schema import Schema, Value

AN_ORDINARY_MORNING: Final = datetime(2026, 11, 25, 10, tzinfo=UTC)


def values_of(facts: Mapping[str, object], schema: Schema) -> dict[str, Value]:
    """An example's facts; a derived fact it names is taken as given."""
    values = schema.read(facts)  # type: ignore[arg-type]
    derive(values, schema.given(facts), schema, in_hours=True)  # type: ignore[arg-type]
    for name, value in facts.items():
        if name in schema and schema[name].derived:
            values[name] = schema[name].read(value)  # type: ignore[arg-type]
    return values


def applies(rule: Rule, facts: Mapping[str, object], policy: Policy) -> bool:
    """A permission applies only when certain; whatever else applies already when possible."""
    table = build([rule], policy.national, policy.schema)
    found = match(table, masks_of(table, values_of(facts, policy.schema)))
    own = (1 << len(rule.terms)) - 1  # a rule's own branches come before its stand-ins
    return bool((found.must if rule.permits and not rule.requires else found.may) & own)


def failures(policy: Policy) -> Iterator[str]:
    """`file:line: rule X: what` for each example that does not come out as written."""
    packs = [policy.national, *policy.locals.values()]
    for pack in packs:
        for rule in pack.rules:
            for example in rule.match:
                if not applies(rule, example.facts, policy):
                    yield f"{pack.file}:{example.line}: rule {rule.id}: should apply and does not"
            for example in rule.no_match:
                if applies(rule, example.facts, policy):
                    yield f"{pack.file}:{example.line}: rule {rule.id}: applies and should not"
    yield from duty_failures(policy)


def duty_failures(policy: Policy) -> Iterator[str]:
    """`file:line: rule X: what` for each example of a duty that is due at another instant."""
    for pack in (policy.national, *policy.locals.values()):
        for duty in pack.duties:
            for example in duty.examples:
                start, wanted = (
                    datetime.fromisoformat(text).replace(tzinfo=LONDON)
                    for text in (example.start, example.due)
                )
                school = Calendar(date.min, date.max, frozenset(example.closed))
                found = due_at(duty, start, school)
                if found != wanted:
                    yield (
                        f"{pack.file}:{example.line}: rule {duty.id}: is due on "
                        f"{found:%Y-%m-%dT%H:%M}, not as the example says"
                    )


def never_applies(rule: Rule, policy: Policy) -> bool:
    """True when some branch-free contradiction keeps every branch from ever applying."""
    for term in rule.terms:
        facts = {test.fact for test in term}
        possible = all(
            any(
                all(value in test.accepts for test in term if test.fact == name)
                for value in {*domain(policy.schema[name]), "unknown"}
            )
            for name in facts
        )
        if possible:
            return False
    return True
