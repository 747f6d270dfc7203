"""Joins the masks of all facts by looking only at those that were given: most are always absent."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from shared.policy.compile import Table, joined
from shared.policy.derive import CHANGED
from shared.policy.schema import Schema, Value

_BLOCK: Final = 8
_ALL: Final = (1 << _BLOCK) - 1


class Sparse:
    """Says what `compile.joined` says of one table.

    The facts come in blocks of eight. For each choice of facts of a block that are given, the
    masks of the rest, which are absent, are joined beforehand.
    """

    def __init__(self, table: Table, schema: Schema) -> None:
        plain = {name: masks for name, masks in table.plain if name not in CHANGED}
        rest = tuple((name, masks) for name, masks in table.plain if name in CHANGED)
        self._always = replace(table, plain=rest)
        self._given = {name: (masks, 1 << i) for i, (name, masks) in enumerate(plain.items())}
        absent = [masks[schema.absent[name]] for name, masks in plain.items()]  # type: ignore[index]
        starts = range(0, len(absent), _BLOCK)
        self._blocks = [(start, _without(absent[start : start + _BLOCK])) for start in starts]

    def joined(self, values: Mapping[str, Value], given: Iterable[str]) -> int:
        """values: every fact. given: the names of those that are not as an absent one is read."""
        both, seen = joined(self._always, values), 0
        known = self._given
        for name in given:
            if name in known:
                masks, bit = known[name]
                both &= masks[values[name]]  # type: ignore[index]
                seen |= bit
        for start, absent in self._blocks:
            both &= absent[seen >> start & _ALL]
        return both


def _without(absent: list[int]) -> list[int]:
    """For each set of facts of a block that are given, the others' masks joined."""
    found = []
    for given in range(1 << _BLOCK):
        mask = -1
        for index, each in enumerate(absent):
            if not given >> index & 1:
                mask &= each
        found.append(mask)
    return found
