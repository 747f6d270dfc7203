"""A producer's count, taken in one by one, misses what a look at all of it would miss."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from audit_log.counting import Count
from audit_log.verifying.contents import missing

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


@given(st.lists(st.integers(1, 40)))
def test_taken_in_one_by_one_in_any_order_it_misses_what_is_missing(numbers: list[int]) -> None:
    count = Count()
    for number in numbers:
        count.arrived(number, NOW)
    assert [(gap.first, gap.last) for gap in count.gaps] == missing(set(numbers), 0)
    assert count.highest == max(numbers, default=0)


def test_a_gap_that_is_partly_closed_keeps_its_age() -> None:
    count = Count()
    later = NOW.replace(hour=11)
    count.arrived(9, NOW)
    count.arrived(4, later)
    assert [(gap.first, gap.last, gap.since) for gap in count.gaps] == [(1, 3, NOW), (5, 8, NOW)]
