"""Small numbers are not told, nor any number exactly (R-NDI-14). Pure.

A number from 1 to 4 is hidden, and every other is told as a multiple of five: so neither the whole
less its parts, nor one report less another of a day or a case more, gives anybody away.
"""

from collections.abc import Mapping
from typing import Final

FEWEST: Final = 5
BASE: Final = 5


def rounded(count: int) -> int | None:
    """To the nearest five, or None from 1 to 4."""
    return None if 0 < count < FEWEST else _nearest(count)


def suppressed(cells: Mapping[str, int]) -> dict[str, int | None]:
    """Counts of the parts of one whole, which add up to the whole as `rounded` tells it.

    None: from 1 to 4, or hidden so that such a number cannot be worked out. A nought stays, for it
    tells of nobody. Of a whole from 1 to 4 not even the parts are named: four would be one each.
    """
    if rounded(sum(cells.values())) is None:
        return {}
    hidden = {name for name, count in cells.items() if 0 < count < FEWEST}
    others = sorted((count, name) for name, count in cells.items() if count >= FEWEST)
    while hidden and others and _given_away([cells[name] for name in hidden]):
        hidden.add(others.pop(0)[1])
    told = {name: count for name, count in cells.items() if name not in hidden}
    even = _even([*told.values(), sum(cells[name] for name in hidden)])
    shown = dict(zip(told, even, strict=False))
    return {name: shown.get(name) for name in cells}


def share(part: int, whole: int) -> int | None:
    """A percentage of the rounded numbers, or None where it would tell of fewer than five either
    way."""
    if whole < FEWEST or 0 < part < FEWEST or 0 < whole - part < FEWEST:
        return None
    return round(100 * _nearest(part) / _nearest(whole))


def _given_away(counts: list[int]) -> bool:
    """What is hidden, by what is left of the whole: one alone, too few together, or all fours."""
    return len(counts) == 1 or sum(counts) < FEWEST or set(counts) == {FEWEST - 1}


def _even(counts: list[int]) -> list[int]:
    """Each to the five below or above, so that they add up to the nearest five of their sum; those
    that are nearest to the five above go there."""
    below = [count - count % BASE for count in counts]
    up = (_nearest(sum(counts)) - sum(below)) // BASE
    first = sorted(range(len(counts)), key=lambda place: -(counts[place] % BASE))[:up]
    return [count + BASE * (place in first) for place, count in enumerate(below)]


def _nearest(count: int) -> int:
    return BASE * round(count / BASE)
