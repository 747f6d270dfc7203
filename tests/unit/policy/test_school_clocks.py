"""Days that schools meet, hubs open, hours pass and holidays fall: what every clock must keep."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.policy import Authorities, load_policy
from shared.policy.clocks import (
    LONDON,
    PLAIN_CLOCKS,
    Calendar,
    Hours,
    bank_holidays,
    beyond_known_holidays,
    due,
    end_of_school_day,
    is_open,
    is_working_day,
    known_until,
    months_after,
    next_opening,
    parse_clock,
    school_days,
)
from tests.unit.policy.facts import moments

POLICY = load_policy()
SPRING, AUTUMN = date(2027, 3, 28), date(2026, 10, 25)
days = st.dates(date(2026, 1, 1), date(2028, 6, 30))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    first = draw(days)
    last = first + timedelta(days=draw(st.integers(0, 200)))
    span = (last - first).days
    closed = draw(st.sets(st.integers(0, span), max_size=60))
    return Calendar(first, last, frozenset(first + timedelta(days=n) for n in closed))


@settings(max_examples=100)
@given(days, st.integers(1, 30), calendars())
def test_a_school_clock_ends_on_a_day_the_school_meets_and_never_before_a_working_days(
    trigger: date, count: int, school: Calendar
) -> None:
    end = end_of_school_day(trigger, count, school)
    assert school.meets(end.date())
    assert school_days(trigger + timedelta(days=1), end.date(), school) == count
    assert end >= end_of_school_day(trigger, count, None)


@settings(max_examples=100)
@given(days, days, days, calendars())
def test_school_days_add_up(one: date, two: date, three: date, school: Calendar) -> None:
    first, middle, last = sorted([one, two, three])
    parts = school_days(first, middle, school)
    parts += school_days(middle + timedelta(days=1), last, school)
    assert parts == school_days(first, last, school)
    assert 0 <= parts <= (last - first).days + 1


@settings(max_examples=100)
@given(moments, calendars(), st.timedeltas(timedelta(0), timedelta(days=9)))
def test_before_the_next_school_day_is_later_than_now_and_no_meeting_day_is_passed_over(
    start: datetime, school: Calendar, later: timedelta
) -> None:
    spec = parse_clock("BEFORE_NEXT_SCHOOL_DAY")
    end = due(spec, start, school)
    assert end is not None
    today = start.astimezone(LONDON).date()
    assert end.date() > today
    assert school_days(today + timedelta(days=1), end.date(), school) == 1
    after = due(spec, start + later, school)
    assert after is not None
    assert end <= after


def test_a_school_that_is_not_known_to_meet_later_is_taken_to_meet_on_every_working_day() -> None:
    term = Calendar(date(2026, 10, 1), date(2026, 10, 31), frozenset({date(2026, 10, 30)}))
    assert not term.meets(date(2026, 10, 30))
    assert term.meets(date(2026, 11, 2))
    assert end_of_school_day(date(2026, 10, 29), 1, term).date() == date(2026, 11, 2)


@settings(max_examples=100)
@given(moments, st.integers(1, 200))
def test_hours_are_real_hours_whatever_the_clock_on_the_wall_does(
    start: datetime, count: int
) -> None:
    end = due(parse_clock(f"CLOCK_HOURS({count})"), start, None)
    assert end is not None
    assert end.astimezone(UTC) - start.astimezone(UTC) == timedelta(hours=count)


@pytest.mark.parametrize("changes", [SPRING, AUTUMN], ids=["spring", "autumn"])
@pytest.mark.parametrize("clock", ["WD(1)", "SCHOOL_DAYS(1)", "DAYS(1)", "WD(5)", "DATE"])
def test_five_oclock_stays_five_oclock_across_a_change_of_the_clock(
    changes: date, clock: str
) -> None:
    start = datetime.combine(changes - timedelta(days=2), time(23, 30), LONDON)
    end = due(parse_clock(clock), start, None)
    assert end is not None
    assert (end.hour, end.minute) == (17, 0)
    assert end.utcoffset() == LONDON.utcoffset(end.replace(tzinfo=None))


@settings(max_examples=100)
@given(moments, st.integers(1, 24))
def test_months_keep_the_day_and_the_hour_or_take_the_months_last_day(
    start: datetime, count: int
) -> None:
    local, end = start.astimezone(LONDON), months_after(start, count)
    assert (end.year * 12 + end.month) - (local.year * 12 + local.month) == count
    assert end.day == local.day or (end + timedelta(days=1)).day == 1
    assert (end.minute, end.second) == (local.minute, local.second)
    assert end.hour in {local.hour, (local.hour + 1) % 24}  # an hour that spring skips moves on


@pytest.mark.parametrize(
    ("clock", "start", "end"),
    [
        ("MONTHS(3)", "2026-11-30T10:00", "2027-02-28T10:00"),
        ("MONTHS(6)", "2026-08-31T10:00", "2027-02-28T10:00"),
        ("MONTHS(1)", "2028-01-31T10:00", "2028-02-29T10:00"),
        ("DAYS(5)", "2026-12-24T10:00", "2026-12-29T17:00"),
        ("DATE", "2024-01-12T00:00", "2024-01-12T17:00"),
        ("SCHOOL_DAYS(5)", "2026-11-23T12:00", "2026-11-30T17:00"),
        ("WD(10)", "2026-12-14T10:00", "2026-12-30T17:00"),
    ],
)
def test_a_long_clock_ends_when_london_says(clock: str, start: str, end: str) -> None:
    found = due(parse_clock(clock), datetime.fromisoformat(start).replace(tzinfo=LONDON), None)
    assert found == datetime.fromisoformat(end).replace(tzinfo=LONDON)


def test_no_bank_holiday_that_is_known_is_worked_and_they_are_known_for_years_to_come() -> None:
    assert not [day for day in bank_holidays() if is_working_day(day)]
    assert date(2026, 12, 28) in bank_holidays()  # Boxing Day falls on a Saturday
    assert known_until() >= date(2028, 12, 31)
    assert {day.year for day in bank_holidays()} >= {2026, 2027, 2028}


def test_past_the_last_known_bank_holiday_deadlines_only_come_earlier_and_an_alarm_is_raised() -> (
    None
):
    end = datetime.combine(known_until(), time(12), LONDON)
    assert beyond_known_holidays(end)
    assert not beyond_known_holidays(end - timedelta(days=120))
    where = Authorities(home="821", school="821")
    late = POLICY.decide({"immediate_danger": "yes"}, received_at=end, authorities=where)
    assert "bank_holidays_unknown" in late.alarms
    soon = due(parse_clock("WD(1)"), end, None)
    assert soon is not None
    assert soon.date() == known_until() + timedelta(days=1)


@settings(max_examples=100)
@given(st.sampled_from(sorted(POLICY.locals)), moments)
def test_each_hub_opens_next_when_its_own_hours_say(la: str, at: datetime) -> None:
    hours = POLICY.directory.hub_hours(la)
    opening = next_opening(hours, at)
    decision = POLICY.decide(
        {"harm_level": "suspected_significant", "concern_types": ["physical"]},
        received_at=at,
        authorities=Authorities(home=la, school=la),
    )
    (hub,) = [action for action in decision.actions if action.route == "MASH"]
    assert hub.by == opening
    assert decision.in_hours == (opening is None)
    assert ("EDT" in {action.route for action in decision.actions}) == (opening is not None)
    if opening is not None:
        assert opening > at
        assert is_open(hours, opening)
        assert not is_open(hours, opening - timedelta(seconds=1))


@settings(max_examples=60)
@given(moments, st.sampled_from([clock for clock in PLAIN_CLOCKS if clock != "DATE"]))
def test_no_clock_of_any_kind_ends_before_it_starts(start: datetime, clock: str) -> None:
    end = due(parse_clock(clock), start, Hours(days=(1, 3), opens=time(10), closes=time(12)))
    assert end is None or end > start


def test_the_rulebooks_own_names_of_the_clocks_are_read() -> None:
    assert parse_clock("IMMEDIATE") == parse_clock("now")
    assert parse_clock("CLOCK_HOURS(24)") == parse_clock("HOURS(24)")
