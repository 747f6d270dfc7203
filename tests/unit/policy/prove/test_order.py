"""A deadline that is said to be no later never is, at any instant of three years."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.policy.clocks import ClockSpec, Hours, due
from shared.policy.prove.order import no_later
from tests.unit.policy import facts as any_

CLOCKS = [
    *(ClockSpec(kind) for kind in ("now", "HUB_OPEN", "CLOSE_NEXT_WD", "ONE_MONTH")),
    *(ClockSpec("WD", count) for count in (1, 2, 5, 10, 15, 20)),
    *(ClockSpec("HOURS", count) for count in (1, 24, 72, 671, 672)),
]
PAIRS = [(a, b) for a in CLOCKS for b in CLOCKS if no_later(a, "receipt", b, "receipt")]


def ends(clock: ClockSpec, at: datetime) -> float:
    found = due(clock, at, Hours())
    return at.timestamp() if found is None else found.timestamp()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PAIRS), any_.moments)
def test_what_is_no_later_never_ends_later(pair: tuple[ClockSpec, ClockSpec], at: datetime) -> None:
    sooner, later = pair
    assert ends(sooner, at) <= ends(later, at) + timedelta(seconds=1).total_seconds()


def test_a_clock_from_receipt_is_never_relied_on_for_one_from_discovery() -> None:
    for clock in CLOCKS[1:]:
        assert not no_later(clock, "receipt", clock, "discovery")
        assert no_later(clock, "discovery", clock, "receipt")
