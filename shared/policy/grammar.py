"""The closed list of conditions a rule may use, and their disjunctive normal form."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, TypeAlias

from shared.policy.schema import UNKNOWN, Fact, Schema, Value

MAX_TERMS: Final = 64
_UNDER: Final = re.compile(r"under (\d+)")
_OVER: Final = re.compile(r"(\d+) or over")
_BETWEEN: Final = re.compile(r"(\d+) to (\d+)")


class GrammarError(Exception):
    """What is wrong with a condition and what to do, in plain English."""


@dataclass(frozen=True, slots=True)
class Match:
    """One fact against the values that satisfy it. `known_only`: "not known" never does."""

    fact: str
    accepts: frozenset[str | int]
    known_only: bool = False


@dataclass(frozen=True, slots=True)
class AllOf:
    of: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    of: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    of: "Condition"


Condition: TypeAlias = Match | AllOf | AnyOf | Not
Term: TypeAlias = tuple[Match, ...]
ALWAYS: Final = AllOf(())


def domain(fact: Fact) -> frozenset[str | int]:
    """The known values of a fact."""
    if fact.kind == "number":
        return frozenset(range(fact.lowest, fact.highest + 1))
    return frozenset(fact.values)


def parse(when: object, schema: Schema) -> Condition:
    if when == "always":
        return ALWAYS
    if not isinstance(when, Mapping) or not when:
        raise GrammarError("`when` must be a list of facts, or the word `always`")
    return AllOf(tuple(_parse_entry(str(key), value, schema) for key, value in when.items()))


def _parse_entry(key: str, value: object, schema: Schema) -> Condition:
    if key in {"all", "any"}:
        if not isinstance(value, Sequence) or isinstance(value, str) or not value:
            raise GrammarError(f"`{key}` needs a list of conditions, each starting with a dash")
        parts = tuple(parse(part, schema) for part in value)
        return AllOf(parts) if key == "all" else AnyOf(parts)
    if key == "not":
        return Not(parse(value, schema))
    if key not in schema:
        raise GrammarError(f"there is no fact `{key}`; use a name from facts.yaml")
    return _parse_test(schema[key], value)


def _parse_test(fact: Fact, value: object) -> Match:
    if value == "known":
        return Match(fact.name, domain(fact), known_only=True)
    entries = value if isinstance(value, list) else [value]
    accepts: set[str | int] = set()
    for entry in entries:
        accepts |= _numbers(fact, entry) if fact.kind == "number" else _words(fact, entry)
    if not accepts:
        raise GrammarError(f"no value of `{fact.name}` fits {value!r}; give at least one")
    return Match(fact.name, frozenset(accepts))


def _words(fact: Fact, entry: object) -> set[str | int]:
    if isinstance(entry, str) and (entry in fact.values or entry == UNKNOWN):
        return {entry}
    raise GrammarError(
        f"`{fact.name}` has no value {entry!r}; use one of {', '.join(fact.values)}, unknown"
    )


def _numbers(fact: Fact, entry: object) -> set[str | int]:
    if entry == UNKNOWN:
        return {UNKNOWN}
    if isinstance(entry, int) and not isinstance(entry, bool):
        low, high = entry, entry
    elif isinstance(entry, str) and (match := _UNDER.fullmatch(entry)):
        low, high = fact.lowest, int(match[1]) - 1
    elif isinstance(entry, str) and (match := _OVER.fullmatch(entry)):
        low, high = int(match[1]), fact.highest
    elif isinstance(entry, str) and (match := _BETWEEN.fullmatch(entry)):
        low, high = int(match[1]), int(match[2])
    else:
        raise GrammarError(
            f"`{fact.name}` cannot be {entry!r}; write a number, `under N`, `N or over`, `N to M`"
        )
    return set(range(max(low, fact.lowest), min(high, fact.highest) + 1))


def negated(test: Match, schema: Schema) -> Match:
    fact = schema[test.fact]
    if fact.kind == "set":
        raise GrammarError(f"`not` cannot be used on the set `{fact.name}`; name the members meant")
    if test.known_only:
        return Match(fact.name, frozenset({UNKNOWN}))
    rest = domain(fact) - test.accepts
    if fact.unknown != "worst_case" and UNKNOWN not in test.accepts:
        rest |= {UNKNOWN}
    return Match(fact.name, rest)


def terms(condition: Condition, schema: Schema) -> tuple[Term, ...]:
    """Every way to satisfy the condition, each a list of tests that must all hold."""
    found = tuple(_terms(condition, schema, negate=False))
    if len(found) > MAX_TERMS:
        raise GrammarError(f"the condition has {len(found)} branches; split the rule")
    for term in found:
        sets = [test.fact for test in term if schema[test.fact].kind == "set"]
        if len(sets) != len(set(sets)):
            raise GrammarError(
                f"two members of `{sets[0]}` together need a marker fact; a rule takes one member"
            )
    return found


def _terms(condition: Condition, schema: Schema, *, negate: bool) -> Iterator[Term]:
    if isinstance(condition, Not):
        yield from _terms(condition.of, schema, negate=not negate)
    elif isinstance(condition, Match):
        yield (negated(condition, schema) if negate else condition,)
    elif isinstance(condition, AnyOf) != negate:
        for part in condition.of:
            yield from _terms(part, schema, negate=negate)
    else:
        branches = [tuple(_terms(part, schema, negate=negate)) for part in condition.of]
        for choice in product(*branches):
            yield tuple(test for term in choice for test in term)


def may_hold(test: Match, fact: Fact, value: Value, *, worst_case: bool) -> bool:
    """Whether the value may satisfy the test, reading "not known" as the fact says."""
    if isinstance(value, frozenset):
        return not test.accepts.isdisjoint(value)
    if value in test.accepts:
        return True
    guess = worst_case or fact.unknown == "worst_case"
    return value == UNKNOWN and guess and not test.known_only and bool(test.accepts - {UNKNOWN})


def must_hold(test: Match, fact: Fact, value: Value) -> bool:
    """Whether the value satisfies the test whatever "not known" turns out to be."""
    if isinstance(value, frozenset):
        return not test.accepts.isdisjoint(value - {UNKNOWN})
    if value == UNKNOWN:
        return not test.known_only and domain(fact) <= test.accepts
    return value in test.accepts
