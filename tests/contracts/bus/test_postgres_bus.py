"""What the embedded bus adds: each row published exactly once, fair shares, a log in bounds."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from shared.bus.postgres import apply_schema, sweep
from tests.contracts.bus.conftest import PARTITIONS, Bus, next_batch, take
from tests.contracts.bus.outbox import connected, insert, relay, row, sequences, until

LOG_LENGTH = "SELECT count(*) FROM bus.log"
HELD = """
SELECT pid, count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'
AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY pid
"""


@pytest_asyncio.fixture
async def embedded(fresh_database: str) -> AsyncIterator[Bus]:
    async with connected(fresh_database) as connection:
        bus = Bus(fresh_database, fresh_database, "handrail.test", connection)
        yield bus
        await bus.close()


async def test_a_relay_cut_at_any_moment_publishes_each_row_exactly_once(embedded: Bus) -> None:
    await insert(embedded.connection, [row(embedded.topic, uuid4(), n) for n in range(3000)])
    async with relay(embedded), connected(embedded.dsn) as operator:
        for _ in range(4):
            await asyncio.sleep(0.15)
            await operator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'relay intake'"
            )
        assert sorted(await sequences(embedded, 3000)) == list(range(3000))
    assert await embedded.connection.fetchval(LOG_LENGTH) == 3000


async def test_a_publication_that_is_rolled_back_never_happened(embedded: Bus) -> None:
    publisher = await embedded.publisher()
    with pytest.raises(asyncpg.DivisionByZeroError):  # noqa: PT012 - the block is the transaction
        async with embedded.connection.transaction():
            await publisher.publish(embedded.connection, [embedded.record("concern", b"no")])
            await embedded.connection.execute("SELECT 1 / 0")
    assert await embedded.publish([embedded.record("concern", b"yes")]) == [True]
    records = await take(await embedded.consumer(), 1)
    assert [(record.value, record.offset) for record in records] == [(b"yes", 0)]


async def test_several_relays_at_once_leave_no_gap_and_do_not_deadlock(embedded: Bus) -> None:
    """Each service has a relay of its own, and they all append to the same partitions."""

    async def publish(source: int) -> None:
        chance = random.Random(source)
        publisher = await embedded.publisher()
        async with connected(embedded.dsn) as connection:
            for n in range(40):
                keys = [f"concern-{chance.randrange(20)}" for _ in range(6)]
                records = [embedded.record(key, f"{source}-{n}".encode()) for key in keys]
                async with connection.transaction():
                    await publisher.publish(connection, records)
                    await asyncio.sleep(chance.random() * 0.005)

    async with asyncio.timeout(30):
        await asyncio.gather(*(publish(source) for source in range(4)))
    heads = await embedded.connection.fetch(
        "SELECT h.next_offset, count(l.*), max(l.offset) FROM bus.head h "
        "LEFT JOIN bus.log l USING (topic, partition) GROUP BY h.topic, h.partition, 1"
    )
    assert sum(head["count"] for head in heads) == 4 * 40 * 6
    for head in heads:
        assert head["next_offset"] == head["count"] == head["max"] + 1


async def test_members_of_a_group_hold_fair_shares(embedded: Bus) -> None:
    tasks = []
    for _ in range(2):
        consumer = await embedded.consumer()

        async def idle(batches: object = consumer.batches()) -> None:
            async for _ in batches:  # type: ignore[attr-defined]
                pass

        tasks.append(asyncio.create_task(idle()))

    async def shared_fairly() -> bool:
        rows = await embedded.connection.fetch(HELD)
        return [row["count"] for row in rows] == [PARTITIONS // 2] * 2

    await until(shared_fairly)
    await embedded.close()
    await asyncio.gather(*tasks)


async def test_a_consumer_whose_session_is_cut_goes_on_by_itself(embedded: Bus) -> None:
    await embedded.publish([embedded.record("concern", b"before")])
    consumer = await embedded.consumer()
    lost = await next_batch(consumer)
    await embedded.connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'bus escalation'"
    )
    await consumer.done(lost)  # too late: the session that held the partition is gone
    await embedded.publish([embedded.record("concern", b"after")])
    assert [r.value for r in await take(consumer, 2)] == [b"before", b"after"]


async def test_a_batch_from_a_lost_session_cannot_move_the_position(embedded: Bus) -> None:
    """Otherwise a member that was away for a while would skip what another has not done."""
    await embedded.publish([embedded.record("concern", str(n).encode()) for n in range(3)])
    away = await embedded.consumer()
    stale = await next_batch(away)
    await embedded.connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'bus escalation'"
    )
    assert await next_batch(away) is not stale
    await away.done(stale)
    await away.stop()
    assert len(await take(await embedded.consumer(), 3)) == 3


async def test_the_sweep_deletes_what_is_two_weeks_old_and_nothing_younger(embedded: Bus) -> None:
    one_key = [embedded.record("concern", str(n).encode()) for n in range(10)]
    await embedded.publish(one_key)
    escalation = await embedded.consumer("escalation")
    await take(escalation, 10)
    age = 'UPDATE bus.log SET at = at - $1::interval WHERE "offset" < 6'
    await embedded.connection.execute(age, timedelta(days=13, hours=23))
    assert await sweep(embedded.connection) == 0
    await embedded.connection.execute(age, timedelta(hours=2))
    # No statement deletes more than a slice: two weeks of an outage fit into a session's limits.
    assert await embedded.connection.fetchval("SELECT bus.sweep(2)") == 2
    assert await sweep(embedded.connection, at_once=3) == 4
    await embedded.publish([embedded.record("concern", b"next")])
    (after,) = await take(escalation, 1)
    assert (after.value, after.offset) == (b"next", 10)


async def test_a_service_may_append_and_read_but_rewrite_nothing(embedded: Bus) -> None:
    await apply_schema(embedded.connection)  # a second time changes nothing
    await embedded.publish([embedded.record("concern", b"x")])
    await embedded.connection.execute("SET ROLE bus_member")
    assert await embedded.publish([embedded.record("concern", b"y")]) == [True]
    for forbidden in (
        "UPDATE bus.log SET value = ''",
        "DELETE FROM bus.log",
        "TRUNCATE bus.log",
        "DELETE FROM bus.position",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await embedded.connection.execute(forbidden)
    assert await sweep(embedded.connection) == 0
