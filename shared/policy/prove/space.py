"""The finite space of facts that the provers walk: what a concern can say, slice by slice.

A set of concern types, or of sources of harm, is walked one member at a time: conditions take one
member of a set, so the outcome of a set is the join of its members' outcomes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product
from math import prod
from typing import Final, TypeAlias

from shared.policy.compile import WORST
from shared.policy.grammar import Match, domain, may_hold, must_hold
from shared.policy.schema import UNKNOWN, Fact, Schema, Value

Key: TypeAlias = str | int
# A condition on several facts that must all hold: for each fact the bits of the keys it accepts.
Cube: TypeAlias = Mapping[str, int]

NOTHING: Final = ""  # the set fact with no member at all
TYPES: Final = "concern_types"
SEVERE: Final = "severe_type"
CONCERN: Final = "is_concern"


@cache
def _keys(schema: Schema, name: str) -> tuple[Key, ...]:
    fact = schema[name]
    known = sorted(domain(fact)) if fact.kind == "number" else list(fact.values)
    if fact.derived:
        return tuple(known)
    keys: list[Key] = [*known, UNKNOWN]
    if fact.worst_case_if:
        keys.append(WORST)
    if fact.kind == "set" and (fact.absent == frozenset() or name == TYPES):
        keys.append(NOTHING)
    return tuple(keys)


def as_value(fact: Fact, key: Key) -> Value:
    if fact.kind == "set":
        return frozenset() if key == NOTHING else frozenset({str(key)})
    return UNKNOWN if key == WORST else key


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """One setting of the facts that decide how others are read, and what is left to vary.

    `live` holds, for each fact, the bits of the keys that can occur here.
    """

    name: str
    schema: Schema
    live: Mapping[str, int]

    def size(self) -> int:
        return prod(mask.bit_count() for mask in self.live.values())

    def narrowed(self, limits: Mapping[str, int]) -> "Slice | None":
        """None where nothing is left."""
        live = {name: mask & limits.get(name, -1) for name, mask in self.live.items()}
        return Slice(self.name, self.schema, live) if all(live.values()) else None

    def keys(self, name: str, mask: int) -> list[Key]:
        return [key for bit, key in enumerate(_keys(self.schema, name)) if mask >> bit & 1]

    def bit(self, name: str, key: Key) -> int:
        """0 where the key cannot occur here; "not known" is then its worst case, if that can."""
        keys = _keys(self.schema, name)
        if key not in keys:
            return 0
        bit = 1 << keys.index(key) & self.live[name]
        if not bit and key == UNKNOWN and WORST in keys:
            bit = 1 << keys.index(WORST) & self.live[name]
        return bit


@cache
def _accepted(schema: Schema, test: Match, certain: bool) -> int:
    """The bits of the keys that may (or, where certain, must) satisfy one test."""
    fact = schema[test.fact]
    found = 0
    for bit, key in enumerate(_keys(schema, test.fact)):
        value = as_value(fact, key)
        holds = (
            must_hold(test, fact, value)
            if certain
            else may_hold(test, fact, value, worst_case=key == WORST)
        )
        found |= holds << bit
    return found


def cube_of(
    where: Slice, term: tuple[Match, ...], *, certain: bool = False, at: Mapping[str, Key] = {}
) -> Cube | None:
    """The term as a cube of the slice, read with the facts `at` fixed; None: it never holds."""
    cube: dict[str, int] = {}
    for test in term:
        mask = _accepted(where.schema, test, certain)
        if test.fact in at:
            if not mask & where.bit(test.fact, at[test.fact]):
                return None
            continue
        cube[test.fact] = cube.get(test.fact, where.live[test.fact]) & mask
        if not cube[test.fact]:
            return None
    return {name: mask for name, mask in cube.items() if mask != where.live[name]}


@lru_cache(maxsize=8)
def slices(schema: Schema) -> tuple[Slice, ...]:
    """Every concern, by how "not known" is read in it; and requests that are no concern."""
    guards = sorted({f.worst_case_if for f in schema.facts.values() if f.worst_case_if})
    found = []
    for choice in product(("yes", "no"), repeat=len(guards)):
        fixed = dict(zip(guards, choice, strict=True))
        found.append(Slice(_name(fixed), schema, _concern(schema, fixed)))
    if CONCERN in schema:
        found.append(Slice("a request to tell others", schema, _request(schema)))
    return tuple(found)


def _name(fixed: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in fixed.items()) or "concerns"


def _bits(schema: Schema, name: str, wanted: frozenset[Key]) -> int:
    return sum(1 << bit for bit, key in enumerate(_keys(schema, name)) if key in wanted)


def _concern(schema: Schema, fixed: Mapping[str, str]) -> dict[str, int]:
    live = {}
    for name, fact in schema.facts.items():
        keys = set(_keys(schema, name))
        if name in fixed:
            keys = {fixed[name]}
        elif name == CONCERN:
            keys = {"yes"}
        elif name == TYPES:
            keys -= {NOTHING}
            if fixed.get(SEVERE) == "no":
                keys -= schema.severe_types
        elif fact.worst_case_if:
            keys -= {UNKNOWN} if fixed[fact.worst_case_if] == "yes" else {WORST}
        live[name] = _bits(schema, name, frozenset(keys))
    return live


def _request(schema: Schema) -> dict[str, int]:
    """Only what makes the request is given; the rest is as when nothing is said."""
    live = {}
    for name, fact in schema.facts.items():
        keys = set(_keys(schema, name)) - {WORST}
        if name == CONCERN:
            keys = {"no"}
        elif name == TYPES:
            keys = {NOTHING}
        elif name not in schema.request_facts and name != "in_hours":
            absent = fact.absent
            keys = set(absent or {NOTHING}) if isinstance(absent, frozenset) else {absent}
        elif name == "disclosure_request":
            keys -= {"none"}
        live[name] = _bits(schema, name, frozenset(keys))
    return live
