"""An amendment can only raise what was decided."""

from datetime import timedelta

from tests.journey.escalation.house import House, dsl, worker


async def test_an_amendment_that_speaks_of_danger_raises_and_adds(house: House) -> None:
    case_id = await house.raised()
    before = await house.case(worker(), case_id)
    await house.amended(case_id, immediate_danger="yes")
    after = await house.case(worker(), case_id)
    assert (before["priority"], after["priority"]) == ("P1", "P0")
    routes = {task["route"] for task in after["tasks"]}
    assert "POLICE_999" in routes
    assert routes >= {task["route"] for task in before["tasks"]}
    assert len(await house.told("case.raised")) == 1


async def test_an_amendment_that_says_it_is_less_lowers_nothing(house: House) -> None:
    case_id = await house.raised(facts={"immediate_danger": "yes"})
    before = await house.case(worker(), case_id)
    await house.amended(case_id, immediate_danger="no", harm_level="none_indicated")
    after = await house.case(worker(), case_id)
    assert after["priority"] == "P0"
    shown = ("route", "priority", "by", "state")
    was = {tuple(task[name] for name in shown) for task in before["tasks"]}
    assert was <= {tuple(task[name] for name in shown) for task in after["tasks"]}


async def test_not_known_replaces_nothing_that_was_said(house: House) -> None:
    case_id = await house.raised(facts={"age_years": 9})
    await house.amended(case_id, age_years="unknown", concern_types=["neglect"])
    facts = (await house.case(worker(), case_id))["facts"]
    assert facts["age_years"] == 9
    assert facts["concern_types"] == ["neglect", "physical"]


async def test_an_acknowledgement_of_less_does_not_cover_what_is_now_urgent(house: House) -> None:
    case_id = await house.raised(facts={"immediate_danger": "unknown"})
    lead = next(task for task in await house.tasks(dsl()) if task["route"] == "DSL")
    path = f"/v1/tasks/{lead['task_id']}/acknowledge"
    done = await house.ask("POST", path, dsl(), {}, lead["version"])
    assert done.status_code == 200
    await house.amended(case_id, immediate_danger="yes")
    again = [task for task in await house.tasks(dsl()) if task["route"] == "DSL"]
    assert [task["priority"] for task in again] == ["P0"]
    assert again[0]["task_id"] != lead["task_id"]


async def test_a_task_that_takes_the_place_of_another_says_so(house: House) -> None:
    case_id = await house.raised()
    hub = (await house.queue(worker()))[0]
    path = f"/v1/tasks/{hub['task_id']}/acknowledge"
    done = await house.ask("POST", path, worker(), {}, hub["version"])
    assert done.status_code == 200, done.text
    await house.hear("concern.amended", case_id, to_be="read by hand")
    (instead,) = await house.queue(worker())
    assert instead["priority"] == "P0"
    opened = {event["task_id"]: event["supersedes"] for event in await house.told("task.opened")}
    assert opened.pop(instead["task_id"]) == hub["task_id"]
    assert set(opened.values()) == {None}


async def test_a_raised_task_is_told_with_its_new_priority(house: House) -> None:
    case_id = await house.raised(facts={"immediate_danger": "unknown"})
    await house.amended(case_id, immediate_danger="yes")
    raised = await house.told("task.raised")
    assert ("DSL", "P0") in {(event["route"], event["priority"]) for event in raised}


async def test_an_amendment_opens_the_same_case_to_its_new_details(house: House) -> None:
    case_id = await house.raised()
    await house.amended(case_id, immediate_danger="yes")
    path = f"/v1/cases/{case_id}/details?reason=triage"
    opened = (await house.ask("GET", path, worker())).json()
    contents = [detail["content"] for detail in opened["details"]]
    assert contents == [{"narrative": "what was said"}, {"more": "said"}]


async def test_what_has_risen_is_said_at_once_to_who_was_told_of_less(house: House) -> None:
    case_id = await house.raised(facts={"immediate_danger": "unknown"})
    await house.amended(case_id, immediate_danger="yes")
    await house.fire()
    said = {(e["route"], e["step"], e["priority"]) for e in await house.told("task.reminded")}
    assert ("DSL", "reminder", "P0") in said


async def test_a_hub_whose_task_has_risen_still_owes_its_answer(house: House) -> None:
    case_id = await house.raised(facts={"harm_level": "unknown"})
    await house.amended(case_id, harm_level="significant_actual_or_likely")
    assert "MASH" in {event["route"] for event in await house.told("task.raised")}
    house.clock.advance(timedelta(days=1, hours=7))
    await house.fire()
    late = [(e["route"], e["step"]) for e in await house.told("task.reminded")]
    assert ("MASH", "overdue") in late
