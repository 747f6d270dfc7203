"""The relay loses nothing, keeps each concern's order, and lets nothing block what it need not."""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from uuid import UUID, uuid4

import pytest

from shared.bus import MAX_RECORD_BYTES
from shared.bus.cloudevents import from_record
from shared.bus.doorbell import Doorbell
from tests.contracts.bus.conftest import Bus, take
from tests.contracts.bus.outbox import connected, insert, pending, relay, row, sequences, until

RELAY_PROCESS = """
import asyncio, sys
from shared.bus import open_publisher
from shared.bus.doorbell import Doorbell
from shared.bus.relay import run_relay
url, dsn, topic = sys.argv[1:]
publisher = open_publisher(url, partitions={topic: 4})
asyncio.run(run_relay(dsn, publisher, "intake", Doorbell(dsn, "intake"), asyncio.Event()))
"""


async def test_a_row_that_commits_after_later_ones_is_not_skipped(bus: Bus) -> None:
    async with connected(bus.dsn) as slow, relay(bus) as state:
        async with slow.transaction():
            await insert(slow, [row(bus.topic, uuid4(), 1)])
            await insert(bus.connection, [row(bus.topic, uuid4(), n) for n in range(2, 50)])

            async def others_are_gone() -> bool:
                return state.published == 48

            await until(others_are_gone)
            await asyncio.sleep(1.2)
        assert sorted(await sequences(bus, 49)) == list(range(1, 50))


async def test_many_writers_that_commit_in_any_order_lose_nothing_and_keep_each_concerns_order(
    bus: Bus,
) -> None:
    writers, each = 8, 40

    async def write(number: int) -> None:
        subject, chance = UUID(int=number), random.Random(number)
        async with connected(bus.dsn) as connection:
            for n in range(each):
                async with connection.transaction():
                    await insert(connection, [row(bus.topic, subject, number * each + n)])
                    await asyncio.sleep(chance.random() * 0.03)

    async with relay(bus):
        await asyncio.gather(*(write(number) for number in range(writers)))
        arrived = await sequences(bus, writers * each)
    by_writer = defaultdict(list)
    for sequence in arrived:
        by_writer[sequence // each].append(sequence % each)
    assert by_writer == {number: list(range(each)) for number in range(writers)}


async def test_acknowledged_rows_leave_the_outbox(bus: Bus) -> None:
    await insert(bus.connection, [row(bus.topic, uuid4(), n) for n in range(1200)])
    async with relay(bus) as state:
        assert sorted(await sequences(bus, 1200)) == list(range(1200))

        async def empty() -> bool:
            return await pending(bus) == 0

        await until(empty)
        assert state.published == 1200


async def test_of_two_relays_one_leads_and_the_other_takes_over_when_its_session_is_cut(
    bus: Bus,
) -> None:
    async with relay(bus) as first:

        async def first_leads() -> bool:
            return first.leading

        await until(first_leads)
        async with relay(bus) as second:
            await insert(bus.connection, [row(bus.topic, uuid4(), n) for n in range(50)])
            await asyncio.sleep(0.8)
            assert not second.leading
            await bus.connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks "
                "JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted "
                "AND application_name = 'relay intake'"
            )
            await insert(bus.connection, [row(bus.topic, uuid4(), n) for n in range(50, 100)])
            assert sorted(await sequences(bus, 100)) == list(range(100))

            async def one_leads() -> bool:
                return first.leading != second.leading

            await until(one_leads)


@pytest.mark.parametrize("point", ["after-select", "after-publish", "after-delete"])
async def test_a_relay_killed_at_any_step_loses_nothing(bus: Bus, point: str) -> None:
    if point == "after-publish" and not bus.is_kafka:
        return  # there publishing and deleting are one statement
    subject = uuid4()
    await insert(bus.connection, [row(bus.topic, subject, n) for n in range(20)])
    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", RELAY_PROCESS, bus.url, bus.dsn, bus.topic],
        env={**os.environ, "HANDRAIL_FAILPOINT": f"relay.{point}:exit"},
        timeout=60,
        check=False,
    )
    assert killed.returncode == 9
    left = await pending(bus)
    assert left == (0 if point == "after-delete" else 20)
    async with relay(bus):
        assert await sequences(bus, 20) == list(range(20))


async def test_what_no_bus_would_take_stays_and_blocks_its_own_concern_only(bus: Bus) -> None:
    large, other = uuid4(), uuid4()
    rows = [
        row(bus.topic, large, 1),
        row(bus.topic, large, 2, b"x" * (MAX_RECORD_BYTES + 1)),
        row(bus.topic, large, 3),
        row(bus.topic, other, 4),
    ]
    await insert(bus.connection, rows)
    async with relay(bus) as state:
        assert sorted(await sequences(bus, 2)) == [1, 4]

        async def seen() -> bool:
            return state.stuck == 1

        await until(seen)
        await insert(bus.connection, [row(bus.topic, other, 5), row(bus.topic, large, 6)])
        assert sorted(await sequences(bus, 1)) == [5]

        async def only_its_own_wait() -> bool:
            return await pending(bus) == 3

        await until(only_its_own_wait)
        await bus.connection.execute("UPDATE outbox SET data = '{}' WHERE sequence = 2")
        assert await sequences(bus, 3) == [2, 3, 6]


async def test_a_batch_of_large_rows_arrives_whole(bus: Bus) -> None:
    subject = uuid4()
    rows = [row(bus.topic, subject, n, b"x" * 500_000) for n in range(6)]
    await insert(bus.connection, rows)
    async with relay(bus):
        assert await sequences(bus, 6) == list(range(6))


async def test_events_for_a_topic_that_is_not_there_wait_without_holding_up_others(
    bus: Bus,
) -> None:
    await insert(bus.connection, [row("handrail.unknown.v1", uuid4(), n) for n in range(3)])
    await insert(bus.connection, [row(bus.topic, uuid4(), 9)])
    async with relay(bus):
        assert await sequences(bus, 1) == [9]

        async def only_they_wait() -> bool:
            return await pending(bus) == 3

        await until(only_they_wait)


async def test_a_ring_from_another_process_wakes_the_relay(bus: Bus) -> None:
    """`answered_here` is false in a process without a leading relay, so it tells by NOTIFY."""
    writers_bell = Doorbell(bus.dsn, "intake")
    await writers_bell.start()
    waits = []
    consumer = await bus.consumer()
    async with relay(bus):
        await insert(bus.connection, [row(bus.topic, uuid4(), 0)])
        await take(consumer, 1)
        for n in range(1, 12):
            await insert(bus.connection, [row(bus.topic, uuid4(), n)])
            writers_bell.ring()
            began = time.monotonic()
            assert from_record((await take(consumer, 1))[0]).sequence == n
            waits.append(time.monotonic() - began)
    await writers_bell.stop()
    assert sorted(waits)[5] < 0.1  # the poll alone would take 0.1 s at the median


async def test_while_nobody_takes_anything_the_backlog_is_left_in_peace(bus: Bus) -> None:
    await insert(bus.connection, [row(bus.topic, uuid4(), n) for n in range(1000)])
    bus.url = "kafka://127.0.0.1:1"
    async with relay(bus) as state:

        async def tried() -> bool:
            return state.unacknowledged > 0

        await until(tried)
        await asyncio.sleep(2)
        assert state.unacknowledged < 10
    assert await pending(bus) == 1000
