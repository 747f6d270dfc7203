"""Turns rules into bit masks: for each value of each fact, the terms it does not rule out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.policy.grammar import Match, domain, may_hold, must_hold
from shared.policy.pack import NationalPack, Rule
from shared.policy.schema import UNKNOWN, Fact, Schema, Value

Key = str | int
# Stands for "not known, in a type where the worst is assumed".
WORST = "unknown, so the worst"


@dataclass(frozen=True, slots=True)
class Column:
    """One fact's masks. Bit i is set when term i is not ruled out by the value."""

    fact: Fact
    may: Mapping[Key, int]
    must: Mapping[Key, int]
    possible: int  # terms that some known value satisfies
    free: int  # terms that do not look at this fact

    def may_mask(self, value: Value) -> int:
        if isinstance(value, frozenset):
            mask = self.free
            for member in value:
                mask |= self.may[member]
            return mask
        return self.may[value]

    def must_mask(self, value: Value) -> int:
        if isinstance(value, frozenset):
            mask = self.free
            for member in value:
                mask |= self.must[member]
            return mask
        return self.must[value]


@dataclass(frozen=True, slots=True)
class Unit:
    """One rule as evaluated; a stand-in (EDT for a closed hub) is a unit beside its rule."""

    rule: Rule
    requires: tuple[int, ...]  # indices into rule.requires
    stand_in: Rule | None = None


@dataclass(frozen=True, slots=True)
class Table:
    columns: tuple[Column, ...]
    units: tuple[Unit, ...]
    unit_of: tuple[int, ...]  # term -> unit
    facts_of: tuple[tuple[str, ...], ...]  # term -> the facts it looks at
    tests_of: tuple[tuple[Match, ...], ...]
    full: int


def build(rules: Iterable[Rule], national: NationalPack, schema: Schema) -> Table:
    units: list[Unit] = []
    unit_of: list[int] = []
    tests_of: list[tuple[Match, ...]] = []
    for rule in rules:
        units.append(Unit(rule, tuple(range(len(rule.requires)))))
        for term in rule.terms:
            unit_of.append(len(units) - 1)
            tests_of.append(term)
        for stand_in in _stand_ins(rule, national):
            units.append(Unit(rule, (), stand_in))
            for term in rule.terms:
                unit_of.append(len(units) - 1)
                tests_of.append(term + stand_in.terms[0])
    used = {test.fact for term in tests_of for test in term}
    return Table(
        columns=tuple(_column(schema[name], tests_of) for name in schema.facts if name in used),
        units=tuple(units),
        unit_of=tuple(unit_of),
        facts_of=tuple(tuple(dict.fromkeys(test.fact for test in term)) for term in tests_of),
        tests_of=tuple(tests_of),
        full=(1 << len(tests_of)) - 1,
    )


def _stand_ins(rule: Rule, national: NationalPack) -> list[Rule]:
    return [
        entry.rule
        for entry in national.stand_ins
        if any(r.route == entry.route and r.priority <= entry.priority for r in rule.requires)
    ]


def _column(fact: Fact, tests_of: list[tuple[Match, ...]]) -> Column:
    keys: set[Key] = {*domain(fact), UNKNOWN}
    may = dict.fromkeys(keys | {WORST}, 0)
    must = dict.fromkeys(keys | {WORST}, 0)
    possible = free = 0
    for index, term in enumerate(tests_of):
        bit = 1 << index
        tests = [test for test in term if test.fact == fact.name]
        if not tests:
            free |= bit
        # A term may test a fact twice (18 or over, and known): some value must satisfy both.
        if any(all(key in test.accepts for test in tests) for key in domain(fact)):
            possible |= bit
        for key in keys:
            value: Value = frozenset({str(key)}) if fact.kind == "set" else key
            if all(may_hold(test, fact, value, worst_case=False) for test in tests):
                may[key] |= bit
            if all(must_hold(test, fact, value) for test in tests):
                must[key] |= bit
        if all(may_hold(test, fact, UNKNOWN, worst_case=True) for test in tests):
            may[WORST] |= bit
        if all(must_hold(test, fact, UNKNOWN) for test in tests):
            must[WORST] |= bit
    return Column(fact, may, must, possible, free)


@dataclass(frozen=True, slots=True)
class Matched:
    """Which terms apply: `may` for what must be done or not done, `must` for what is certain."""

    may: int
    must: int
    settled_by: tuple[tuple[str, int, int], ...]  # fact, terms it would add, terms it makes certain


def match(table: Table, values: Mapping[str, Value]) -> Matched:
    """AND of one mask a fact decides every rule at once; what each unknown hides comes along."""
    may_masks: list[int] = []
    open_facts: list[tuple[int, int]] = []
    may = must = table.full
    for index, column in enumerate(table.columns):
        name = column.fact.name
        value: Value = values[name]
        if value == UNKNOWN and values.get(column.fact.worst_case_if) == "yes":
            value = WORST
        mask = column.may_mask(value)
        sure = column.must_mask(value)
        may_masks.append(mask)
        may &= mask
        must &= sure
        if column.fact.ask and _is_open(value):
            open_facts.append((index, sure))
    return Matched(may, must, _settled(table, may_masks, open_facts, may))


def _is_open(value: Value) -> bool:
    return UNKNOWN in value if isinstance(value, frozenset) else value in (UNKNOWN, WORST)


def _settled(
    table: Table, masks: list[int], open_facts: list[tuple[int, int]], may: int
) -> tuple[tuple[str, int, int], ...]:
    if not open_facts:
        return ()
    after = [table.full] * (len(masks) + 1)
    for index in range(len(masks) - 1, -1, -1):
        after[index] = after[index + 1] & masks[index]
    found = []
    before, done = table.full, 0
    for index, sure in open_facts:
        for mask in masks[done:index]:
            before &= mask
        done = index
        column = table.columns[index]
        adds = before & after[index + 1] & column.possible & ~may
        settles = may & ~sure
        if adds or settles:
            found.append((column.fact.name, adds, settles))
    return tuple(found)


def bits(mask: int) -> list[int]:
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found
