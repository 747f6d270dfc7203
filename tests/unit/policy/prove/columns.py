"""The slow reading of a condition for many fact sets at once: a bit of a whole number each.

Each test is read by the reference evaluator, once for every value that occurs; all that is added
is "and" and "or".
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.policy.grammar import AllOf, Condition, Match, Not
from shared.policy.schema import Schema, Value
from tests.unit.policy.reference import truth

Bits = tuple[int, int]  # of which fact sets it may hold, of which it must


@dataclass
class Columns:
    schema: Schema
    rows: Sequence[Mapping[str, Value]]
    _of: dict[str, dict[tuple[Value, Value], int]] = field(default_factory=dict)
    _read: dict[tuple[Condition, bool], Bits] = field(default_factory=dict)

    @property
    def all(self) -> int:
        return (1 << len(self.rows)) - 1

    def column(self, name: str) -> dict[tuple[Value, Value], int]:
        """For each value of a fact, with what decides how unknown is read: which rows hold it."""
        if name not in self._of:
            guard = self.schema[name].worst_case_if
            found: dict[tuple[Value, Value], list[int]] = defaultdict(list)
            for index, row in enumerate(self.rows):
                found[row[name], row.get(guard, "")].append(index)
            self._of[name] = {key: _bits(rows, len(self.rows)) for key, rows in found.items()}
        return self._of[name]

    def truth(self, when: Condition, *, negated: bool = False) -> Bits:
        if isinstance(when, Not):
            return self.truth(when.of, negated=not negated)
        if isinstance(when, Match):
            return self._leaf(when, negated)
        parts = [self.truth(part, negated=negated) for part in when.of]
        every = isinstance(when, AllOf) != negated
        may, must = (self.all, self.all) if every else (0, 0)
        for a, b in parts:
            may, must = (may & a, must & b) if every else (may | a, must | b)
        return may, must

    def _leaf(self, test: Match, negated: bool) -> Bits:
        if (test, negated) not in self._read:
            fact = self.schema[test.fact]
            condition: Condition = Not(test) if negated else test
            may = must = 0
            for (value, guard), rows in self.column(test.fact).items():
                told = {test.fact: value, fact.worst_case_if: guard}
                holds = truth(condition, told, self.schema)
                may |= rows if holds[0] else 0
                must |= rows if holds[1] else 0
            self._read[test, negated] = may, must
        return self._read[test, negated]


def _bits(rows: Sequence[int], size: int) -> int:
    found = bytearray(size // 8 + 1)
    for row in rows:
        found[row >> 3] |= 1 << (row & 7)
    return int.from_bytes(found, "little")


def transposed(masks: Sequence[int], width: int) -> list[int]:
    """From a mask a row to a mask a bit."""
    rows: list[list[int]] = [[] for _ in range(width)]
    for index, mask in enumerate(masks):
        while mask:
            low = mask & -mask
            rows[low.bit_length() - 1].append(index)
            mask ^= low  # noqa: PLW2901
    return [_bits(each, len(masks)) for each in rows]


def either(masks: Sequence[int], terms: Sequence[int]) -> int:
    found = 0
    for term in terms:
        found |= masks[term]
    return found
