"""The same records again, and in another order: no event takes effect twice."""

import random

import asyncpg

from shared.events.catalogue import TOPICS
from tests.faults.harness import SERVICES, House
from tests.faults.load import load
from tests.faults.oracle import settle
from tests.faults.wire import all_consumed, publish, read_all

# Everything that an event could change, counted.
_EFFECTS = """
SELECT 'case', count(*) FROM escalation.case_file UNION ALL
SELECT 'history', count(*) FROM escalation.case_event UNION ALL
SELECT 'detail', count(*) FROM escalation.sealed_detail UNION ALL
SELECT 'notice', count(*) FROM notify.notice UNION ALL
SELECT 'receipt', count(*) FROM intake.receipt UNION ALL
SELECT 'outcome', count(*) FROM intake.outcome UNION ALL
SELECT 'entry', count(*) FROM audit_log.log_entry
    WHERE topic <> 'handrail.notices.v1' AND type NOT LIKE '%.producer\\_closed' UNION ALL
SELECT 'letter', count(*) FROM escalation.dead_letter
"""


async def effects(house: House) -> dict[str, int]:
    connection = await asyncpg.connect(house.around.superuser)
    try:
        return dict(await connection.fetch(_EFFECTS))
    finally:
        await connection.close()


async def test_every_record_again_in_any_order_takes_no_effect(house: House) -> None:
    """As after a restore of the brokers, or a producer that sends what was acknowledged."""
    async with load(house) as running:
        await running.until(10)
    await settle(house)
    before = await effects(house)
    names = [topic.name for topic in TOPICS]
    records = await read_all(house, names, before["entry"])
    assert len(records) >= before["entry"]
    random.Random(7).shuffle(records)
    await publish(house, records)
    await all_consumed(house)
    await settle(house)
    assert await effects(house) == before


async def test_a_group_that_starts_from_the_beginning_takes_no_effect_twice(
    house_on_postgres: House,
) -> None:
    house = house_on_postgres
    house.make_whole()
    async with load(house) as running:
        await running.until(10)
    await settle(house)
    before = await effects(house)
    for service in SERVICES:
        house.kill(service)
    connection = await asyncpg.connect(house.around.superuser)
    await connection.execute("UPDATE bus.position SET next_offset = 0")
    await connection.close()
    house.make_whole()
    await all_consumed(house)
    await settle(house)
    assert await effects(house) == before
