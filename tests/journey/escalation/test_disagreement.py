"""Silence from the hub is chased; a disagreement with it climbs, and nobody can lose it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2

from tests.journey.escalation.house import House, at_school, dsl, worker

REASON = {"reason": "The marks were not looked at."}


async def chases(house: House) -> list[dict[str, Any]]:
    because = "NAT-LAC-02"
    found = await house.tasks(dsl())
    return [task for task in found if any(b["rule"] == because for b in task["because"])]


async def act(
    house: House, case_id: UUID, who: dict[str, Any], path: str, **body: Any
) -> httpx2.Response:
    seen = await house.ask("GET", f"/v1/cases/{case_id}", who)
    version = seen.json()["version"]
    return await house.ask("POST", f"/v1/cases/{case_id}{path}", who, body, version)


async def ladder_tasks(house: House, case_id: UUID) -> list[tuple[str, str]]:
    rows = await house.sql(
        "SELECT route, state FROM task WHERE case_id = $1 AND kind = 'disagreement' ORDER BY id",
        case_id,
    )
    return [(row["route"], row["state"]) for row in rows]


async def test_a_hub_silent_for_one_working_day_gives_the_lead_a_chase_task(house: House) -> None:
    await house.raised()
    house.clock.advance(timedelta(days=1, hours=6, minutes=59))
    await house.fire()
    assert await chases(house) == []
    house.clock.advance(timedelta(minutes=1))
    await house.fire()
    chase = (await chases(house))[0]
    assert (chase["route"], chase["priority"], chase["by"]) == ("DSL", "P2", None)
    assert chase["contact"]["phone"], "whom to ring"
    house.clock.advance(timedelta(hours=2))
    await house.fire()
    assert len(await chases(house)) == 1


async def test_a_hub_that_has_decided_is_not_chased(house: House) -> None:
    case_id = await house.raised()
    await act(house, case_id, worker(), "/decide", outcome="NEW_REFERRAL")
    house.clock.advance(timedelta(days=3))
    await house.fire()
    assert await chases(house) == []


async def test_the_hubs_late_decision_ends_the_chase_but_no_disagreement(house: House) -> None:
    case_id = await house.raised()
    house.clock.advance(timedelta(days=1, hours=8))
    await house.fire()
    await act(house, case_id, dsl(), "/disagreement", **REASON)
    await act(house, case_id, worker(), "/decide", outcome="NFA", reason="seen at home")
    assert await chases(house) == []
    assert await ladder_tasks(house, case_id) == [("DSL", "open"), ("MASH", "open")]


async def test_a_chase_in_vain_climbs_to_the_hubs_manager_by_itself(house: House) -> None:
    case_id = await house.raised()
    for days in (1, 2):
        house.clock.advance(timedelta(days=days, hours=8))
        await house.fire()
    told = (await house.told("case.disagreement"))[0]
    assert (told["step"], told["stage"], told["actor_ref"]) == ("opened", 2, None)
    assert await ladder_tasks(house, case_id) == [("DSL", "open"), ("MASH", "open")]
    assert await chases(house) == []


async def test_a_school_that_disagrees_begins_at_the_first_step(house: House) -> None:
    case_id = await house.raised()
    answer = await act(house, case_id, dsl(), "/disagreement", **REASON)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["stage"], body["state"], body["advice"]) == (1, "open", None)
    assert body["by"].startswith("2026-11-25T17:00"), "one working day"
    seen = await house.case(dsl(), case_id)
    assert [one["stage"] for one in seen["disagreements"]] == [1]
    entry = next(h for h in seen["history"] if h["kind"] == "disagreement_opened")
    assert entry["has_note"]
    assert REASON["reason"] not in str(seen)


async def test_each_step_that_nobody_answers_climbs_until_the_last(house: House) -> None:
    case_id = await house.raised()
    await act(house, case_id, dsl(), "/disagreement", **REASON)
    for _ in range(40):
        house.clock.advance(timedelta(days=1))
        await house.fire()
    steps = [(e["step"], e["stage"]) for e in await house.told("case.disagreement")]
    assert steps == [("opened", 1), ("climbed", 2), ("climbed", 3), ("climbed", 4)]
    assert (await ladder_tasks(house, case_id))[-2:] == [("HEADTEACHER", "open"), ("MASH", "open")]


async def test_a_child_at_risk_now_skips_to_the_senior_managers(house: House) -> None:
    case_id = await house.raised()
    answer = await act(house, case_id, dsl(), "/disagreement", at_risk_now=True, **REASON)
    assert answer.json()["stage"] == 3
    assert "999" in answer.json()["advice"]


async def test_the_hub_answers_and_the_school_says_that_it_is_settled(house: House) -> None:
    case_id = await house.raised()
    await act(house, case_id, dsl(), "/disagreement", **REASON)
    answered = await act(house, case_id, worker(), "/disagreement/answer", reason="Looked again.")
    assert answered.json()["state"] == "answered"
    assert await ladder_tasks(house, case_id) == [("DSL", "open"), ("MASH", "superseded")]
    settled = await act(house, case_id, dsl(), "/disagreement/settle", reason="We agree now.")
    assert settled.json()["state"] == "settled"
    house.clock.advance(timedelta(days=30))
    await house.fire()
    stages = {event["stage"] for event in await house.told("case.disagreement")}
    assert stages == {1}


async def test_settled_once_it_cannot_be_settled_again_but_begun_anew(house: House) -> None:
    case_id = await house.raised()
    await act(house, case_id, dsl(), "/disagreement", **REASON)
    await act(house, case_id, dsl(), "/disagreement/settle", **REASON)
    again = await act(house, case_id, dsl(), "/disagreement/settle", **REASON)
    assert (again.status_code, again.json()["code"]) == (409, "no-disagreement")
    anew = await act(house, case_id, dsl(), "/disagreement", **REASON)
    assert anew.json()["stage"] == 1


async def test_the_last_step_says_whom_to_ring(house: House) -> None:
    case_id = await house.raised()
    await act(house, case_id, dsl(), "/disagreement", at_risk_now=True, **REASON)
    await act(house, case_id, dsl(), "/disagreement", **REASON)
    beyond = await act(house, case_id, dsl(), "/disagreement", **REASON)
    assert (beyond.status_code, beyond.json()["code"]) == (409, "last-step")
    assert "partnership" in beyond.json()["detail"]


async def test_a_disagreement_pauses_nothing_of_the_case(house: House) -> None:
    case_id = await house.raised()
    before = await house.sql(
        "SELECT t.id, t.due_at FROM timer t JOIN task k ON k.id = t.task_id "
        "WHERE k.case_id = $1 AND k.kind = 'duty' ORDER BY t.id",
        case_id,
    )
    await act(house, case_id, dsl(), "/disagreement", **REASON)
    after = await house.sql(
        "SELECT t.id, t.due_at FROM timer t JOIN task k ON k.id = t.task_id "
        "WHERE k.case_id = $1 AND k.kind = 'duty' ORDER BY t.id",
        case_id,
    )
    assert before == after
    assert before


async def test_two_at_the_school_who_disagree_at_once_climb_one_step(house: House) -> None:
    case_id = await house.raised()
    version = (await house.case(dsl(), case_id))["version"]
    path = f"/v1/cases/{case_id}/disagreement"
    first = await house.ask("POST", path, dsl(), REASON, version)
    second = await house.ask("POST", path, dsl(account="dsl-2"), REASON, version)
    assert (first.status_code, second.status_code) == (200, 412)


async def test_a_head_in_conflict_is_passed_over_on_the_ladder(house: House) -> None:
    case_id = await house.raised(facts={"conflict": ["head"]})
    await act(house, case_id, dsl(), "/disagreement", at_risk_now=True, **REASON)
    routes = [route for route, _ in await ladder_tasks(house, case_id)]
    assert "HEADTEACHER" not in routes
    assert "CHAIR_GOVERNORS" in routes
    hidden = await house.ask("GET", f"/v1/cases/{case_id}", at_school("head", "head-1"))
    assert hidden.status_code == 404


async def test_only_those_who_answer_for_the_hub_answer(house: House) -> None:
    case_id = await house.raised()
    await act(house, case_id, dsl(), "/disagreement", **REASON)
    version = (await house.case(dsl(), case_id))["version"]
    path = f"/v1/cases/{case_id}/disagreement/answer"
    by_school = await house.ask("POST", path, dsl(), REASON, version)
    elsewhere = await house.ask("POST", path, worker(la="886"), REASON, version)
    assert (by_school.status_code, elsewhere.status_code) == (403, 404)


async def acknowledged(house: House, task: dict[str, Any], who: dict[str, Any]) -> httpx2.Response:
    path = f"/v1/tasks/{task['task_id']}/acknowledge"
    return await house.ask("POST", path, who, {"reference": "rung at ten"}, task["version"])


async def test_a_lead_who_says_they_chased_is_still_taken_to_the_next_step(house: House) -> None:
    case_id = await house.raised()
    house.clock.advance(timedelta(days=1, hours=8))
    await house.fire()
    assert (await acknowledged(house, (await chases(house))[0], dsl())).status_code == 200
    house.clock.advance(timedelta(days=2))
    await house.fire()
    assert [e["stage"] for e in await house.told("case.disagreement")] == [2]
    assert await ladder_tasks(house, case_id) == [("DSL", "open"), ("MASH", "open")]


async def test_a_step_that_the_lead_acknowledges_climbs_where_the_hub_is_silent(
    house: House,
) -> None:
    case_id = await house.raised()
    await act(house, case_id, dsl(), "/disagreement", **REASON)
    [task] = [t for t in await house.tasks(dsl()) if t["kind"] == "disagreement"]
    assert (await acknowledged(house, task, dsl())).status_code == 200
    house.clock.advance(timedelta(days=2))
    await house.fire()
    assert [e["stage"] for e in await house.told("case.disagreement")] == [1, 2]


async def test_a_step_that_the_hub_has_answered_climbs_by_the_schools_word_alone(
    house: House,
) -> None:
    case_id = await house.raised()
    await act(house, case_id, dsl(), "/disagreement", **REASON)
    await act(house, case_id, worker(), "/disagreement/answer", reason="Looked again.")
    house.clock.advance(timedelta(days=20))
    await house.fire()
    steps = [(e["step"], e["stage"]) for e in await house.told("case.disagreement")]
    assert steps == [("opened", 1), ("answered", 1)]
    assert ("DSL", "open") in await ladder_tasks(house, case_id), "and is not forgotten"
    assert (await act(house, case_id, dsl(), "/disagreement", **REASON)).json()["stage"] == 2


async def test_where_all_the_schools_posts_are_in_conflict_its_own_authoritys_lado_chases(
    house: House,
) -> None:
    posts = ["dsl", "deputy_dsl", "head", "chair"]
    case_id = await house.raised(facts={"conflict": posts})
    house.clock.advance(timedelta(days=1, hours=8))
    await house.fire()
    chase = "SELECT route, la, owner_role FROM task WHERE case_id = $1 AND kind = 'chase'"
    [row] = await house.sql(chase, case_id)
    assert (row["route"], row["la"], row["owner_role"]) == ("LADO", "821", "team")
    elsewhere = await house.ask("GET", f"/v1/cases/{case_id}", worker("LADO", "886"))
    assert elsewhere.status_code == 404
    assert "chase" in {task["kind"] for task in await house.queue(worker("LADO"))}


async def handed_over(house: House, route: str, to: str) -> None:
    giver, taker = worker(route, account="giver"), worker(to, account="taker")
    path = f"/v1/queues/{route}/hand-over?la=821"
    given = await house.ask("POST", path, giver, {"to": to})
    assert given.status_code == 201, given.text
    taken = await house.ask("POST", f"/v1/handovers/{given.json()['id']}/take", taker)
    assert taken.status_code == 200, taken.text


async def test_a_case_given_to_the_night_team_is_still_chased_when_nobody_decides(
    house: House,
) -> None:
    case_id = await house.raised()
    await handed_over(house, "MASH", "EDT")
    await handed_over(house, "EDT", "MASH")
    assert [row["case_id"] for row in await house.queue(worker())] == [str(case_id)]
    house.clock.advance(timedelta(days=1, hours=8))
    await house.fire()
    assert len(await chases(house)) == 1


async def test_a_disagreement_stays_its_own_hubs_when_the_shift_ends(house: House) -> None:
    case_id = await house.raised()
    await act(house, case_id, dsl(), "/disagreement", **REASON)
    await handed_over(house, "MASH", "EDT")
    await handed_over(house, "EDT", "MASH")
    kinds = {row["kind"] for row in await house.queue(worker())}
    assert kinds == {"handover", "disagreement"}, "and there is work for the day again"
    answered = await act(house, case_id, worker(), "/disagreement/answer", reason="Looked again.")
    assert answered.status_code == 200, answered.text
