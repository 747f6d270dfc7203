"""Which task comes first, and that a decision only ever rises. Pure."""

from datetime import datetime
from typing import Final

PRIORITIES: Final = ("P0", "P1", "P2", "P3", "P4")
RANKS: Final = range(1 + len(PRIORITIES))


def rank(priority: str, *, unprocessed: bool) -> int:
    """0 is the top of a queue: what could not be understood is read before all that was."""
    return 0 if unprocessed else 1 + PRIORITIES.index(priority)


def higher(one: str, other: str) -> str:
    return min(one, other, key=PRIORITIES.index)


def nearer(one: datetime | None, other: datetime | None) -> datetime | None:
    """The nearer of two deadlines; None is now, and nothing is nearer."""
    return None if one is None or other is None else min(one, other)


def harder(one: datetime | None, other: datetime | None) -> datetime | None:
    """The nearer of two hard limits; None is no limit."""
    return min(filter(None, (one, other)), default=None)
