"""Turns rules into bit masks: for each value of each fact, the terms it does not rule out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from operator import and_
from typing import TypeAlias

from shared.policy.decision import Priority
from shared.policy.grammar import Match, domain, may_hold, must_hold
from shared.policy.pack import NationalPack, Rule
from shared.policy.schema import UNKNOWN, Fact, Schema, Value

Key = str | int
# Stands for "not known, in a type where the worst is assumed".
WORST = "unknown, so the worst"


@dataclass(frozen=True, slots=True)
class Column:
    """One fact's masks. A mask holds two bits a term: it may apply, and, higher up, it must."""

    name: str
    is_set: bool
    asks: bool
    worst_case_if: str
    masks: Mapping[Key, int]
    possible: int  # terms that some known value satisfies
    free: int  # both bits of the terms that do not look at this fact
    alone: Mapping[frozenset[str], int]  # the masks of sets of one member, or none
    permits: int  # the upper bits of terms that permit something

    def set_mask(self, members: frozenset[str]) -> int:
        if members in self.alone:
            return self.alone[members]
        mask, every = self.free, self.permits
        for member in members:
            mask |= self.masks[member]
            every &= self.masks[member]
        # What one member calls for is done; what is permitted, each member must permit.
        return mask & ~self.permits | every


@dataclass(frozen=True, slots=True)
class Unit:
    """One rule as evaluated; a stand-in (EDT for a closed hub) is a unit beside its rule."""

    rule: Rule
    because_of: Rule


@dataclass(frozen=True, slots=True)
class Table:
    columns: tuple[Column, ...]
    units: tuple[Unit, ...]
    unit_of: tuple[int, ...]  # term -> unit
    facts_of: tuple[tuple[str, ...], ...]  # term -> the facts it looks at
    tests_of: tuple[tuple[Match, ...], ...]
    routes_of: tuple[tuple[tuple[str, Priority], ...], ...]  # term -> what it would require
    plain: tuple[tuple[str, Mapping[Key, int]], ...]  # the columns that are looked up as they are
    special: tuple[Column, ...]


def build(rules: Iterable[Rule], national: NationalPack, schema: Schema) -> Table:
    units: list[Unit] = []
    unit_of: list[int] = []
    tests_of: list[tuple[Match, ...]] = []
    for rule in rules:
        units.append(Unit(rule, rule))
        for term in rule.terms:
            unit_of.append(len(units) - 1)
            tests_of.append(term)
        for stand_in in _stand_ins(rule, national):
            units.append(Unit(stand_in, rule))
            for term in rule.terms:
                unit_of.append(len(units) - 1)
                tests_of.append(term + stand_in.terms[0])
    used = {test.fact for term in tests_of for test in term}
    permits = sum(
        1 << term + len(unit_of) for term, unit in enumerate(unit_of) if units[unit].rule.permits
    )
    columns = tuple(
        _column(schema[name], tests_of, permits) for name in schema.facts if name in used
    )
    special = tuple(column for column in columns if column.is_set or column.worst_case_if)
    return Table(
        columns=columns,
        units=tuple(units),
        unit_of=tuple(unit_of),
        facts_of=tuple(tuple(dict.fromkeys(test.fact for test in term)) for term in tests_of),
        tests_of=tuple(tests_of),
        routes_of=tuple(
            tuple((r.route, r.priority) for r in units[unit].rule.requires) for unit in unit_of
        ),
        plain=tuple((c.name, c.masks) for c in columns if c not in special),
        special=special,
    )


def _stand_ins(rule: Rule, national: NationalPack) -> list[Rule]:
    return [
        entry.rule
        for entry in national.stand_ins
        if any(r.route == entry.route and r.priority <= entry.priority for r in rule.requires)
    ]


