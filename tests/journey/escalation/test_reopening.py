"""A case that was decided and is raised afterwards is the hub's again, with a clock of its own."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.journey.escalation.house import House, dsl, worker
from tests.journey.escalation.test_disagreement import act, chases, ladder_tasks

DAY = timedelta(days=1)


async def decided(house: House, case_id: UUID, outcome: str = "ADVICE") -> None:
    answer = await act(house, case_id, worker(), "/decide", outcome=outcome)
    assert answer.status_code == 200, answer.text


async def reopened(house: House, **facts: Any) -> UUID:
    """Raised on Tuesday and decided, amended on Friday at ten."""
    case_id = await house.raised(facts=facts)
    await decided(house, case_id)
    house.clock.advance(3 * DAY)
    await house.fire()
    await house.amended(case_id, harm_level="severe")
    return case_id


async def test_no_decision_stands_while_the_hub_has_work_again_and_the_earlier_is_on_record(
    house: House,
) -> None:
    case_id = await reopened(house)
    case = await house.case(worker(), case_id)
    assert (case["outcome"], case["decided_at"], case["decided_by_ref"]) == (None, None, None)
    [earlier] = case["earlier"]
    assert (earlier["outcome"], earlier["decided_at"][:10]) == ("ADVICE", "2026-11-24")
    kinds = [entry["kind"] for entry in case["history"]]
    assert kinds.index("decided") < kinds.index("reopened")
    assert [row["case_id"] for row in await house.queue(worker())] == [str(case_id)]
    assert [event["reopened"] for event in await house.told("case.raised")] == [True]


async def test_the_reopened_work_has_one_working_day_from_what_was_heard(house: House) -> None:
    case_id = await reopened(house)
    case = await house.case(worker(), case_id)
    assert datetime.fromisoformat(case["answer_by"]) == datetime(2026, 11, 30, 17, tzinfo=UTC)
    before = len(await house.told("task.reminded"))
    await house.fire()
    later = (await house.told("task.reminded"))[before:]
    assert "overdue" not in {event["step"] for event in later}
    assert await chases(house) == []
    house.clock.set(datetime(2026, 11, 30, 17, tzinfo=UTC))
    await house.fire()
    assert ("MASH", "overdue") in {
        (event["route"], event["step"]) for event in await house.told("task.reminded")
    }
    assert len(await chases(house)) == 1


async def test_silence_about_a_reopened_case_climbs_as_at_first(house: House) -> None:
    case_id = await reopened(house)
    for day in (30, 31):
        house.clock.set(datetime(2026, 11, 30, 18, tzinfo=UTC) + (day - 30) * DAY)
        await house.fire()
    told = [(e["step"], e["stage"], e["actor_ref"]) for e in await house.told("case.disagreement")]
    assert told == [("opened", 2, None)]
    assert await ladder_tasks(house, case_id) == [("DSL", "open"), ("MASH", "open")]


async def test_a_hub_chased_before_its_first_decision_is_chased_again_after_it(
    house: House,
) -> None:
    case_id = await house.raised()
    house.clock.advance(DAY + timedelta(hours=8))
    await house.fire()
    await decided(house, case_id)
    assert await chases(house) == []
    house.clock.advance(DAY)
    await house.amended(case_id, harm_level="severe")
    house.clock.advance(4 * DAY)
    await house.fire()
    assert len(await chases(house)) == 1


async def test_a_hub_silent_about_new_work_climbs_past_an_answer_to_the_earlier(
    house: House,
) -> None:
    case_id = await house.raised()
    await decided(house, case_id)
    await act(house, case_id, dsl(), "/disagreement", reason="The marks were not looked at.")
    await act(house, case_id, worker(), "/disagreement/answer", reason="Looked again.")
    house.clock.advance(3 * DAY)
    await house.amended(case_id, harm_level="severe")
    for _ in range(6):
        house.clock.advance(DAY)
        await house.fire()
    steps = [(e["step"], e["stage"]) for e in await house.told("case.disagreement")]
    assert steps[:3] == [("opened", 1), ("answered", 1), ("climbed", 2)]


async def test_the_decision_that_follows_stands_and_ends_the_chase(house: House) -> None:
    case_id = await reopened(house)
    house.clock.advance(4 * DAY)
    await house.fire()
    await decided(house, case_id, "NEW_REFERRAL")
    case = await house.case(worker(), case_id)
    assert case["outcome"] == "NEW_REFERRAL"
    assert [one["outcome"] for one in case["earlier"]] == ["ADVICE"]
    assert await chases(house) == []
    house.clock.advance(5 * DAY)
    await house.fire()
    assert await chases(house) == []


async def test_an_answer_that_is_owed_is_put_off_by_nothing_that_comes_later(
    house: House,
) -> None:
    case_id = await house.raised()
    before = (await house.case(worker(), case_id))["answer_by"]
    house.clock.advance(timedelta(hours=20))
    await house.amended(case_id, immediate_danger="yes")
    after = await house.case(worker(), case_id)
    assert (after["answer_by"], after["earlier"]) == (before, [])


async def test_an_amendment_after_the_deadlines_makes_nothing_overdue_that_was_done_in_time(
    house: House,
) -> None:
    facts = {"concern_types": ["allegation_adult"], "source_of_harm": ["school_staff"]}
    case_id = await house.raised(facts=facts)
    [was] = await house.queue(worker("LADO"))
    assert was["by"], "one working day"
    version = (await house.case(worker("LADO"), case_id))["version"]
    body = {"outcome": "ADVICE"}
    await house.ask("POST", f"/v1/cases/{case_id}/decide", worker("LADO"), body, version)
    house.clock.advance(7 * DAY)
    await house.amended(case_id, harm_level="severe")
    [row] = await house.queue(worker("LADO"))
    assert not row["overdue"]
    assert row["by"] is None or row["by"] > was["by"]


async def test_a_hub_that_hears_of_a_case_only_by_an_amendment_has_its_day_from_then(
    house: House,
) -> None:
    mild = {"concern_types": ["neglect"], "harm_level": "none_indicated"}
    case_id = await house.raised(facts=mild)
    case = await house.case(dsl(), case_id)
    assert case["answer_by"] is None, "the hub has nothing to answer"
    house.clock.advance(3 * DAY)
    await house.amended(case_id, concern_types=["physical"], harm_level="severe")
    case = await house.case(worker(), case_id)
    assert datetime.fromisoformat(case["answer_by"]) == datetime(2026, 11, 30, 17, tzinfo=UTC)
