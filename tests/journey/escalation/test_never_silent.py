"""Whatever becomes of a case, somebody still has it, sees it, and is asked again."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from tests.journey.escalation.house import KENT, House, at_school, dsl, worker
from tests.journey.escalation.test_disagreement import chases
from tests.journey.escalation.test_shift import ANNA, BEN, NIA, give, open_tasks, take
from tests.journey.escalation.test_timers import steps

ELSEWHERE = "330"  # an authority that is not on the platform
LADO = worker("LADO", account="lado-1")
ALLEGED = {
    "concern_types": ["allegation_adult"],
    "source_of_harm": ["staff_volunteer"],
    "accused_has_contact": "yes",
}


async def acknowledge(house: House, who: dict[str, Any], task: Any, **body: Any) -> None:
    path = f"/v1/tasks/{task.get('task_id', task.get('id'))}/acknowledge"
    answer = await house.ask("POST", path, who, body, task["version"])
    assert answer.status_code == 200, answer.text


async def states(house: House, case_id: UUID) -> dict[tuple[str, str], str]:
    rows = await house.sql("SELECT route, owner_role, state FROM task WHERE case_id = $1", case_id)
    return {(row["route"], row["owner_role"]): row["state"] for row in rows}


async def test_what_the_night_team_is_given_is_the_teams_until_it_has_decided(
    house: House,
) -> None:
    case_id = await house.raised()
    await take(house, NIA, (await give(house, ANNA, "EDT")).json()["id"])
    (task,) = await open_tasks(house, case_id, "EDT")
    assert (task["owner_role"], task["channel"]) == ("team", "QUEUE")
    assert "EDT" not in {one["route"] for one in await house.tasks(dsl())}
    await acknowledge(house, NIA, task)
    house.clock.advance(timedelta(days=1, hours=12))
    await house.fire()
    assert await open_tasks(house, case_id, "EDT")
    assert ("EDT", "overdue") in await steps(house)
    assert await chases(house)


async def test_a_handover_ends_no_call_that_the_school_has_still_to_make(house: House) -> None:
    case_id = await house.raised(home_la=KENT)
    before = [task for task in await house.tasks(dsl()) if task["route"] == "MASH"]
    anna, nia = worker(la=KENT, account="anna"), worker("EDT", KENT, account="nia")
    given = await house.ask("POST", f"/v1/queues/MASH/hand-over?la={KENT}", anna, {"to": "EDT"})
    await take(house, nia, given.json()["id"])
    assert before
    assert before == [task for task in await house.tasks(dsl()) if task["route"] == "MASH"]
    assert await open_tasks(house, case_id, "EDT")


async def test_the_next_shift_of_a_queue_may_claim_what_the_giver_had(house: House) -> None:
    case_id = await house.raised()
    version = (await house.case(ANNA, case_id))["version"]
    await house.ask("POST", f"/v1/cases/{case_id}/claim", ANNA, None, version)
    await take(house, BEN, (await give(house, ANNA, "MASH")).json()["id"])
    version = (await house.case(BEN, case_id))["version"]
    claimed = await house.ask("POST", f"/v1/cases/{case_id}/claim", BEN, None, version)
    assert claimed.status_code == 200, claimed.text


async def test_work_that_is_due_now_and_left_after_a_claim_is_overdue_in_a_working_day(
    house: House,
) -> None:
    case_id = await house.raised(facts=ALLEGED)
    (task,) = await open_tasks(house, case_id, "LADO")
    assert (task["by"], task["owner_role"]) == (None, "team")
    version = (await house.case(LADO, case_id))["version"]
    claimed = await house.ask("POST", f"/v1/cases/{case_id}/claim", LADO, None, version)
    assert claimed.status_code == 200, claimed.text
    for expected in (1, 2):
        house.clock.advance(timedelta(days=1, hours=8))
        await house.fire()
        assert (await steps(house)).count(("LADO", "overdue")) == expected


async def test_silence_of_a_hub_that_was_rung_is_chased_where_nobody_of_it_works_here(
    house: House,
) -> None:
    await house.raised(home_la=ELSEWHERE)
    (call,) = [task for task in await house.tasks(dsl()) if task["route"] == "MASH"]
    await acknowledge(house, dsl(), call, reference="M-17")
    house.clock.advance(timedelta(days=1, hours=8))
    await house.fire()
    (chase,) = await chases(house)
    await acknowledge(house, dsl(), chase, reference="M-17")
    house.clock.advance(timedelta(days=6))
    await house.fire()
    assert await chases(house) == []
    assert await house.told("case.disagreement") == []


async def test_what_cannot_be_read_and_names_no_school_is_in_every_hubs_queue(
    house: House,
) -> None:
    concern_id = uuid4()
    data = house.concern(concern_id, urn=None, school_la=None, home_la=ELSEWHERE)
    await house.hear("concern.raised", concern_id, **data | {"discovered_at": "yesterday"})
    for la in ("821", "886"):
        assert str(concern_id) in {row["case_id"] for row in await house.queue(worker(la=la))}


async def test_whoever_finds_the_school_of_a_concern_ends_what_no_lead_could_see(
    house: House,
) -> None:
    case_id = await house.raised(
        urn=None, school_la=None, quarantined=True, facts={"immediate_danger": "yes"}
    )
    version = (await house.case(worker(), case_id))["version"]
    asked = await house.ask(
        "POST", f"/v1/cases/{case_id}/ask", worker(), {"question": "Which school?"}, version
    )
    assert (asked.status_code, asked.json()["code"]) == (409, "no-school")
    decided = {"outcome": "NEW_REFERRAL"}
    answer = await house.ask("POST", f"/v1/cases/{case_id}/decide", worker(), decided, version)
    assert answer.status_code == 200, answer.text
    found = await states(house, case_id)
    assert {state for (_, owner), state in found.items() if owner != "team"} == {"superseded"}
    assert (await house.case(worker(), case_id))["la"] == "821"


async def test_what_the_head_owed_before_a_conflict_was_known_is_the_chairs(house: House) -> None:
    case_id = await house.raised(facts=ALLEGED)
    head, chair = at_school("head", "head-1"), at_school("chair", "chair-1")
    owed = [task["route"] for task in await house.tasks(head)]
    assert "HEADTEACHER" in owed
    await house.amended(case_id, excluded_roles=["head"])
    assert await house.tasks(head) == []
    assert "HEADTEACHER" in [task["route"] for task in await house.tasks(chair)]
