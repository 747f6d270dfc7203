"""The service as it runs: from the bus to the queue, and its clocks by themselves."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg

from shared.app import PARTITIONS
from shared.bus import open_publisher
from tests.journey.escalation.house import House, worker


async def until(found: Any) -> Any:
    async with asyncio.timeout(10):
        while not (result := await found()):  # noqa: ASYNC110 - it is in the database
            await asyncio.sleep(0.05)
    return result


async def test_a_concern_from_the_bus_is_in_the_queue_and_chased_in_time(house: House) -> None:
    concern_id = uuid4()
    record = house.record("concern.raised", concern_id, house.concern(concern_id))
    dsn = house.database.dsn("intake")
    publisher = open_publisher(dsn, partitions=PARTITIONS)
    async with house.app.router.lifespan_context(house.app):
        await publisher.start()
        connection = await asyncpg.connect(dsn)
        assert await publisher.publish(connection, [record]) == [True]
        await connection.close()
        await publisher.stop()
        rows = await until(lambda: house.queue(worker()))
        assert rows[0]["case_id"] == str(concern_id)
        house.clock.advance(timedelta(minutes=15))

        async def chased() -> bool:
            return bool(await house.sql("SELECT 1 FROM timer WHERE attempts > 0"))

        assert await until(chased)
