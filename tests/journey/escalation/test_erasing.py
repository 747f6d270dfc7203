"""Erasure takes what is held of people and leaves what was done; a hold stops it."""

from uuid import UUID, uuid4

from tests.journey.escalation.house import House, at_school, dsl, worker


async def erase(house: House, concern_id: UUID) -> None:
    await house.hear(
        "concern.erased",
        concern_id,
        concern_id=str(concern_id),
        erased_at=house.clock.now().isoformat(),
        actor_ref="dpo",
    )


async def hold(house: House, concern_id: UUID, *, held: bool) -> None:
    await house.hear(
        "concern.held",
        concern_id,
        concern_id=str(concern_id),
        held=held,
        at=house.clock.now().isoformat(),
        actor_ref="dpo",
    )


async def test_erasure_leaves_the_skeleton_and_nothing_of_the_child(house: House) -> None:
    case_id = await house.raised(facts={"immediate_danger": "yes"}, match_keys=["k1"])
    task = next(t for t in await house.tasks(dsl()) if t["route"] == "POLICE_999")
    path = f"/v1/tasks/{task['task_id']}/acknowledge"
    await house.ask("POST", path, dsl(), {"reference": "CAD 1"}, task["version"])
    await erase(house, case_id)
    case = await house.case(worker(), case_id)
    assert case["erased_at"]
    assert case["facts"] == {}
    assert {t["route"] for t in case["tasks"]} >= {"POLICE_999", "MASH"}
    assert {t["reference"] for t in case["tasks"]} == {None}
    assert not any("facts" in reason for t in case["tasks"] for reason in t["because"])
    details = (
        await house.ask("GET", f"/v1/cases/{case_id}/details?reason=triage", worker())
    ).json()
    assert details["details"] == []
    assert await house.sql("SELECT * FROM case_link") == []


async def test_erasure_reaches_the_raw_bytes_of_dead_letters(house: House) -> None:
    concern_id = uuid4()
    await house.hear(
        "concern.raised", concern_id, **house.concern(concern_id, discovered_at="yesterday")
    )
    await erase(house, concern_id)
    assert [row["raw"] for row in await house.sql("SELECT raw FROM dead_letter")] == [None]


async def test_an_erased_case_is_not_filled_again_by_a_late_event(house: House) -> None:
    case_id = await house.raised()
    await erase(house, case_id)
    await house.amended(case_id, immediate_danger="yes")
    await house.raised(case_id)
    assert (await house.case(worker(), case_id))["facts"] == {}
    assert await house.sql("SELECT * FROM sealed_detail") == []


async def test_a_hold_stops_erasure_until_it_is_released(house: House) -> None:
    case_id = await house.raised()
    await hold(house, case_id, held=True)
    await erase(house, case_id)
    assert (await house.case(worker(), case_id))["facts"]
    await hold(house, case_id, held=False)
    assert (await house.case(worker(), case_id))["facts"] == {}


async def test_a_hold_that_comes_before_its_case_counts_once_that_opens(house: House) -> None:
    case_id = uuid4()
    await hold(house, case_id, held=True)
    await house.raised(case_id)
    case = await house.case(worker(), case_id)
    assert case["held"]
    assert "held" in {entry["kind"] for entry in case["history"]}
    await erase(house, case_id)
    assert (await house.case(worker(), case_id))["facts"]
    await hold(house, case_id, held=False)
    assert (await house.case(worker(), case_id))["facts"] == {}


async def test_a_hold_that_was_released_before_its_case_came_holds_nothing(house: House) -> None:
    case_id = uuid4()
    await hold(house, case_id, held=True)
    await hold(house, case_id, held=False)
    await house.raised(case_id)
    assert not (await house.case(worker(), case_id))["held"]


async def test_a_wrong_child_is_marked_and_its_tasks_stay_with_people(house: House) -> None:
    case_id = await house.raised()
    await house.hear(
        "concern.entered_in_error",
        case_id,
        concern_id=str(case_id),
        at=house.clock.now().isoformat(),
        actor_ref="dsl",
        sealed_reason="sealed",
    )
    assert (await house.queue(worker()))[0]["entered_in_error"]


async def reporter_of(house: House, case_id: UUID) -> str | None:
    rows = await house.sql("SELECT reporter_ref FROM case_file WHERE id = $1", case_id)
    found: str | None = rows[0]["reporter_ref"]
    return found


async def test_who_reported_sees_the_duty_they_still_owe_after_an_erasure(house: House) -> None:
    teacher = at_school("reporter", "teacher-1")
    danger = {"immediate_danger": "yes"}
    case_id = await house.raised(facts=danger, reporter_ref=house.ref("teacher-1"))
    await erase(house, case_id)
    (task,) = await house.tasks(teacher)
    assert task["route"] == "POLICE_999"
    path = f"/v1/tasks/{task['task_id']}/acknowledge"
    done = await house.ask("POST", path, teacher, {"reference": "CAD 1"}, task["version"])
    assert done.status_code == 200, done.text
    assert await reporter_of(house, case_id) is None


async def test_where_no_duty_is_theirs_the_reporter_is_forgotten_at_once(house: House) -> None:
    case_id = await house.raised(reporter_ref=house.ref("teacher-1"))
    await erase(house, case_id)
    assert await reporter_of(house, case_id) is None


async def test_the_reporter_who_stands_in_for_the_leads_does_so_after_an_erasure(
    house: House,
) -> None:
    case_id = await house.raised(
        facts={"source_of_harm": ["staff"]},
        exclude_school_staff=True,
        reporter_ref=house.ref("teacher-1"),
    )
    teacher = at_school("reporter", "teacher-1")
    before = {task["task_id"] for task in await house.tasks(teacher)}
    await erase(house, case_id)
    assert {task["task_id"] for task in await house.tasks(teacher)} == before != set()
