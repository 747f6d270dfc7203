"""Deadlines as people read them, through nights, weekends and bank holidays."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.policy.clocks import LONDON
from shared.web.times import OFFICE, clock_time, deadline, said, span, working_time


def london(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


TUESDAY = london("2026-11-24 15:40")


@pytest.mark.parametrize(
    ("by", "reads"),
    [
        ("2026-11-24 17:00", "today, 5:00pm — in 1 working hour 20 minutes"),
        ("2026-11-24 16:40", "today, 4:40pm — in 1 working hour"),
        ("2026-11-24 15:41", "today, 3:41pm — in 1 working minute"),
        ("2026-11-25 17:00", "tomorrow, 5:00pm — in 1 working day 1 hour"),
        ("2026-11-26 12:00", "Thursday 26 November, midday — in 1 working day 4 hours"),
        ("2027-01-04 09:00", "Monday 4 January 2027, 9:00am — in 25 working days 1 hour"),
        ("2026-11-24 15:40", "today, 3:40pm — overdue by less than a minute"),
        ("2026-11-24 14:40", "today, 2:40pm — overdue by 1 working hour"),
        ("2026-11-23 17:00", "yesterday, 5:00pm — overdue by 6 working hours 40 minutes"),
    ],
)
def test_a_deadline_is_said_with_its_day_and_what_is_left_of_working_time(
    by: str, reads: str
) -> None:
    assert str(deadline(london(by), TUESDAY)) == reads


def test_what_is_due_now_has_no_time_and_is_not_overdue() -> None:
    now = deadline(None, TUESDAY)
    assert (str(now), now.overdue, now.iso) == ("now", False, "")


def test_where_nobody_works_in_between_the_clock_is_said_as_it_runs() -> None:
    friday = london("2026-11-27 17:30")
    assert span(friday, london("2026-11-27 22:00")) == "4 hours 30 minutes"
    assert span(friday, london("2026-11-30 09:00")) == "2 days 15 hours"
    assert span(friday, london("2026-11-30 09:01")) == "1 working minute"


def test_a_bank_holiday_has_no_working_time() -> None:
    christmas = london("2026-12-25 00:00")
    assert working_time(christmas, christmas + timedelta(days=1)) == timedelta()


def test_the_day_the_clocks_change_has_its_own_length() -> None:
    saturday_noon, sunday_noon = london("2026-03-28 12:00"), london("2026-03-29 12:00")
    assert span(saturday_noon, sunday_noon) == "23 hours"
    assert said(datetime(2026, 3, 29, 11, 0, tzinfo=UTC), saturday_noon) == "tomorrow, midday"


def test_midday_and_midnight_are_said_as_words() -> None:
    assert clock_time(london("2026-01-01 00:00").time()) == "midnight"
    assert clock_time(london("2026-01-01 12:00").time()) == "midday"
    assert clock_time(london("2026-01-01 12:01").time()) == "12:01pm"
    assert clock_time(london("2026-01-01 00:05").time()) == "12:05am"


INSTANTS = st.integers(0, 500 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(st.lists(INSTANTS, min_size=3, max_size=3).map(sorted))
def test_working_time_adds_up_and_never_exceeds_the_clock(three: list[datetime]) -> None:
    first, middle, last = three
    parts = working_time(first, middle) + working_time(middle, last)
    assert parts == working_time(first, last)
    assert timedelta() <= parts <= last - first
    days = (last - first).days + 2
    assert parts <= days * timedelta(hours=8)


@given(INSTANTS, INSTANTS)
def test_a_deadline_always_says_something(by: datetime, now: datetime) -> None:
    read = deadline(by, now, OFFICE)
    assert read.overdue == (by <= now)
    assert read.left.startswith("overdue by " if read.overdue else "in ")
    assert " 0 " not in f" {read.left} "
