"""Claiming, rating and deciding a case: by a person who has seen it as it is."""

from typing import Any
from uuid import UUID

from tests.journey.escalation.house import House, dsl, worker


async def act(
    house: House, case_id: UUID, act: str, who: dict[str, Any], body: Any = None, **how: Any
) -> Any:
    version = how.get("version") or (await house.case(who, case_id))["version"]
    return await house.ask("POST", f"/v1/cases/{case_id}/{act}", who, body, version)


async def test_a_claimed_case_is_mine_to_me_and_anothers_to_others(house: House) -> None:
    case_id = await house.raised()
    assert (await act(house, case_id, "claim", worker())).status_code == 200
    assert (await house.queue(worker()))[0]["has_it"] == "me"
    assert (await house.queue(worker(account="worker-2")))[0]["has_it"] == "other"
    refused = await act(house, case_id, "claim", worker(account="worker-2"))
    assert (refused.status_code, refused.json()["code"]) == (409, "claimed")


async def test_claiming_twice_is_told_once(house: House) -> None:
    case_id = await house.raised()
    for _ in range(2):
        assert (await act(house, case_id, "claim", worker(), version=1)).status_code == 200
    assert len(await house.told("case.claimed")) == 1


async def test_a_released_case_can_be_claimed_by_a_colleague(house: House) -> None:
    case_id = await house.raised()
    await act(house, case_id, "claim", worker())
    await act(house, case_id, "release", worker())
    assert (await act(house, case_id, "claim", worker(account="worker-2"))).status_code == 200
    assert [event["released"] for event in await house.told("case.claimed")] == [False, True, False]


async def test_a_manager_gives_back_what_a_worker_has(house: House) -> None:
    case_id = await house.raised()
    await act(house, case_id, "claim", worker())
    manager = worker(account="manager-1") | {"role": "manager"}
    await act(house, case_id, "release", manager)
    assert (await house.queue(worker()))[0]["has_it"] is None


async def test_whoever_has_not_seen_the_case_as_it_is_decides_nothing(house: House) -> None:
    case_id = await house.raised()
    path = f"/v1/cases/{case_id}/decide"
    body = {"outcome": "NEW_REFERRAL"}
    assert (await house.ask("POST", path, worker(), body)).status_code == 428
    seen = (await house.case(worker(), case_id))["version"]
    await house.amended(case_id, immediate_danger="yes")
    stale = await house.ask("POST", path, worker(), body, seen)
    assert stale.status_code == 412
    assert stale.json()["version"] > seen
    assert await house.told("case.decided") == []


async def test_a_decision_ends_the_hubs_tasks_and_nobody_elses(house: House) -> None:
    case_id = await house.raised(facts={"immediate_danger": "unknown"})
    decided = await act(house, case_id, "decide", worker(), {"outcome": "NEW_REFERRAL"})
    assert decided.json()["outcome"] == "NEW_REFERRAL"
    assert await house.queue(worker()) == []
    assert "DSL" in {task["route"] for task in await house.tasks(dsl())}
    told = await house.told("case.decided")
    assert [(event["outcome"], event["reason_given"]) for event in told] == [
        ("NEW_REFERRAL", False)
    ]


async def test_deciding_twice_is_told_once(house: House) -> None:
    case_id = await house.raised()
    for _ in range(2):
        body = {"outcome": "NEW_REFERRAL"}
        assert (await act(house, case_id, "decide", worker(), body, version=1)).status_code == 200
    assert len(await house.told("case.decided")) == 1


async def test_no_further_action_needs_a_reason_which_stays_sealed(house: House) -> None:
    case_id = await house.raised()
    refused = await act(house, case_id, "decide", worker(), {"outcome": "NFA"})
    assert (refused.status_code, refused.json()["code"]) == (422, "reason-needed")
    body = {"outcome": "NFA", "reason": "seen by the family's own worker"}
    assert (await act(house, case_id, "decide", worker(), body)).status_code == 200
    assert "family" not in str(await house.told("case.decided"))
    assert all("family" not in str(row) for row in await house.sql("SELECT * FROM case_event"))
    path = f"/v1/cases/{case_id}/details?reason=complaint"
    notes = (await house.ask("GET", path, worker())).json()["notes"]
    assert [note["text"] for note in notes] == ["seen by the family's own worker"]


async def test_a_changed_rating_needs_its_reason(house: House) -> None:
    case_id = await house.raised()
    assert (await act(house, case_id, "rate", worker(), {"rating": "amber"})).status_code == 200
    refused = await act(house, case_id, "rate", worker(), {"rating": "green"})
    assert (refused.status_code, refused.json()["code"]) == (422, "reason-needed")
    body = {"rating": "red", "reason": "more was said"}
    assert (await act(house, case_id, "rate", worker(), body)).json()["rating"] == "red"


async def test_a_school_decides_no_case(house: House) -> None:
    case_id = await house.raised()
    body = {"outcome": "NFA", "reason": "dealt with"}
    assert (await act(house, case_id, "decide", dsl(), body)).status_code == 403


async def test_what_is_said_after_a_decision_comes_back_to_the_hub(house: House) -> None:
    case_id = await house.raised()
    await act(house, case_id, "decide", worker(), {"outcome": "ADVICE"})
    await house.amended(case_id, concern_types=["neglect"])
    assert [row["state"] for row in await house.queue(worker())] == ["open"]


async def test_another_teams_decision_leaves_the_hubs_case_undecided(house: House) -> None:
    case_id = await house.raised(
        facts={"concern_types": ["allegation_adult", "physical"], "source_of_harm": ["staff"]}
    )
    lado = worker(route="LADO", account="lado-1")
    decided = await act(house, case_id, "decide", lado, {"outcome": "ADVICE"})
    assert decided.json()["outcome"] is None
    assert [event["routes"] for event in await house.told("case.decided")] == [["LADO"]]
    assert await house.queue(lado) == []
    assert len(await house.queue(worker())) == 1


async def test_a_task_that_a_decision_ends_is_told_as_ended(house: House) -> None:
    case_id = await house.raised()
    version = (await house.case(worker(), case_id))["version"]
    body = {"outcome": "ADVICE"}
    await house.ask("POST", f"/v1/cases/{case_id}/decide", worker(), body, version)
    told = [(event["route"], event["how"]) for event in await house.told("task.ended")]
    assert told == [("MASH", "decided")]
