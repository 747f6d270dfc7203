"""Small faults put into the packs one at a time, to see whether the gate and the promises notice.

Each mutant is a fault that a person could make with one keystroke or one line.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from shared.policy.clocks import ClockSpec
from shared.policy.decision import Priority
from shared.policy.grammar import AllOf, AnyOf, Condition, Match, Not, domain, terms
from shared.policy.pack import Require, Rule
from shared.policy.prove.order import PRIORITIES
from shared.policy.schema import UNKNOWN, Schema

LOOSER: Final = {
    "now": ClockSpec("HUB_OPEN"),
    "HUB_OPEN": ClockSpec("WD", 1),
    "WHEN_OPEN": ClockSpec("WD", 2),
    "CLOSE_NEXT_WD": ClockSpec("WD", 3),
}
LONGER: Final = 4


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: what was done, to which rule, and the rule as it then reads (None: deleted)."""

    kind: str
    rule: str
    what: str
    now: Rule | None

    @property
    def name(self) -> str:
        return f"{self.rule}: {self.what}"


def mutants(rules: tuple[Rule, ...], schema: Schema) -> Iterator[Mutant]:
    for rule in rules:
        yield Mutant("delete a rule", rule.id, "the rule is deleted", None)
        yield from _effects(rule)
        for kind, what, when in _conditions(rule.when, schema):
            if when is not None:
                now = replace(rule, when=when, terms=terms(when, schema))
                yield Mutant(kind, rule.id, what, now)


def _effects(rule: Rule) -> Iterator[Mutant]:
    for index, require in enumerate(rule.requires):
        others = rule.requires[:index], rule.requires[index + 1 :]
        gone = replace(rule, requires=(*others[0], *others[1]))
        yield Mutant("drop a route", rule.id, f"{require.route} is dropped", gone)
        for kind, what, less in _weaker(require):
            changed = replace(rule, requires=(*others[0], less, *others[1]))
            yield Mutant(kind, rule.id, what, changed)
    for code in rule.forbids:
        left = replace(rule, forbids=tuple(other for other in rule.forbids if other != code))
        yield Mutant("drop a prohibition", rule.id, f"{code} is dropped", left)


def _weaker(require: Require) -> Iterator[tuple[str, str, Require]]:
    place = PRIORITIES.index(require.priority)
    if place + 1 < len(PRIORITIES):
        lower: Priority = PRIORITIES[place + 1]
        yield (
            "lower a priority",
            f"{require.route} is lowered to {lower}",
            replace(require, priority=lower),
        )
    later = LOOSER.get(require.by.kind) or replace(require.by, count=require.by.count + LONGER)
    yield "loosen a deadline", f"{require.route} is put off", replace(require, by=later)
    if require.hard_by is not None:
        yield "drop a hard limit", f"{require.route}: no limit", replace(require, hard_by=None)
    if require.owner:
        yield "drop an owner", f"{require.route}: its usual owner", replace(require, owner="")


Changed: TypeAlias = tuple[str, str, Condition | None]


def _conditions(when: Condition, schema: Schema) -> Iterator[Changed]:
    """Every single change to a condition that asks for less, or permits more."""
    if isinstance(when, Match):
        yield from _tests(when, schema)
    elif isinstance(when, Not):
        return
    else:
        make: Callable[[tuple[Condition, ...]], Condition] = type(when)
        for index, part in enumerate(when.of):
            left, right = when.of[:index], when.of[index + 1 :]
            if isinstance(when, AnyOf) and len(when.of) > 1:
                yield "drop an any-branch", f"branch {index + 1} is dropped", make((*left, *right))
            for kind, what, now in _conditions(part, schema):
                if now is not None:
                    yield kind, what, make((*left, now, *right))


def _tests(test: Match, schema: Schema) -> Iterator[Changed]:
    fact = schema[test.fact]
    if test.known_only and test.accepts == domain(fact):
        return
    if fact.kind == "number":
        numbers = sorted(key for key in test.accepts if isinstance(key, int))
        for gone, side in ((numbers[-1:], "top"), (numbers[:1], "bottom")):
            if len(numbers) > 1:
                less = replace(test, accepts=test.accepts - set(gone))
                yield "narrow an age", f"{test.fact} loses its {side} value", less
        return
    if len(test.accepts) > 1:
        for key in sorted(test.accepts, key=str):
            less = replace(test, accepts=test.accepts - {key})
            yield "drop a value", f"{test.fact} loses {key}", less
    elif fact.unknown != "worst_case" and test.accepts == {UNKNOWN}:
        return


def permit_mutants(rules: tuple[Rule, ...], schema: Schema) -> Iterator[Mutant]:
    """A permission that rests on one condition less."""
    for rule in rules:
        if not rule.permits or not isinstance(rule.when, AllOf):
            continue
        for index, part in enumerate(rule.when.of):
            when = AllOf(rule.when.of[:index] + rule.when.of[index + 1 :])
            if when.of:
                fact = part.fact if isinstance(part, Match) else f"part {index + 1}"
                now = replace(rule, when=when, terms=terms(when, schema))
                what = f"the permission no longer needs {fact}"
                yield Mutant("drop a permit condition", rule.id, what, now)
