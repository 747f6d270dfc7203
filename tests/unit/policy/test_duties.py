"""What an event sets going: clocks on the authority, tasks at the school, and what silence asks."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.policy import Authorities, load_policy, yaml12
from shared.policy.clocks import LONDON, Calendar, school_days
from shared.policy.duties import asked, clocks, due_at, duties_of, ladder_of, london, starting_with
from shared.policy.pack import Duty
from tests.unit.policy.facts import moments

POLICY = load_policy()
NATIONAL = POLICY.national
SCENARIOS = Path(__file__).parents[2] / "acceptance" / "scenarios" / "events"
READ = [yaml12.load(path.read_bytes()) for path in sorted(SCENARIOS.glob("A*.yaml"))]
EVENTS = sorted({duty.starts for duty in NATIONAL.duties})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def title(scenario: dict[str, Any]) -> str:
    return f"{scenario['id']} {scenario['title']}"


@pytest.mark.parametrize("scenario", READ, ids=title)
def test_a_scenario_about_time_ends_as_the_duties_say(scenario: dict[str, Any]) -> None:
    duties = duties_of(NATIONAL, POLICY.locals[scenario["la"]])
    school = POLICY.directory.calendar(scenario["la"])
    started, now = at(scenario["started"]), at(scenario["now"])
    begun = starting_with(duties, scenario["event"])
    found = [each for duty in begun for each in asked(duty, started, now, school)]
    for wanted in scenario["expect"]:
        by = None if wanted["by"] == "now" else at(wanted["by"])
        assert any(
            (each.task.route, each.task.priority, each.by)
            == (wanted["route"], wanted["priority"], by)
            and wanted.get("says", "") in each.task.say
            for each in found
        ), wanted
    assert {each.task.route for each in found} == {w["route"] for w in scenario["expect"]}
    assert set(scenario["prohibitions"]) <= {code for duty in begun for code in duty.forbids}
    told = clocks(duties, scenario["event"], started, school)
    for event, more in scenario.get("then", {}).items():
        told |= clocks(duties, event, at(more["started"]), school)
        scenario["clocks"] |= more["clocks"]
    for name, text in scenario["clocks"].items():
        assert told[name] == at(text), name


def test_the_scenarios_about_time_are_all_there() -> None:
    assert [scenario["id"] for scenario in READ] == ["A24", "A30", "A31", "A34", "A35"]


def test_what_a_register_counts_asks_for_the_same_as_its_clock() -> None:
    (scenario,) = [s for s in READ if s["id"] == "A24"]
    school = POLICY.directory.calendar("821")
    now = at(scenario["now"])
    days = school_days(at(scenario["started"]).date(), now.date(), school)
    assert days == scenario["counted"]["is"]
    facts = {**scenario["concern"], scenario["counted"]["fact"]: days}
    where = Authorities(home="821", school="821")
    decision = POLICY.decide(facts, received_at=now, authorities=where)
    (action,) = [a for a in decision.actions if a.route == "LA_ATTENDANCE"]
    assert (action.priority, action.by, action.la) == ("P2", None, "821")
    assert "off_roll" in {ban.code for ban in decision.prohibitions}
    less = POLICY.decide(
        {**facts, "unauthorised_school_days": days - 1}, received_at=now, authorities=where
    )
    assert "LA_ATTENDANCE" not in {a.route for a in less.actions}


@settings(max_examples=100)
@given(st.sampled_from(NATIONAL.duties), moments)
def test_no_duty_is_due_before_it_begins(duty: Duty, started: datetime) -> None:
    end = due_at(duty, started)
    midnight = started.astimezone(LONDON).replace(hour=0, minute=0, second=0, microsecond=0)
    assert end > (midnight if duty.by.kind == "DATE" or duty.counts_first_day else started)


@settings(max_examples=100)
@given(st.sampled_from(NATIONAL.duties), moments, st.timedeltas(timedelta(0), timedelta(days=9)))
def test_a_later_event_is_never_due_earlier(duty: Duty, start: datetime, later: timedelta) -> None:
    first, second = due_at(duty, start), due_at(duty, start + later)
    # Months have unequal lengths: the last days of one may all end on one day of another.
    assert first.date() <= second.date() if duty.by.kind == "MONTHS" else first <= second


@settings(max_examples=100)
@given(st.sampled_from(NATIONAL.duties), moments, st.timedeltas(timedelta(0), timedelta(days=400)))
def test_an_open_task_never_goes_quiet_and_a_late_one_is_asked_at_once(
    duty: Duty, started: datetime, later: timedelta
) -> None:
    now, end = started + later, due_at(duty, started)
    found = asked(duty, started, now)
    assert len(found) == len(duty.open) + (len(duty.late) if now > end else 0)
    assert all(each.by is None if now > end else each.by == end for each in found)


def test_a_naive_start_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        due_at(NATIONAL.duties[0], datetime(2026, 11, 23))  # noqa: DTZ001 - what is refused


def test_holidays_are_not_counted_and_days_nobody_knows_are() -> None:
    half_term = frozenset(date(2026, 10, day) for day in range(26, 31))
    school = Calendar(date(2026, 10, 1), date(2026, 11, 30), half_term)
    assert school_days(date(2026, 10, 19), date(2026, 11, 6), school) == 10
    assert school_days(date(2026, 10, 19), date(2026, 11, 6), None) == 15
    assert school_days(date(2026, 12, 24), date(2026, 12, 29), school) == 2  # bank holidays closed


def test_each_stage_of_a_disagreement_has_its_days_and_its_people() -> None:
    days = NATIONAL.settings["escalation_working_days"].value
    for la in ("821", "886", "926"):
        stages = ladder_of(NATIONAL, POLICY.locals[la])
        assert isinstance(days, tuple)
        assert [stage.route for stage in stages] == [
            f"ESC_STAGE_{n}" for n in range(1, len(days) + 1)
        ]
        assert all(stage.school and stage.authority for stage in stages)


def test_a_day_known_by_its_date_alone_begins_in_london() -> None:
    assert london(date(2026, 7, 1)).utcoffset() == timedelta(hours=1)
