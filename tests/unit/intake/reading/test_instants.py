"""Dates and times as English schools write them."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.reading.instants import read_age, read_date, read_instant
from tests.unit.intake.reading.bodies import RECEIVED, body, issues, only, read

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2012-05-01", date(2012, 5, 1)),
        ("01/05/2012", date(2012, 5, 1)),
        ("1.5.2012", date(2012, 5, 1)),
        ("01-05-12", date(2012, 5, 1)),
        ("01/05/99", date(1999, 5, 1)),
        ("1st May 2012", date(2012, 5, 1)),
        ("1 may 2012", date(2012, 5, 1)),
        ("12/25/2012", date(2012, 12, 25)),
        ("2012-05-01T00:00:00", date(2012, 5, 1)),
        ("01/05/2012 00:00:00", date(2012, 5, 1)),
        ("20120501", date(2012, 5, 1)),
    ],
)
def test_dates_are_read_day_first(said: str, meant: date) -> None:
    read_as = read_date(said, today=TODAY)
    assert read_as is not None
    assert read_as[0] == meant


@pytest.mark.parametrize(
    "said", ["", "soon", "31/02/2012", "2012-13-01", 20120501, None, "1/5", "x" * 99]
)
def test_what_is_no_date_is_not_guessed(said: object) -> None:
    assert read_date(said, today=TODAY) is None


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-11-20T14:00:00Z", datetime(2026, 11, 20, 14, tzinfo=UTC)),
        ("2026-11-20T14:00:00+02:00", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ("2026-07-20T14:00:00", datetime(2026, 7, 20, 13, tzinfo=UTC)),
        ("2026-11-20 14:00", datetime(2026, 11, 20, 14, tzinfo=UTC)),
        ("20/07/2026 14:00", datetime(2026, 7, 20, 13, tzinfo=UTC)),
        ("20/07/2026 2.30pm", datetime(2026, 7, 20, 13, 30, tzinfo=UTC)),
        ("20/11/2026 at 9am", datetime(2026, 11, 20, 9, tzinfo=UTC)),
        ("2026-07-20", datetime(2026, 7, 19, 23, tzinfo=UTC)),
        ("20 July 2026", datetime(2026, 7, 19, 23, tzinfo=UTC)),
    ],
)
def test_times_without_a_zone_are_londons(said: str, meant: datetime) -> None:
    read_as = read_instant(said, today=TODAY)
    assert read_as is not None
    assert read_as[0] == meant


@pytest.mark.parametrize("said", ["20/11/2026 25:00", "20/11/2026 13pm", "noon", "20/11/2026 x", 5])
def test_what_is_no_time_is_not_guessed(said: object) -> None:
    assert read_instant(said, today=TODAY) is None


def test_a_missing_zone_or_time_is_reported() -> None:
    submission = read(body(discovered_at="2026-11-20T14:00", occurred_at="2026-11-19"))
    assert ("/discovered_at", "no_zone") in issues(submission)
    assert ("/occurred_at", "date_only") in issues(submission)


@pytest.mark.parametrize(
    ("claimed", "issue"),
    [
        ("2026-11-24T10:00:00Z", "in_the_future"),
        ("9999-12-31T23:59:59Z", "in_the_future"),
        ("0001-01-01T00:00:00Z", "absurd_time"),
        ("1970-01-01T00:00:00Z", "absurd_time"),
        ("yesterday", "unreadable"),
        (1732100000, "unreadable"),
    ],
)
def test_an_impossible_discovery_is_kept_only_in_the_sealed_body(
    claimed: object, issue: str
) -> None:
    submission = read(body(discovered_at=claimed))
    assert submission.discovered_at is None
    assert ("/discovered_at", issue) in issues(submission)
    assert submission.raw["discovered_at"] == claimed


def test_a_clock_a_little_ahead_is_our_clock() -> None:
    assert read(body(discovered_at="2026-11-23T10:03:00Z")).discovered_at == RECEIVED


def test_the_age_at_discovery_and_now_come_from_the_date_of_birth() -> None:
    raw = body(discovered_at="2026-11-20T13:40:00Z")
    raw["children"][0]["dob"] = "2008-11-22"
    facts = only(read(raw)).facts
    assert facts["age_years"] == 18
    assert facts["age_at_discovery"] == 17


def test_of_two_ages_the_younger_is_taken() -> None:
    raw = body()
    raw["children"][0]["age_years"] = 9
    submission = read(raw)
    assert only(submission).facts["age_years"] == 9
    assert ("/children/0/age_years", "age_contradiction") in issues(submission)


@pytest.mark.parametrize(
    ("born", "issue"),
    [("2030-01-01", "dob_in_the_future"), ("1800-01-01", "absurd_time"), ("?", "unreadable")],
)
def test_an_impossible_birth_leaves_the_age_unknown(born: str, issue: str) -> None:
    raw = body()
    raw["children"][0]["dob"] = born
    submission = read(raw)
    assert only(submission).dob is None
    assert "age_years" not in only(submission).facts
    assert ("/children/0/dob", issue) in issues(submission)


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_iso_time_is_read_exactly(aware: datetime) -> None:
    assert read_instant(aware.isoformat(), today=TODAY) == (aware, ())


@given(st.text() | st.integers() | st.floats() | st.none() | st.booleans())
def test_reading_a_time_never_fails(said: object) -> None:
    read_instant(said, today=TODAY)
    read_date(said, today=TODAY)
    read_age(said)