def _column(fact: Fact, tests_of: list[tuple[Match, ...]], permits: int) -> Column:
    # The bits of all terms that test this fact alike, by those tests.
    looking: dict[tuple[Match, ...], tuple[int, int]] = {}
    free = 0
    for index, term in enumerate(tests_of):
        may, must = 1 << index, 1 << index + len(tests_of)
        if tests := tuple(test for test in term if test.fact == fact.name):
            others_may, others_must = looking.get(tests, (0, 0))
            looking[tests] = others_may | may, others_must | must
        else:
            free |= may | must
    known = domain(fact)
    # A term may test a fact twice (18 or over, and known): some value must satisfy both.
    possible = free & (1 << len(tests_of)) - 1 if known else 0
    for tests, (may, _) in looking.items():
        if any(all(key in test.accepts for test in tests) for key in known):
            possible |= may
    masks: dict[Key, int] = {}
    same: dict[int, int] = {}  # most ages are alike to the rules: equal masks are kept once
    for key in (*known, UNKNOWN, WORST):
        said = UNKNOWN if key == WORST else key
        value: Value = frozenset({str(said)}) if fact.kind == "set" else said
        masks[key] = free
        for tests, (may, must) in looking.items():
            if all(may_hold(test, fact, value, worst_case=key == WORST) for test in tests):
                masks[key] |= may
            if all(must_hold(test, fact, value) for test in tests):
                masks[key] |= must
        masks[key] = same.setdefault(masks[key], masks[key])
    alone = {frozenset[str](): free} | {frozenset({str(k)}): masks[k] | free for k in masks}
    return Column(
        name=fact.name,
        is_set=fact.kind == "set",
        asks=bool(fact.ask),
        worst_case_if=fact.worst_case_if,
        masks=masks,
        possible=possible,
        free=free,
        alone=alone,
        permits=permits,
    )


@dataclass(frozen=True, slots=True)
class Matched:
    """Which terms apply: `may` for what must be done or not done, `must` for what is certain."""

    may: int
    must: int
    settled_by: tuple[tuple[str, int, int], ...]  # fact, terms it would add, terms it makes certain


# One mask a column, and the columns whose value is open: all that an answer depends on.
Masks: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]


def masks_of(table: Table, values: Mapping[str, Value]) -> Masks:
    masks: list[int] = []
    unknown: list[int] = []
    for index, column in enumerate(table.columns):
        value = values[column.name]
        if column.is_set:
            if column.asks and UNKNOWN in value:  # type: ignore[operator]
                unknown.append(index)
            masks.append(column.set_mask(value))  # type: ignore[arg-type]
            continue
        if value == UNKNOWN:
            if column.worst_case_if and values[column.worst_case_if] == "yes":
                value = WORST
            if column.asks:
                unknown.append(index)
        masks.append(column.masks[value])  # type: ignore[index]
    return tuple(masks), tuple(unknown)


def joined(table: Table, values: Mapping[str, Value]) -> int:
    """The same masks at once, for whoever asks no questions."""
    both = -1
    for name, masks in table.plain:
        both &= masks[values[name]]  # type: ignore[index]
    for column in table.special:
        value = values[column.name]
        if column.is_set:
            both &= column.set_mask(value)  # type: ignore[arg-type]
        else:
            worst = value == UNKNOWN and values[column.worst_case_if] == "yes"
            both &= column.masks[WORST if worst else value]  # type: ignore[index]
    return both


def match(table: Table, masks: Masks) -> Matched:
    """AND of one mask a fact decides every rule at once; what each unknown hides comes along."""
    size = len(table.unit_of)
    both = reduce(and_, masks[0], -1)
    may = both & ((1 << size) - 1)
    return Matched(may, both >> size, _settled(table, *masks, may))


def _settled(
    table: Table, masks: tuple[int, ...], unknown: tuple[int, ...], may: int
) -> tuple[tuple[str, int, int], ...]:
    if not unknown:
        return ()
    after = [*accumulate(reversed(masks), and_, initial=-1)]
    after.reverse()
    before = [*accumulate(masks, and_, initial=-1)]
    size = len(table.unit_of)
    found = []
    for index in unknown:
        column = table.columns[index]
        adds = before[index] & after[index + 1] & column.possible & ~may
        settles = may & ~(masks[index] >> size)
        if adds or settles:
            found.append((column.name, adds, settles))
    return tuple(found)


def bits(mask: int) -> list[int]:
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found
