"""Small numbers are not told, nor what would give them away (R-NDI-14). Pure."""

from collections.abc import Mapping
from typing import Final

FEWEST: Final = 5


def suppressed(cells: Mapping[str, int]) -> dict[str, int | None]:
    """Counts of the parts of one whole: None where a number is from 1 to 4.

    Where one cell alone is hidden, it is the whole less the others: the next smallest goes too.
    A nought stays, for it tells of nobody.
    """
    hidden = {name for name, count in cells.items() if 0 < count < FEWEST}
    if len(hidden) == 1:
        others = [name for name, count in cells.items() if count and name not in hidden]
        hidden |= set(sorted(others, key=lambda name: (cells[name], name))[:1])
    return {name: None if name in hidden else count for name, count in cells.items()}


def share(part: int, whole: int) -> int | None:
    """A percentage, or None where it would tell of fewer than five either way."""
    if whole < FEWEST or 0 < part < FEWEST or 0 < whole - part < FEWEST:
        return None
    return round(100 * part / whole)
