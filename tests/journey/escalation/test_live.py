"""A desk hears of every change in its queue, once, also of those while it was away."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest_asyncio
from sqlalchemy import text

from escalation.live import Desk, Feed, prune_changes
from tests.journey.escalation.house import House, worker


@pytest_asyncio.fixture
async def feed(house: House) -> AsyncIterator[Feed]:
    feed = Feed(house.runtime.sessions, house.clock)
    looking = asyncio.create_task(feed.run())
    yield feed
    looking.cancel()


async def heard(desk: Desk, tasks: set[UUID]) -> dict[UUID, int]:
    found: dict[UUID, int] = {}
    async with asyncio.timeout(10):
        while not tasks <= found.keys():
            await desk.woken.wait()
            found |= desk.taken()
    return found


async def hub_task(house: House, case_id: UUID) -> UUID:
    rows = await house.sql("SELECT id FROM task WHERE case_id = $1 AND route = 'MASH'", case_id)
    task: UUID = rows[0]["id"]
    return task


async def test_a_new_case_is_heard_of_at_its_own_queues_desks_alone(
    house: House, feed: Feed
) -> None:
    async with feed.desk("MASH", "821", None) as here, feed.desk("MASH", "886", None) as there:
        case_id = await house.raised()
        task = await hub_task(house, case_id)
        assert set(await heard(here, {task})) == {task}
        assert there.changed == {}


async def test_a_claim_is_heard_of_at_every_desk_of_the_queue(house: House, feed: Feed) -> None:
    case_id = await house.raised()
    task = await hub_task(house, case_id)
    async with feed.desk("MASH", "821", None) as one, feed.desk("MASH", "821", None) as two:
        version = (await house.case(worker(), case_id))["version"]
        await house.ask("POST", f"/v1/cases/{case_id}/claim", worker(), None, version)
        for desk in (one, two):
            assert task in await heard(desk, {task})


async def test_a_rating_is_heard_of_too(house: House, feed: Feed) -> None:
    case_id = await house.raised()
    task = await hub_task(house, case_id)
    async with feed.desk("MASH", "821", None) as desk:
        version = (await house.case(worker(), case_id))["version"]
        await house.ask("POST", f"/v1/cases/{case_id}/rate", worker(), {"rating": "red"}, version)
        assert task in await heard(desk, {task})


async def test_what_changed_while_a_desk_was_away_is_told_when_it_is_back(
    house: House, feed: Feed
) -> None:
    first = await hub_task(house, await house.raised())
    async with feed.desk("MASH", "821", None) as desk:
        last = max((await heard(desk, {first})).values())
    second = await hub_task(house, await house.raised())
    async with feed.desk("MASH", "821", last) as desk:
        assert second in await heard(desk, {second})
        assert not desk.overrun


async def test_a_change_whose_transaction_ends_late_is_not_skipped(
    house: House, feed: Feed
) -> None:
    late = await hub_task(house, await house.raised())
    async with feed.desk("MASH", "821", None) as desk, house.runtime.sessions() as slow:
        await heard(desk, {late})
        changed = text("UPDATE task SET version = version + 1 WHERE id = :id")
        await slow.execute(changed, {"id": late})
        quick = await hub_task(house, await house.raised())
        assert quick in await heard(desk, {quick})
        await slow.commit()
        assert late in await heard(desk, {late})


async def test_a_desk_that_was_away_too_long_is_told_to_read_anew(house: House, feed: Feed) -> None:
    await house.raised()
    await house.sql("UPDATE queue_change SET at = at - interval '1 hour'")
    async with house.runtime.sessions() as session:
        await prune_changes(session)
    await house.raised()
    async with feed.desk("MASH", "821", 1) as desk:
        assert desk.overrun


async def test_a_desk_back_after_all_notes_are_gone_is_told_to_read_anew(
    house: House, feed: Feed
) -> None:
    await house.raised()
    await house.sql("DELETE FROM queue_change")
    async with feed.desk("MASH", "821", 1) as desk:
        assert desk.overrun


async def noted(house: House) -> list[tuple[UUID, str]]:
    rows = await house.sql("SELECT task_id, route FROM queue_change ORDER BY seq")
    return [(row["task_id"], row["route"]) for row in rows]


async def test_a_new_case_is_noted_once_for_each_of_its_tasks(house: House) -> None:
    case_id = await house.raised(facts={"immediate_danger": "yes"})
    rows = await house.sql("SELECT id FROM task WHERE case_id = $1 AND kind <> 'clock'", case_id)
    told = [task for task, _ in await noted(house)]
    assert sorted(told) == sorted(row["id"] for row in rows)
    assert len(told) > 1


async def test_a_task_on_another_route_refreshes_the_rows_that_say_where_else_it_is_open(
    house: House, feed: Feed
) -> None:
    case_id = await house.raised(facts={"immediate_danger": "yes"})
    other = await house.raised()
    task = await hub_task(house, case_id)
    async with feed.desk("MASH", "821", None) as desk:
        await heard(desk, {task, await hub_task(house, other)})
        await house.sql("DELETE FROM queue_change")
        version = (await house.case(worker(), case_id))["version"]
        body = {"question": "Who is with the child?"}
        asked = await house.ask("POST", f"/v1/cases/{case_id}/ask", worker(), body, version)
        assert asked.status_code == 200
        assert set(await heard(desk, {task})) == {task}
        await house.sql("DELETE FROM queue_change")
        await house.sql(
            "UPDATE task SET state = 'acknowledged', closed_at = now() "
            "WHERE case_id = $1 AND kind = 'information'",
            case_id,
        )
        assert set(await heard(desk, {task})) == {task}
    assert {route for _, route in await noted(house)} >= {"MASH", "POLICE_999"}
    assert [route for _, route in await noted(house)].count("DSL") == 1


async def test_a_row_hears_of_what_an_amendment_adds_to_its_concern(
    house: House, feed: Feed
) -> None:
    case_id = await house.raised()
    task = await hub_task(house, case_id)
    async with feed.desk("MASH", "821", None) as desk:
        await heard(desk, {task})
        await house.amended(case_id, concern_types=["neglect"])
        assert task in await heard(desk, {task})


async def test_what_was_every_authoritys_leaves_the_others_desks_once_one_has_it(
    house: House, feed: Feed
) -> None:
    case_id = await house.raised(
        urn=None, school_la=None, home_la=None, quarantined=True, facts={"immediate_danger": "no"}
    )
    rows = await house.sql(
        "SELECT id FROM task WHERE case_id = $1 AND route = 'MASH' AND la IS NULL", case_id
    )
    task = rows[0]["id"]
    async with feed.desk("MASH", "886", None) as elsewhere:
        version = (await house.case(worker(), case_id))["version"]
        await house.ask("POST", f"/v1/cases/{case_id}/claim", worker(), None, version)
        assert task in await heard(elsewhere, {task})
