"""The clocks of a task."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from escalation.models import Task
from escalation.ranking import PRIORITIES
from escalation.schedule import timers_for, wait_again
from shared.policy import load_policy

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
SETTINGS = load_policy().settings()
hours = st.integers(1, 2000)


def task(priority: str = "P2", by: datetime | None = None, state: str = "open") -> Task:
    return Task(
        case_id=UUID(int=1),
        route="MASH",
        priority=priority,
        rank=1,
        due_at=by or NOW,
        opened_at=NOW,
        by=by,
        certainty="certain",
        owner="the team",
        owner_role="team",
        channel="QUEUE",
        contact={},
        because=[],
        state=state,
    )


@given(st.sampled_from(PRIORITIES), st.none() | hours)
def test_no_open_task_is_without_a_clock(priority: str, due_in: int | None) -> None:
    by = None if due_in is None else NOW + timedelta(hours=due_in)
    assert timers_for(task(priority, by), SETTINGS, NOW)


@given(st.sampled_from(PRIORITIES), hours)
def test_reminders_come_in_order_and_before_the_deadline(priority: str, due_in: int) -> None:
    by = NOW + timedelta(hours=due_in)
    timers = timers_for(task(priority, by), SETTINGS, NOW)
    reminders = [timer.due_at for timer in timers if timer.kind == "reminder"]
    assert reminders == sorted(reminders)
    assert all(NOW < due < by for due in reminders)
    assert [timer.due_at for timer in timers if timer.kind == "overdue"] == [by]


@given(hours, st.integers(0, 5000))
def test_a_deadline_already_past_is_overdue_at_once_with_no_reminder(
    due_in: int, late: int
) -> None:
    by = NOW + timedelta(hours=due_in)
    timers = timers_for(task("P2", by), SETTINGS, by + timedelta(minutes=late))
    assert [timer.kind for timer in timers] == ["overdue"]


@given(st.sampled_from(["unconfirmed", "unclaimed", "call_back", "overdue"]), st.integers(0, 10**6))
def test_what_is_chased_is_chased_again_within_a_day(kind: str, attempts: int) -> None:
    wait = wait_again(kind, attempts, SETTINGS)
    assert wait is not None
    assert timedelta(0) < wait <= timedelta(days=1)


def test_acknowledged_work_is_not_asked_for_again_until_a_working_day_has_gone_by() -> None:
    (clock,) = timers_for(task("P0", state="acknowledged"), SETTINGS, NOW)
    assert (clock.kind, clock.due_at > NOW + timedelta(hours=12)) == ("overdue", True)


def test_a_call_nobody_confirms_is_asked_for_every_two_minutes_and_more_slowly_after_an_hour() -> (
    None
):
    waits = [wait_again("unconfirmed", attempts, SETTINGS) for attempts in (0, 29, 30, 500)]
    assert waits == [timedelta(minutes=2)] * 2 + [timedelta(minutes=15)] * 2
