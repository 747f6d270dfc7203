"""To those who are in conflict a case does not exist: not in lists, counts or addresses."""

from datetime import timedelta

import pytest

from tests.journey.escalation.house import SCHOOL, House, at_school, dsl, worker

INCIDENT = "7f0f4a0e-3c8a-4a51-9d0c-0d9f5f8f4f13"


async def test_an_excluded_person_finds_nothing_at_any_address(house: House) -> None:
    case_id = await house.raised(excluded_refs=[house.ref("dsl-1")])
    assert await house.tasks(dsl()) == []
    ids = [task["task_id"] for task in await house.tasks(dsl(account="dsl-2"))]
    assert ids
    for path in (f"/v1/cases/{case_id}", f"/v1/cases/{case_id}/details?reason=triage"):
        hidden = await house.ask("GET", path, dsl())
        nothing = await house.ask("GET", path.replace(str(case_id), INCIDENT), dsl())
        assert (hidden.status_code, hidden.json()) == (404, nothing.json())
    for task_id in ids:
        path = f"/v1/tasks/{task_id}/acknowledge"
        assert (await house.ask("POST", path, dsl(), {}, 1)).status_code == 404


async def test_an_excluded_worker_does_not_see_it_in_the_queue(house: House) -> None:
    await house.raised(excluded_refs=[house.ref("worker-1")])
    assert await house.queue(worker()) == []
    assert len(await house.queue(worker(account="worker-2"))) == 1


async def test_a_hidden_sibling_is_not_counted(house: House) -> None:
    await house.raised(incident_id=INCIDENT)
    await house.raised(incident_id=INCIDENT, excluded_refs=[house.ref("worker-1")])
    assert [row["siblings"] for row in await house.queue(worker())] == [0]
    assert {r["siblings"] for r in await house.queue(worker(account="worker-2"))} == {1}


async def test_a_hidden_case_is_not_among_the_linked_ones(house: House) -> None:
    shown = await house.raised(match_keys=["same-child"])
    await house.raised(match_keys=["same-child"], excluded_refs=[house.ref("worker-1")])
    assert (await house.case(worker(), shown))["linked"] == []
    assert len((await house.case(worker(account="worker-2"), shown))["linked"]) == 1


async def test_while_the_accused_is_not_known_no_staff_see_it(house: House) -> None:
    reporter = house.ref("teacher-1")
    case_id = await house.raised(exclude_school_staff=True, reporter_ref=reporter)
    for who in (dsl(), at_school("head", "head-1"), at_school("deputy_dsl", "deputy-1")):
        assert await house.tasks(who) == []
        assert (await house.ask("GET", f"/v1/cases/{case_id}", who)).status_code == 404
    assert len(await house.queue(worker())) == 1


async def test_then_the_chair_stands_in_for_what_the_school_owes(house: House) -> None:
    await house.raised(exclude_school_staff=True, facts={"immediate_danger": "unknown"})
    routes = {task["route"] for task in await house.tasks(at_school("chair", "chair-1"))}
    assert "DSL" in routes


async def test_the_head_and_the_chair_stand_in_where_every_lead_is_in_conflict(
    house: House,
) -> None:
    case_id = await house.raised(facts={"immediate_danger": "yes"})
    head, chair = at_school("head", "head-1"), at_school("chair", "chair-1")
    assert await house.tasks(head) == await house.tasks(chair) == []
    await house.amended(case_id, conflict=["dsl", "deputy_dsl"])
    for who in (head, chair):
        task = next(row for row in await house.tasks(who) if row["route"] == "POLICE_999")
        assert task["contact"]
    path = f"/v1/tasks/{task['task_id']}/acknowledge"
    done = await house.ask("POST", path, head, {"reference": "CAD 1"}, task["version"])
    assert done.status_code == 200, done.text


async def test_a_lead_who_reported_it_still_sees_it(house: House) -> None:
    await house.raised(
        exclude_school_staff=True,
        reporter_ref=house.ref("dsl-1"),
        facts={"immediate_danger": "unknown"},
    )
    assert await house.tasks(dsl())


@pytest.mark.parametrize(("post", "role"), [("dsl", "dsl"), ("head", "head")])
async def test_a_post_that_is_in_conflict_sees_nothing(house: House, post: str, role: str) -> None:
    case_id = await house.raised(facts={"conflict": [post], "immediate_danger": "unknown"})
    who = at_school(role, "person-1")
    assert await house.tasks(who) == []
    assert (await house.ask("GET", f"/v1/cases/{case_id}", who)).status_code == 404


async def test_a_conflict_that_is_learnt_later_hides_it_from_then_on(house: House) -> None:
    case_id = await house.raised()
    assert (await house.ask("GET", f"/v1/cases/{case_id}", dsl())).status_code == 200
    await house.amended(case_id, conflict=["dsl"])
    assert (await house.ask("GET", f"/v1/cases/{case_id}", dsl())).status_code == 404


async def test_a_concern_without_a_school_is_hidden_from_nobody_by_that(house: House) -> None:
    await house.raised(urn=None, exclude_school_staff=True)
    assert len(await house.queue(worker())) == 1


async def test_another_schools_lead_finds_nothing(house: House) -> None:
    case_id = await house.raised()
    other = dsl(school="999002")
    assert other["school"] != SCHOOL
    assert (await house.ask("GET", f"/v1/cases/{case_id}", other)).status_code == 404
    assert await house.tasks(other) == []


async def test_who_is_accused_later_is_kept_out_of_the_whole_incident(house: House) -> None:
    first = await house.raised(incident_id=INCIDENT)
    second = await house.raised(incident_id=INCIDENT)
    await house.amended(first, excluded_refs=[house.ref("dsl-1")])
    late = await house.raised(incident_id=INCIDENT)
    for case_id in (first, second, late):
        assert (await house.ask("GET", f"/v1/cases/{case_id}", dsl())).status_code == 404
        assert (await house.case(dsl(account="dsl-2"), case_id))["case_id"] == str(case_id)


async def test_an_accused_nobody_can_name_later_keeps_all_staff_out(house: House) -> None:
    case_id = await house.raised()
    await house.amended(case_id, exclude_school_staff=True)
    assert (await house.ask("GET", f"/v1/cases/{case_id}", dsl())).status_code == 404


async def test_a_post_in_conflict_over_one_child_is_kept_from_the_other(house: House) -> None:
    case_id = await house.raised(excluded_roles=["dsl"])
    assert (await house.ask("GET", f"/v1/cases/{case_id}", dsl())).status_code == 404


async def test_where_no_staff_may_see_it_who_reported_it_can_act(house: House) -> None:
    await house.raised(
        exclude_school_staff=True,
        reporter_ref=house.ref("teacher-1"),
        facts={"immediate_danger": "unknown"},
    )
    reporter = at_school("reporter", "teacher-1")
    lead = next(task for task in await house.tasks(reporter) if task["route"] == "DSL")
    path = f"/v1/tasks/{lead['task_id']}/acknowledge"
    assert (await house.ask("POST", path, reporter, {}, lead["version"])).status_code == 200


async def test_a_head_sees_the_leads_task_once_it_is_passed_on(house: House) -> None:
    await house.raised(facts={"immediate_danger": "yes"})
    head = at_school("head", "head-1")
    assert await house.tasks(head) == []
    house.clock.advance(timedelta(minutes=2))
    await house.fire()
    call = next(task for task in await house.tasks(head) if task["route"] == "POLICE_999")
    path = f"/v1/tasks/{call['task_id']}/acknowledge"
    done = await house.ask("POST", path, head, {"reference": "CAD 7"}, call["version"])
    assert done.status_code == 200, done.text
