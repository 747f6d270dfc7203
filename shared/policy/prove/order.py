"""When one deadline is certain never to fall after another, whatever the instant."""

from typing import Final

from shared.policy.clocks import ClockSpec
from shared.policy.decision import Priority
from shared.policy.pack import Start

PRIORITIES: Final[tuple[Priority, ...]] = ("P0", "P1", "P2", "P3", "P4")
_OPENING: Final = frozenset({"HUB_OPEN", "WHEN_OPEN"})
_DAYS: Final = {"WD": "WD", "CLOSE_NEXT_WD": "WD", "SCHOOL_DAYS": "SCHOOL_DAYS"}
SHORTEST_MONTH: Final = 28 * 24
# Working days that end within any calendar month, with Christmas and Easter in it.
WORKING_DAYS_OF_A_MONTH: Final = 15


def _days(clock: ClockSpec) -> tuple[str, int] | None:
    kind = _DAYS.get(clock.kind)
    return (kind, clock.count or 1) if kind else None


def no_later(a: ClockSpec, a_from: Start, b: ClockSpec, b_from: Start) -> bool:
    """False also where it depends on the day: the prover then does not rely on it."""
    if a.kind == "now":
        return True
    if a_from == "receipt" and b_from == "discovery":
        return False
    return a == b or _sooner(a, b)


def _sooner(a: ClockSpec, b: ClockSpec) -> bool:
    mine, theirs = _days(a), _days(b)
    if mine and theirs:
        return mine[0] == theirs[0] and mine[1] <= theirs[1]
    if a.kind in _OPENING and theirs:
        return a.kind == "HUB_OPEN" and theirs[0] == "WD"
    if b.kind == "ONE_MONTH":
        return _within_a_month(a)
    return a.kind == b.kind == "HOURS" and a.count <= b.count


def _within_a_month(clock: ClockSpec) -> bool:
    if clock.kind == "HOURS":
        return clock.count < SHORTEST_MONTH
    days = _days(clock)
    return clock.kind == "HUB_OPEN" or bool(days and days[1] <= WORKING_DAYS_OF_A_MONTH)
