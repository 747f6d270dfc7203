"""Deadlines in London's time: nights, weekends, bank holidays, both changes of the clock."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.policy.clocks import (
    LONDON,
    ClockSpec,
    Hours,
    beyond_known_holidays,
    discovery,
    due,
    is_working_day,
    next_opening,
    one_month_after,
    parse_clock,
)
from tests.unit.policy.facts import moments

CLOCKS = [
    "WD(1)", "WD(3)", "WD(45)", "HOURS(24)", "SCHOOL_DAYS(5)", "CLOSE_NEXT_WD", "ONE_MONTH",
    "BEFORE_NEXT_SCHOOL_DAY",
]  # fmt: skip
HUB = Hours()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


def ends(clock: str, start: str) -> str:
    end = due(parse_clock(clock), at(start), HUB)
    assert end is not None
    return end.isoformat()


@pytest.mark.parametrize(
    ("clock", "start", "end"),
    [
        ("WD(1)", "2026-11-20T14:00", "2026-11-23T17:00:00+00:00"),
        ("CLOSE_NEXT_WD", "2026-08-28T16:59", "2026-09-01T17:00:00+01:00"),
        ("WD(1)", "2026-12-24T10:00", "2026-12-29T17:00:00+00:00"),
        ("WD(15)", "2026-11-23T10:00", "2026-12-14T17:00:00+00:00"),
        ("WD(45)", "2026-11-23T10:00", "2027-01-28T17:00:00+00:00"),
        ("ONE_MONTH", "2026-01-31T08:30", "2026-02-28T08:30:00+00:00"),
        ("ONE_MONTH", "2026-12-15T08:30", "2027-01-15T08:30:00+00:00"),
        ("ONE_MONTH", "2026-02-28T01:30", "2026-03-28T01:30:00+00:00"),
        ("ONE_MONTH", "2027-02-28T01:30", "2027-03-28T02:30:00+01:00"),
        ("HOURS(24)", "2026-03-28T12:00", "2026-03-29T13:00:00+01:00"),
        ("HOURS(24)", "2026-10-24T12:00", "2026-10-25T11:00:00+00:00"),
        ("BEFORE_NEXT_SCHOOL_DAY", "2026-11-29T23:00", "2026-11-30T09:00:00+00:00"),
        ("WHEN_OPEN", "2026-11-21T22:00", "2026-11-23T09:00:00+00:00"),
        ("WHEN_OPEN", "2026-11-23T08:59", "2026-11-23T09:00:00+00:00"),
        ("HUB_OPEN", "2026-04-02T17:00", "2026-04-07T09:00:00+01:00"),
    ],
)
def test_a_clock_ends_when_london_says(clock: str, start: str, end: str) -> None:
    assert ends(clock, start) == end


def test_an_open_hub_is_reached_now() -> None:
    assert due(ClockSpec("HUB_OPEN"), at("2026-11-23T09:00"), HUB) is None
    assert due(ClockSpec("now"), at("2026-11-21T22:00"), HUB) is None


@settings(max_examples=150)
@given(moments, st.sampled_from(CLOCKS))
def test_no_clock_ends_before_it_starts(start: datetime, clock: str) -> None:
    end = due(parse_clock(clock), start, HUB)
    assert end is not None
    assert end > start
    assert end.tzinfo is LONDON


@settings(max_examples=150)
@given(moments, st.timedeltas(timedelta(0), timedelta(days=9)), st.sampled_from(CLOCKS))
def test_a_later_start_never_ends_earlier(start: datetime, later: timedelta, clock: str) -> None:
    first, second = (due(parse_clock(clock), begin, HUB) for begin in (start, start + later))
    assert first is not None
    assert second is not None
    # Months have unequal lengths: 30 and 31 January both end on 28 February.
    assert first.date() <= second.date() if clock == "ONE_MONTH" else first <= second


@settings(max_examples=150)
@given(moments)
def test_a_working_day_ends_at_five_on_a_day_that_is_worked(start: datetime) -> None:
    end = due(parse_clock("WD(1)"), start, HUB)
    assert end is not None
    assert (end.hour, end.minute) == (17, 0)
    assert is_working_day(end.date())


@settings(max_examples=150)
@given(moments)
def test_the_next_opening_is_open(start: datetime) -> None:
    opening = next_opening(HUB, start)
    assert opening is None or next_opening(HUB, opening) is None


@settings(max_examples=150)
@given(moments)
def test_a_month_keeps_the_day_or_takes_the_last_one(start: datetime) -> None:
    local, end = start.astimezone(LONDON), one_month_after(start)
    assert end.day == local.day or (end + timedelta(days=1)).day == 1
    assert (end.month - local.month) % 12 == 1


@pytest.mark.parametrize("claimed", ["2026-11-26T10:00+00:00", "1999-01-01T00:00+00:00"])
def test_a_future_or_absurd_discovery_counts_from_receipt(claimed: str) -> None:
    received = datetime(2026, 11, 25, 10, tzinfo=UTC)
    assert discovery(received, datetime.fromisoformat(claimed)) == received
    assert discovery(received, None) == received
    assert discovery(received, received - timedelta(days=3)) == received - timedelta(days=3)


def test_past_the_known_bank_holidays_every_weekday_is_worked_and_an_alarm_is_due() -> None:
    assert is_working_day(datetime(2035, 12, 25, tzinfo=UTC).date())
    assert beyond_known_holidays(datetime(2035, 12, 20, tzinfo=UTC))
    assert not beyond_known_holidays(datetime(2026, 11, 20, tzinfo=UTC))


@pytest.mark.parametrize("text", ["WD(0)", "soon", "WD(-1)", "now()"])
def test_an_unknown_clock_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        parse_clock(text)
