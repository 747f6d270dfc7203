"""What happens in a case starts the clocks the law gives it, and each has somebody to answer."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2

from tests.journey.escalation.house import House, dsl, worker


async def tell(
    house: House, case_id: UUID, who: dict[str, Any], event: str, at: datetime | None = None
) -> httpx2.Response:
    version = (await house.case(who, case_id))["version"]
    body = {"event": event, "at": (at or house.clock.now()).isoformat()}
    return await house.ask("POST", f"/v1/cases/{case_id}/milestones", who, body, version)


async def clocks(house: House, case_id: UUID) -> list[tuple[str, str | None, str]]:
    rows = await house.sql(
        "SELECT route, \"by\", because FROM task WHERE case_id = $1 AND kind = 'clock' "
        'ORDER BY "by" NULLS FIRST, route',
        case_id,
    )
    return [
        (row["route"], row["by"] and row["by"].astimezone(UTC).isoformat(), row["because"])
        for row in rows
    ]


async def test_a_strategy_discussion_starts_the_conferences_fifteen_working_days(
    house: House,
) -> None:
    case_id = await house.raised()
    answer = await tell(house, case_id, worker(), "strategy_discussion")
    assert answer.status_code == 200, answer.text
    [(route, by, because)] = await clocks(house, case_id)
    assert (route, by) == ("MASH", "2026-12-15T17:00:00+00:00")
    assert "NAT-LAC-04" in because


async def test_a_referral_taken_up_has_its_assessments_clock_from_the_receipt(
    house: House,
) -> None:
    case_id = await house.raised()
    version = (await house.case(worker(), case_id))["version"]
    decided = {"outcome": "NEW_REFERRAL"}
    await house.ask("POST", f"/v1/cases/{case_id}/decide", worker(), decided, version)
    [(route, by, because)] = await clocks(house, case_id)
    assert (route, by) == ("MASH", "2027-01-29T17:00:00+00:00")
    assert "NAT-LAC-03" in because


async def test_a_case_closed_without_assessment_has_no_clock(house: House) -> None:
    case_id = await house.raised()
    version = (await house.case(worker(), case_id))["version"]
    decided = {"outcome": "ADVICE"}
    await house.ask("POST", f"/v1/cases/{case_id}/decide", worker(), decided, version)
    assert await clocks(house, case_id) == []


async def test_a_clock_is_said_before_its_end_and_after_it(house: House) -> None:
    case_id = await house.raised()
    await tell(house, case_id, worker(), "strategy_discussion")
    house.clock.set(datetime(2026, 12, 15, 17, 0, tzinfo=UTC))
    await house.fire()
    steps = [
        event["step"]
        for event in await house.told("task.reminded")
        if event["route"] == "MASH" and event["priority"] == "P4"
    ]
    assert steps == ["reminder", "reminder", "overdue"]


async def test_a_child_who_leaves_has_a_file_to_send_and_a_receipt_to_ask_for(
    house: House,
) -> None:
    case_id = await house.raised()
    await tell(house, case_id, dsl(), "left_school")
    [(route, by, _)] = await clocks(house, case_id)
    assert (route, by) == ("DSL", "2026-12-01T17:00:00+00:00")
    await tell(house, case_id, dsl(), "file_sent")
    house.clock.advance(timedelta(days=7, hours=8))
    await house.fire()
    asked = [entry for entry in await clocks(house, case_id) if entry[1] is None]
    assert [route for route, _, _ in asked] == ["DSL"]
    assert "NAT-REC-02R" in asked[0][2]


async def test_a_receipt_that_came_is_not_asked_for(house: House) -> None:
    case_id = await house.raised()
    await tell(house, case_id, dsl(), "file_sent")
    task = next(t for t in await house.tasks(dsl()) if t["because"][0]["rule"] == "NAT-REC-02R")
    path = f"/v1/tasks/{task['task_id']}/acknowledge"
    done = await house.ask("POST", path, dsl(), {"reference": "receipt 12"}, task["version"])
    assert done.status_code == 200, done.text
    house.clock.advance(timedelta(days=30))
    await house.fire()
    assert [by for _, by, _ in await clocks(house, case_id) if by is None] == []


async def test_the_same_milestone_told_twice_starts_one_clock(house: House) -> None:
    case_id = await house.raised()
    at = house.clock.now()
    for _ in range(2):
        assert (await tell(house, case_id, worker(), "strategy_discussion", at)).is_success
    assert len(await clocks(house, case_id)) == 1
    assert len(await house.told("case.milestone")) == 1


async def test_what_is_still_to_come_or_not_ones_own_to_tell_is_refused(house: House) -> None:
    case_id = await house.raised()
    later = house.clock.now() + timedelta(hours=1)
    early = await tell(house, case_id, worker(), "strategy_discussion", later)
    assert (early.status_code, early.json()["code"]) == (422, "not-yet")
    assert (await tell(house, case_id, dsl(), "strategy_discussion")).status_code == 403
    assert (await tell(house, case_id, worker(), "left_school")).status_code == 403
    assert await clocks(house, case_id) == []


async def decided(house: House, case_id: UUID, outcome: str = "NEW_REFERRAL") -> httpx2.Response:
    version = (await house.case(worker(), case_id))["version"]
    path = f"/v1/cases/{case_id}/decide"
    return await house.ask("POST", path, worker(), {"outcome": outcome}, version)


async def test_a_hub_ends_its_own_clock_by_saying_that_it_was_met(house: House) -> None:
    case_id = await house.raised()
    await decided(house, case_id)
    clock = next(t for t in (await house.case(worker(), case_id))["tasks"] if t["kind"] == "clock")
    path = f"/v1/tasks/{clock['task_id']}/acknowledge"
    done = await house.ask("POST", path, worker(), {"reference": "ended"}, clock["version"])
    assert done.status_code == 200, done.text
    before = len(await house.told("task.reminded"))
    house.clock.advance(timedelta(days=200))
    await house.fire()
    later = (await house.told("task.reminded"))[before:]
    assert "MASH" not in {event["route"] for event in later}


async def test_the_hub_tells_of_a_strategy_discussion_after_it_has_decided(house: House) -> None:
    case_id = await house.raised()
    await decided(house, case_id, "ADVICE")
    assert (await tell(house, case_id, worker(), "strategy_discussion")).status_code == 200
    assert [route for route, _, _ in await clocks(house, case_id)] == ["MASH"]


async def test_what_a_team_is_asked_by_a_milestone_is_in_its_queue(house: House) -> None:
    case_id = await house.raised()
    await tell(house, case_id, dsl(), "absent_without_permission")
    [row] = await house.queue(worker("LA_ATTENDANCE"))
    assert (row["case_id"], row["kind"], row["priority"]) == (str(case_id), "duty", "P2")


async def test_deciding_again_starts_no_clock_that_runs_already(house: House) -> None:
    case_id = await house.raised()
    await decided(house, case_id)
    await house.amended(case_id, harm_level="severe")
    assert (await decided(house, case_id)).status_code == 200
    assert len(await clocks(house, case_id)) == 1


async def running(house: House, case_id: UUID) -> list[str]:
    """The duties whose clocks run."""
    rows = await house.sql(
        "SELECT because -> 0 ->> 'rule' AS rule FROM task "
        "WHERE case_id = $1 AND kind = 'clock' AND closed_at IS NULL ORDER BY 1",
        case_id,
    )
    return [row["rule"] for row in rows]


async def ended(house: House) -> list[tuple[str, str]]:
    return [(event["route"], event["how"]) for event in await house.told("task.ended")]


async def test_the_conference_ends_the_clock_that_asked_for_it(house: House) -> None:
    case_id = await house.raised()
    await tell(house, case_id, worker(), "strategy_discussion")
    house.clock.advance(timedelta(days=7))
    assert (await tell(house, case_id, worker(), "protection_conference")).is_success
    assert await running(house, case_id) == ["NAT-LAC-05", "NAT-LAC-05R"]
    assert await ended(house) == [("MASH", "met")]
    entry = (await house.case(worker(), case_id))["history"][-4]
    assert (entry["kind"], entry["detail"]["rule"]) == ("clock_met", "NAT-LAC-04")
    assert entry["actor_ref"] == house.ref("worker-1")
    house.clock.set(datetime(2026, 12, 15, 17, 0, tzinfo=UTC))
    before = len(await house.told("task.reminded"))
    await house.fire()
    late = (await house.told("task.reminded"))[before:]
    [end] = await house.told("task.ended")
    assert late
    assert end["task_id"] not in {event["task_id"] for event in late}


async def test_a_conference_after_its_time_ends_the_clock_and_is_on_record_as_late(
    house: House,
) -> None:
    case_id = await house.raised()
    await tell(house, case_id, worker(), "strategy_discussion")
    house.clock.advance(timedelta(days=30))
    assert (await tell(house, case_id, worker(), "protection_conference")).is_success
    assert await ended(house) == [("MASH", "met_late")]
    assert "clock_met_late" in {
        entry["kind"] for entry in (await house.case(worker(), case_id))["history"]
    }


async def test_what_was_done_in_time_and_told_later_was_in_time(house: House) -> None:
    case_id = await house.raised()
    await tell(house, case_id, dsl(), "left_school")
    sent = house.clock.now() + timedelta(days=1)
    house.clock.advance(timedelta(days=30))
    assert (await tell(house, case_id, dsl(), "file_sent", sent)).is_success
    assert await ended(house) == [("DSL", "met")]
    assert await running(house, case_id) == ["NAT-REC-02R"], "its receipt is still to come"


async def test_each_review_ends_the_clock_before_it_and_starts_the_next(house: House) -> None:
    case_id = await house.raised()
    await tell(house, case_id, worker(), "protection_conference")
    for _ in range(2):
        house.clock.advance(timedelta(days=60))
        assert (await tell(house, case_id, worker(), "review_conference")).is_success
    assert await running(house, case_id) == ["NAT-LAC-05", "NAT-LAC-05S"]
    assert await ended(house) == [("MASH", "met")] * 2


async def test_a_review_told_late_does_not_end_the_clock_of_a_later_one(house: House) -> None:
    case_id = await house.raised()
    before = house.clock.now()
    house.clock.advance(timedelta(days=60))
    await tell(house, case_id, worker(), "review_conference")
    assert (await tell(house, case_id, worker(), "review_conference", before)).is_success
    assert await running(house, case_id) == ["NAT-LAC-05S", "NAT-LAC-05S"]
    assert await ended(house) == []
