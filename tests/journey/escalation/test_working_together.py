"""Several people on one queue: nobody's case is lost between them, and nothing waits unseen."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx2

from tests.journey.escalation.house import House, at_school, dsl, worker

ANNA, BEN = worker(account="anna"), worker(account="ben")


async def act(
    house: House, case_id: UUID | str, who: dict[str, Any], path: str, **body: Any
) -> httpx2.Response:
    version = (await house.ask("GET", f"/v1/cases/{case_id}", who)).json()["version"]
    return await house.ask("POST", f"/v1/cases/{case_id}{path}", who, body or None, version)


async def take(house: House, who: dict[str, Any]) -> httpx2.Response:
    return await house.ask("POST", "/v1/queues/MASH/take?la=821", who)


async def holders(house: House, case_id: UUID | str) -> dict[str, str]:
    return {
        name: (await house.queue(who))[0]["has_it"] for name, who in (("anna", ANNA), ("ben", BEN))
    }


async def test_two_workers_who_take_the_next_at_once_have_two_cases(house: House) -> None:
    for _ in range(6):
        await house.raised()
    taken = await asyncio.gather(*(take(house, who) for who in (ANNA, BEN) * 3))
    cases = [answer.json()["case_id"] for answer in taken]
    assert all(answer.status_code == 200 for answer in taken)
    assert len(set(cases)) == 6


async def test_the_only_case_is_waited_for_while_a_clock_has_it_in_hand(house: House) -> None:
    case_id = await house.raised()
    clock = await asyncpg.connect(house.database.dsn("escalation"))
    async with clock.transaction():
        await clock.fetch("SELECT FROM case_file WHERE id = $1 FOR UPDATE", case_id)
        taking = asyncio.create_task(take(house, ANNA))
        for _ in range(500):
            if await house.sql("SELECT FROM pg_locks WHERE NOT granted"):
                break
            await asyncio.sleep(0.02)
    await clock.close()
    assert (await taking).json()["case_id"] == str(case_id)


async def test_whoever_waited_for_what_a_colleague_took_is_told_that_all_is_taken(
    house: House,
) -> None:
    await house.raised()
    taken = await asyncio.gather(take(house, ANNA), take(house, BEN))
    assert sorted(answer.status_code for answer in taken) == [200, 404]


async def test_the_next_is_the_most_urgent_that_nobody_has(house: House) -> None:
    await house.raised(facts={"harm_level": "in_need", "concern_types": ["neglect"]})
    urgent = await house.raised(facts={"immediate_danger": "yes"})
    assert (await take(house, ANNA)).json()["case_id"] == str(urgent)


async def test_an_empty_queue_says_that_all_is_taken(house: House) -> None:
    await house.raised()
    await take(house, ANNA)
    answer = await take(house, BEN)
    assert (answer.status_code, answer.json()["code"]) == (404, "queue-taken")


async def test_a_case_in_conflict_is_never_the_next(house: House) -> None:
    await house.raised(excluded_refs=[house.ref("anna")])
    assert (await take(house, ANNA)).status_code == 404
    assert (await take(house, BEN)).status_code == 200


async def test_a_case_handed_over_is_ones_own_until_the_colleague_takes_it(house: House) -> None:
    case_id = await house.raised()
    await act(house, case_id, ANNA, "/claim")
    answer = await act(house, case_id, ANNA, "/hand-over", to="ben")
    assert answer.status_code == 200, answer.text
    assert await holders(house, case_id) == {"anna": "me", "ben": "other"}
    assert (await house.queue(BEN))[0]["offered_to_me"]
    assert (await act(house, case_id, BEN, "/claim")).status_code == 200
    assert await holders(house, case_id) == {"anna": "other", "ben": "me"}
    assert [event["to_ref"] for event in await house.told("case.offered")] == [house.ref("ben")]


async def test_what_was_not_offered_to_me_i_cannot_take(house: House) -> None:
    case_id = await house.raised()
    await act(house, case_id, ANNA, "/claim")
    await act(house, case_id, ANNA, "/hand-over", to="cleo")
    taken = await act(house, case_id, BEN, "/claim")
    assert (taken.status_code, taken.json()["code"]) == (409, "claimed")


async def test_only_what_one_has_can_be_handed_over_and_not_to_oneself(house: House) -> None:
    case_id = await house.raised()
    nothing = await act(house, case_id, ANNA, "/hand-over", to="ben")
    assert (nothing.status_code, nothing.json()["code"]) == (409, "not-yours")
    await act(house, case_id, ANNA, "/claim")
    self_ = await act(house, case_id, ANNA, "/hand-over", to="anna")
    assert (self_.status_code, self_.json()["code"]) == (422, "to-oneself")


async def test_the_hub_asks_and_the_lead_answers_and_both_are_sealed(house: House) -> None:
    case_id = await house.raised()
    asked = await act(house, case_id, ANNA, "/ask", question="Who collects the child?")
    assert asked.status_code == 200, asked.text
    [task] = [t for t in await house.tasks(dsl()) if t["kind"] == "information"]
    assert task["by"].startswith("2026-11-25T17:00")
    path = f"/v1/tasks/{task['task_id']}/answer"
    body = {"answer": "The grandmother does."}
    done = await house.ask("POST", path, dsl(), body, task["version"])
    assert done.status_code == 204, done.text
    assert [t for t in await house.tasks(dsl()) if t["kind"] == "information"] == []
    case = await house.case(ANNA, case_id)
    kinds = [entry["kind"] for entry in case["history"] if entry["has_note"]]
    assert kinds == ["question", "answer"]
    assert "grandmother" not in str(case)
    details = await house.ask("GET", f"/v1/cases/{case_id}/details?reason=triage", ANNA)
    assert "grandmother" in details.text
    again = await house.ask("POST", path, dsl(), body, task["version"])
    assert (again.status_code, again.json()["code"]) == (409, "task-ended")


async def test_asking_pauses_no_clock(house: House) -> None:
    case_id = await house.raised()
    await act(house, case_id, ANNA, "/ask", question="Where is the child now?")
    house.clock.advance(timedelta(minutes=15))
    await house.fire()
    assert ("MASH", "unclaimed") in [
        (event["route"], event["step"]) for event in await house.told("task.reminded")
    ]


async def pause(house: House, case_id: UUID, route: str, wait: timedelta) -> httpx2.Response:
    case = await house.case(ANNA, case_id)
    task = next(t for t in case["tasks"] if t["route"] == route)
    until = (house.clock.now() + wait).isoformat()
    path = f"/tasks/{task['task_id']}/pause"
    return await act(house, case_id, ANNA, path, until=until, reason="The family is away.")


async def test_reminders_are_put_off_by_a_person_with_a_reason(house: House) -> None:
    case_id = await house.raised()
    answer = await pause(house, case_id, "MASH", timedelta(hours=3))
    assert answer.status_code == 200, answer.text
    house.clock.advance(timedelta(hours=2, minutes=59))
    await house.fire()
    assert "MASH" not in {event["route"] for event in await house.told("task.reminded")}
    house.clock.advance(timedelta(minutes=1))
    await house.fire()
    assert "MASH" in {event["route"] for event in await house.told("task.reminded")}
    [told] = await house.told("task.paused")
    assert told["actor_ref"] == house.ref("anna")
    entry = next(e for e in answer.json()["history"] if e["kind"] == "paused")
    assert entry["has_note"]


async def test_what_is_about_life_is_never_put_off_nor_anything_for_long(house: House) -> None:
    calm = await house.raised()
    far = await pause(house, calm, "MASH", timedelta(days=8))
    assert (far.status_code, far.json()["code"]) == (422, "pause-too-long")
    past = await pause(house, calm, "MASH", -timedelta(minutes=1))
    assert past.status_code == 422
    urgent = await house.raised(facts={"immediate_danger": "yes"})
    case = await house.case(ANNA, urgent)
    assert case["priority"] == "P0"
    mash = await pause(house, urgent, "MASH", timedelta(hours=1))
    hub = next(t for t in case["tasks"] if t["route"] == "MASH")
    assert (mash.status_code == 409) is (hub["priority"] == "P0")
    others = await pause(house, urgent, "POLICE_999", timedelta(hours=1))
    assert others.status_code == 404, "it is not the hub's to put off"


async def test_a_shorter_pause_brings_the_reminders_back(house: House) -> None:
    case_id = await house.raised()
    await pause(house, case_id, "MASH", timedelta(days=6))
    await pause(house, case_id, "MASH", timedelta(hours=1))
    house.clock.advance(timedelta(hours=1))
    await house.fire()
    assert "MASH" in {event["route"] for event in await house.told("task.reminded")}


async def test_a_hub_cannot_put_off_what_its_silence_owes_the_school(house: House) -> None:
    case_id = await house.raised()
    await pause(house, case_id, "MASH", timedelta(days=6))
    house.clock.advance(timedelta(days=1, hours=8))
    await house.fire()
    assert "chase" in {task["kind"] for task in await house.tasks(dsl())}


async def test_the_next_of_a_queue_takes_nothing_out_of_a_colleagues_hands(house: House) -> None:
    case_id = await house.raised()
    await act(house, case_id, ANNA, "/claim")
    await act(house, case_id, dsl(), "/disagreement", reason="The marks were not looked at.")
    assert (await take(house, BEN)).status_code == 200
    held = {t["kind"]: t["has_it"] for t in await house.queue(ANNA)}
    assert held == {"duty": "me", "disagreement": "other"}


async def test_an_old_clock_of_a_colleague_keeps_nobody_from_the_case(house: House) -> None:
    case_id = await house.raised()
    await act(house, case_id, ANNA, "/decide", outcome="NEW_REFERRAL")
    await act(house, case_id, ANNA, "/claim")
    await house.amended(case_id, harm_level="severe")
    assert (await act(house, case_id, BEN, "/claim")).status_code == 200
    seen = (await house.case(BEN, case_id))["tasks"]
    clock = next(task for task in seen if task["kind"] == "clock")
    assert clock["has_it"] == "other"


async def test_a_case_is_not_offered_to_a_colleague_who_may_not_know_of_it(house: House) -> None:
    case_id = await house.raised(excluded_refs=[house.ref("ben")])
    await act(house, case_id, ANNA, "/claim")
    refused = await act(house, case_id, ANNA, "/hand-over", to="ben")
    assert (refused.status_code, refused.json()["code"]) == (422, "cannot-take")
    assert await house.told("case.offered") == []


async def test_to_have_seen_the_hubs_question_is_no_answer(house: House) -> None:
    case_id = await house.raised()
    await act(house, case_id, ANNA, "/ask", question="Who collects the child?")
    [task] = [t for t in await house.tasks(dsl()) if t["kind"] == "information"]
    path = f"/v1/tasks/{task['task_id']}/acknowledge"
    seen = await house.ask("POST", path, dsl(), {"reference": "seen"}, task["version"])
    assert (seen.status_code, seen.json()["code"]) == (409, "answer-needed")


async def test_who_stands_in_for_all_leads_answers_for_them(house: House) -> None:
    case_id = await house.raised(exclude_school_staff=True, reporter_ref=house.ref("teacher-1"))
    await act(house, case_id, ANNA, "/ask", question="Who collects the child?")
    teacher = at_school("reporter", "teacher-1")
    [task] = [t for t in await house.tasks(teacher) if t["kind"] == "information"]
    path = f"/v1/tasks/{task['task_id']}/answer"
    body = {"answer": "The grandmother does."}
    done = await house.ask("POST", path, teacher, body, task["version"])
    assert done.status_code == 204, done.text


async def test_the_head_who_stands_in_reads_the_question_of_that_task_and_nothing_else(
    house: House,
) -> None:
    case_id = await house.raised()
    await act(house, case_id, ANNA, "/ask", question="An earlier question.")
    await house.amended(case_id, conflict=["dsl", "deputy_dsl"])
    await act(house, case_id, ANNA, "/ask", question="Who collects the child?")
    head = at_school("head", "head-1")
    asked = [t for t in await house.tasks(head) if t["kind"] == "information"]
    task = next(t for t in asked if t["route"] == "HEADTEACHER")
    path = f"/v1/tasks/{task['task_id']}"
    opened = await house.ask("GET", f"{path}/question", head)
    assert [note["text"] for note in opened.json()["notes"]] == ["Who collects the child?"]
    read = (await house.told("details.read"))[-1]
    assert (read["role"], read["reason"]) == ("head", "question")
    details = await house.ask("GET", f"/v1/cases/{case_id}/details?reason=triage", head)
    assert details.status_code == 403
    answer = {"answer": "The grandmother does."}
    await house.ask("POST", f"{path}/answer", head, answer, task["version"])
    both = await house.ask("GET", f"{path}/question", head)
    assert [note["kind"] for note in both.json()["notes"]] == ["question", "answer"]


async def test_who_does_not_owe_the_answer_reads_no_question(house: House) -> None:
    case_id = await house.raised(facts={"immediate_danger": "yes"})
    await act(house, case_id, ANNA, "/ask", question="Who collects the child?")
    kinds = {task["kind"]: task["task_id"] for task in await house.tasks(dsl())}
    asked, other = kinds["information"], kinds["duty"]
    strangers = (at_school("head", "head-1"), at_school("reporter", "teacher-1"), ANNA)
    for who in (*strangers, dsl(school="999002")):
        answer = await house.ask("GET", f"/v1/tasks/{asked}/question", who)
        assert answer.status_code in (403, 404)
        assert "collects" not in answer.text
    assert (await house.ask("GET", f"/v1/tasks/{other}/question", dsl())).status_code == 404
    await house.amended(case_id, excluded_refs=[house.ref("dsl-1")])
    assert (await house.ask("GET", f"/v1/tasks/{asked}/question", dsl())).status_code == 404
    assert await house.told("details.read") == []
