"""Only a person closes a duty, with the reference they were given."""

from datetime import timedelta
from typing import Any

from tests.journey.escalation.house import NORFOLK, House, at_school, dsl, worker

FGM = {
    "concern_types": ["fgm"],
    "knowledge_basis": "told_by_the_child",
    "sex": "F",
    "reporter_role": "teacher",
}


async def owed(house: House, who: dict[str, Any], route: str) -> dict[str, Any]:
    return next(task for task in await house.tasks(who) if task["route"] == route)


async def acknowledge(
    house: House, task: dict[str, Any], who: dict[str, Any], version: int | None = None, **body: Any
) -> Any:
    path = f"/v1/tasks/{task['task_id']}/acknowledge"
    return await house.ask("POST", path, who, body, version or task["version"])


async def test_a_call_is_closed_by_its_reference(house: House) -> None:
    await house.raised(facts={"immediate_danger": "yes"})
    task = await owed(house, dsl(), "POLICE_999")
    without = await acknowledge(house, task, dsl())
    assert (without.status_code, without.json()["code"]) == (422, "reference-needed")
    done = await acknowledge(house, task, dsl(), reference="CAD 4711")
    assert done.json()["state"] == "acknowledged"
    assert done.json()["acknowledged_by"] == house.ref("dsl-1")
    told = await house.told("task.acknowledged")
    assert [(event["route"], event["reference_given"]) for event in told] == [("POLICE_999", True)]
    assert "CAD 4711" not in str(told)


async def test_a_double_click_is_answered_the_same_and_told_once(house: House) -> None:
    await house.raised(facts={"immediate_danger": "yes"})
    task = await owed(house, dsl(), "POLICE_999")
    first = await acknowledge(house, task, dsl(), reference="CAD 4711")
    second = await acknowledge(house, task, dsl(), reference="CAD 4711")
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert len(await house.told("task.acknowledged")) == 1


async def test_another_persons_acknowledgement_of_the_same_is_refused(house: House) -> None:
    await house.raised(facts={"immediate_danger": "yes"})
    task = await owed(house, dsl(), "POLICE_999")
    first = await acknowledge(house, task, dsl(), reference="CAD 4711")
    other = dsl(account="dsl-2")
    late = await acknowledge(house, task, other, first.json()["version"], reference="CAD 4712")
    assert (late.status_code, late.json()["code"]) == (409, "already-acknowledged")


async def test_without_having_seen_it_as_it_is_nobody_acknowledges(house: House) -> None:
    case_id = await house.raised(facts={"immediate_danger": "unknown"})
    task = await owed(house, dsl(), "DSL")
    path = f"/v1/tasks/{task['task_id']}/acknowledge"
    assert (await house.ask("POST", path, dsl(), {})).status_code == 428
    await house.amended(case_id, immediate_danger="yes")
    stale = await house.ask("POST", path, dsl(), {}, task["version"])
    assert (stale.status_code, stale.json()["version"]) == (412, task["version"] + 1)
    assert stale.headers["etag"] == f'"{task["version"] + 1}"'


async def test_software_acknowledges_nothing(house: House) -> None:
    await house.raised(facts={"immediate_danger": "yes"})
    task = await owed(house, dsl(), "POLICE_999")
    mis = {"role": "mis", "client": "vendor-1", "school": "999001"}
    assert (await acknowledge(house, task, mis, reference="1")).status_code == 403


async def test_a_personal_duty_is_in_the_persons_own_list_alone(house: House) -> None:
    teacher = at_school("reporter", "teacher-1")
    await house.raised(facts=FGM, reporter_ref=house.ref("teacher-1"))
    task = await owed(house, teacher, "POLICE_101")
    assert [t["route"] for t in await house.tasks(teacher)] == ["POLICE_101"]
    assert await house.tasks(at_school("reporter", "teacher-2")) == []
    assert (await acknowledge(house, task, teacher, reference="ABC-1")).status_code == 200


async def test_a_lead_cannot_make_the_teachers_report(house: House) -> None:
    await house.raised(facts=FGM, reporter_ref=house.ref("teacher-1"))
    task = await owed(house, dsl(), "POLICE_101")
    answer = await acknowledge(house, task, dsl(), reference="ABC-1")
    assert (answer.status_code, answer.json()["code"]) == (422, "personal-duty")


async def test_a_lead_may_record_that_the_teacher_reported_as_its_own_state(house: House) -> None:
    await house.raised(facts=FGM, reporter_ref=house.ref("teacher-1"))
    task = await owed(house, dsl(), "POLICE_101")
    at = (house.clock.now() - timedelta(minutes=3)).isoformat()
    answer = (await acknowledge(house, task, dsl(), reference="ABC-1", told_at=at)).json()
    assert answer["state"] == "told"
    assert answer["told_by"] == house.ref("dsl-1")
    assert answer["acknowledged_at"] is None


async def test_what_a_teacher_said_cannot_lie_in_the_future(house: House) -> None:
    await house.raised(facts=FGM, reporter_ref=house.ref("teacher-1"))
    task = await owed(house, dsl(), "POLICE_101")
    at = (house.clock.now() + timedelta(minutes=3)).isoformat()
    answer = await acknowledge(house, task, dsl(), reference="ABC-1", told_at=at)
    assert (answer.status_code, answer.json()["code"]) == (422, "not-yet")
    assert (await owed(house, dsl(), "POLICE_101"))["state"] == "open"


async def test_the_hub_cannot_say_that_the_school_rang(house: House) -> None:
    await house.raised(school_la=NORFOLK, home_la=NORFOLK)
    hub = worker(la=NORFOLK)
    row = (await house.queue(hub))[0]
    answer = await acknowledge(house, row, hub, reference="X")
    assert (answer.status_code, answer.json()["code"]) == (409, "awaits-school")
    task = await owed(house, dsl(), "MASH")
    assert (await acknowledge(house, task, dsl(), reference="X")).status_code == 200
    assert [r["awaiting_school_call"] for r in await house.queue(hub)] == [False]


async def test_the_hubs_own_task_stays_in_its_queue_until_it_is_decided(house: House) -> None:
    await house.raised()
    row = (await house.queue(worker()))[0]
    assert (await acknowledge(house, row, worker())).status_code == 200
    assert [r["state"] for r in await house.queue(worker())] == ["acknowledged"]
