"""What nobody does is said again, on time, once."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import asyncpg
from sqlalchemy.event import listen

from escalation.timers import fire_due
from tests.journey.escalation.house import House, dsl, worker


async def steps(house: House) -> list[tuple[str, str]]:
    return [(event["route"], event["step"]) for event in await house.told("task.reminded")]


async def test_a_999_call_nobody_confirms_is_chased_again_and_again(house: House) -> None:
    await house.raised(facts={"immediate_danger": "yes"})
    assert await house.fire() == 0
    for expected in (1, 2, 3):
        house.clock.advance(timedelta(minutes=2))
        await house.fire()
        chased = await steps(house)
        assert chased.count(("POLICE_999", "unconfirmed")) == expected


async def test_what_was_missed_while_nothing_ran_fires_once(house: House) -> None:
    await house.raised(facts={"immediate_danger": "yes"})
    house.clock.advance(timedelta(hours=1))
    await house.fire()
    await house.fire()
    assert (await steps(house)).count(("POLICE_999", "unconfirmed")) == 1


async def test_a_confirmed_call_is_chased_no_more(house: House) -> None:
    await house.raised(facts={"immediate_danger": "yes"})
    task = next(t for t in await house.tasks(dsl()) if t["route"] == "POLICE_999")
    path = f"/v1/tasks/{task['task_id']}/acknowledge"
    await house.ask("POST", path, dsl(), {"reference": "CAD 1"}, task["version"])
    house.clock.advance(timedelta(days=3))
    await house.fire()
    assert "POLICE_999" not in {route for route, _ in await steps(house)}


async def test_an_unclaimed_case_is_said_so_until_someone_claims_it(house: House) -> None:
    case_id = await house.raised()
    house.clock.advance(timedelta(minutes=15))
    await house.fire()
    assert ("MASH", "unclaimed") in await steps(house)
    version = (await house.case(worker(), case_id))["version"]
    await house.ask("POST", f"/v1/cases/{case_id}/claim", worker(), None, version)
    before = (await steps(house)).count(("MASH", "unclaimed"))
    house.clock.advance(timedelta(hours=4))
    await house.fire()
    assert (await steps(house)).count(("MASH", "unclaimed")) == before


async def test_a_released_case_is_unclaimed_again(house: House) -> None:
    case_id = await house.raised()
    for act in ("claim", "release"):
        version = (await house.case(worker(), case_id))["version"]
        await house.ask("POST", f"/v1/cases/{case_id}/{act}", worker(), None, version)
    house.clock.advance(timedelta(minutes=15))
    await house.fire()
    assert ("MASH", "unclaimed") in await steps(house)


async def test_where_nobody_could_say_the_call_back_is_chased_after_ten_minutes(
    house: House,
) -> None:
    await house.raised(facts={"immediate_danger": "unknown"})
    house.clock.advance(timedelta(minutes=9, seconds=59))
    await house.fire()
    assert ("DSL", "unconfirmed") not in await steps(house)
    house.clock.advance(timedelta(seconds=1))
    await house.fire()
    assert ("DSL", "unconfirmed") in await steps(house)


async def test_a_deadline_is_told_at_half_at_four_fifths_and_when_it_passes(house: House) -> None:
    await house.raised(
        facts={
            "concern_types": ["fgm"],
            "knowledge_basis": "told_by_the_child",
            "sex": "F",
            "reporter_role": "teacher",
        },
        reporter_ref=house.ref("teacher-1"),
    )
    house.clock.advance(timedelta(days=40))
    await house.fire()
    mine = [step for route, step in await steps(house) if route == "POLICE_101"]
    assert [step for step in mine if step != "unclaimed"] == [
        "reminder",
        "reminder",
        "overdue",
        "hard_overdue",
    ]


async def test_a_hub_that_does_not_answer_in_a_working_day_is_overdue(house: House) -> None:
    await house.raised()
    house.clock.advance(timedelta(days=1, hours=7))
    await house.fire()
    assert ("MASH", "overdue") in await steps(house)


async def test_two_workers_fire_no_timer_twice(house: House) -> None:
    for _ in range(20):
        await house.raised()
    house.clock.advance(timedelta(minutes=15))
    fired = await asyncio.gather(*(house.fire() for _ in range(6)))
    chased = [event["task_id"] for event in await house.told("task.reminded")]
    assert sum(fired) == len(chased)
    assert len(chased) == len(set(chased))


async def test_a_timer_that_cannot_be_fired_silences_no_other(house: House) -> None:
    await house.raised(facts={"immediate_danger": "yes"})
    await house.raised()
    await house.sql("UPDATE timer SET kind = 'nonsense' WHERE kind = 'unconfirmed'")
    house.clock.advance(timedelta(minutes=15))
    await house.fire()
    assert ("MASH", "unclaimed") in await steps(house)
    assert await house.sql("SELECT 1 FROM timer WHERE kind = 'nonsense'")


async def test_a_batch_that_is_taken_apart_ends_with_the_last_timer_that_is_due(
    house: House,
) -> None:
    await house.raised(facts={"immediate_danger": "yes"})
    await house.sql("UPDATE timer SET kind = 'nonsense'")
    house.clock.advance(timedelta(minutes=2))
    due = await house.sql("SELECT id FROM timer WHERE due_at <= $1", house.clock.now())
    begun: list[object] = []
    listen(house.runtime.engine.sync_engine, "begin", begun.append)
    assert await house.fire() == len(due) > 0
    # The batch, each timer twice as it is put off, and one look that finds nothing more.
    assert len(begun) == 1 + 2 * len(due) + 1


async def test_a_claim_given_back_is_not_chased_twice_as_often(house: House) -> None:
    case_id = uuid4()  # read by hand, so that the hub's own task is P0
    await house.hear("concern.raised", case_id, **house.concern(case_id, discovered_at="then"))
    for act in ("claim", "release"):
        version = (await house.case(worker(), case_id))["version"]
        await house.ask("POST", f"/v1/cases/{case_id}/{act}", worker(), None, version)
    house.clock.advance(timedelta(minutes=2))
    await house.fire()
    assert (await steps(house)).count(("MASH", "unconfirmed")) == 1


async def test_two_instances_ask_each_of_two_hundred_silent_hubs_leads_to_chase_once(
    house: House,
) -> None:
    ids = [uuid4() for _ in range(200)]
    await house.deliver(*(house.record("concern.raised", one, house.concern(one)) for one in ids))
    house.clock.advance(timedelta(days=2))
    surfaced: list[object] = []
    while await house.sql("SELECT FROM timer WHERE due_at <= $1", house.clock.now()):
        hands = (fire_due(house.runtime.sessions, house.rules, limit=150) for _ in range(2))
        fired = await asyncio.gather(*hands, return_exceptions=True)
        surfaced += [one for one in fired if isinstance(one, BaseException)]
    assert surfaced == []
    chases = await house.sql("SELECT case_id FROM task WHERE kind = 'chase'")
    assert sorted(row["case_id"] for row in chases) == sorted(ids)


async def test_a_step_waits_for_none_of_the_tasks_that_another_instance_has_in_hand(
    house: House,
) -> None:
    """To wait for them with tasks of its own in hand could never end."""
    case_id = await house.raised()
    body = {"reason": "The marks were not looked at."}
    version = (await house.case(dsl(), case_id))["version"]
    await house.ask("POST", f"/v1/cases/{case_id}/disagreement", dsl(), body, version)
    house.clock.advance(timedelta(days=2))
    other = await asyncpg.connect(house.database.dsn("escalation"))
    async with other.transaction():
        held = "SELECT FROM task WHERE kind = 'disagreement' AND route = 'MASH' FOR UPDATE"
        assert await other.fetch(held)
        async with asyncio.timeout(60):
            await house.fire()
        assert [e["stage"] for e in await house.told("case.disagreement")] == [1]
    await other.close()
    await house.fire()
    assert [e["stage"] for e in await house.told("case.disagreement")] == [1, 2]
