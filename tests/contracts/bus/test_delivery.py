"""What every consumer may rely on, whichever bus it reads."""

import asyncio
import time
from collections import defaultdict

from shared.bus import Record
from shared.bus.partition import partition_of
from tests.contracts.bus.conftest import PARTITIONS, Bus, next_batch, take


def by_key(records: list[Record]) -> dict[bytes | None, list[bytes]]:
    found = defaultdict(list)
    for record in records:
        found[record.key].append(record.value)
    return found


async def test_records_of_one_key_come_in_the_order_they_were_published(bus: Bus) -> None:
    sent = [bus.record(f"concern-{n % 7}", str(n).encode()) for n in range(700)]
    assert all(await bus.publish(sent[:350]))
    assert all(await bus.publish(sent[350:]))
    got = await take(await bus.consumer(), 700)
    assert by_key(got) == by_key(sent)


async def test_a_batch_holds_records_of_one_partition_with_rising_offsets(bus: Bus) -> None:
    await bus.publish([bus.record(f"concern-{n}", b"x") for n in range(100)])
    consumer = await bus.consumer()
    seen = 0
    while seen < 100:
        batch = await next_batch(consumer)
        offsets = [record.offset for record in batch.records]
        assert {(r.topic, r.partition) for r in batch.records} == {(bus.topic, batch.partition)}
        assert offsets == list(range(offsets[0], offsets[0] + len(offsets)))
        await consumer.done(batch)
        seen += len(offsets)


async def test_both_buses_put_a_key_in_the_same_partition(bus: Bus) -> None:
    await bus.publish([bus.record(f"concern-{n}", b"x") for n in range(50)])
    for record in await take(await bus.consumer(), 50):
        assert record.partition == partition_of(record.key, PARTITIONS)


async def test_what_was_not_done_before_a_crash_is_delivered_again(bus: Bus) -> None:
    await bus.publish([bus.record("concern", str(n).encode()) for n in range(10)])
    first = await bus.consumer()
    seen = await next_batch(first)
    await first.stop()  # without done: as a crash between the effect and the commit of offsets
    second = await bus.consumer()
    assert await take(second, 10) == list(seen.records)


async def test_what_was_done_is_not_delivered_to_the_group_again(bus: Bus) -> None:
    await bus.publish([bus.record("concern", b"old")])
    first = await bus.consumer()
    await take(first, 1)
    await first.stop()
    await bus.publish([bus.record("concern", b"new")])
    second = await bus.consumer()
    assert [record.value for record in await take(second, 1)] == [b"new"]


async def test_each_group_gets_every_record(bus: Bus) -> None:
    await bus.publish([bus.record("concern", b"x")])
    for group in ("escalation", "audit-log"):
        assert len(await take(await bus.consumer(group), 1)) == 1


async def test_again_delivers_from_the_first_record_after_the_delay(bus: Bus) -> None:
    await bus.publish([bus.record("concern", str(n).encode()) for n in range(5)])
    consumer = await bus.consumer()
    refused = await next_batch(consumer)
    began = time.monotonic()
    await consumer.again(refused, after=0.7)
    repeated = await next_batch(consumer)
    assert repeated.records[0] == refused.records[0]
    assert time.monotonic() - began >= 0.7


async def test_other_partitions_keep_flowing_while_one_waits_for_again(bus: Bus) -> None:
    keys = {partition_of(f"c-{n}".encode(), PARTITIONS): f"c-{n}" for n in range(50)}
    await bus.publish([bus.record(keys[0], b"troubled")])
    consumer = await bus.consumer()
    await consumer.again(await next_batch(consumer), after=5)
    await bus.publish([bus.record(keys[p], b"fine") for p in (1, 2, 3)])
    began = time.monotonic()
    values = [record.value for record in await take(consumer, 3)]
    assert values == [b"fine"] * 3
    assert time.monotonic() - began < 4
    assert [record.value for record in await take(consumer, 1)] == [b"troubled"]


async def test_a_batch_that_is_out_holds_its_own_partition_only(bus: Bus) -> None:
    keys = {partition_of(f"c-{n}".encode(), PARTITIONS): f"c-{n}" for n in range(50)}
    await bus.publish([bus.record(keys[0], b"first")])
    consumer = await bus.consumer()
    out = await next_batch(consumer)
    await bus.publish([bus.record(keys[0], b"second"), bus.record(keys[1], b"beside")])
    assert [record.value for record in await take(consumer, 1)] == [b"beside"]
    await consumer.done(out)
    assert [record.value for record in await take(consumer, 1)] == [b"second"]


async def test_keys_values_and_headers_survive_byte_for_byte(bus: Bus) -> None:
    every_byte = bytes(range(256))
    sent = [
        Record(bus.topic, every_byte, every_byte * 3, (("ce_id", every_byte), ("ce_id", b""))),
        Record(bus.topic, b"", b"\x00", (("naïve", b"\xff\xfe"),)),
        Record(bus.topic, None, b"not json {", ()),
        Record(bus.topic, b"k", b""),
    ]
    assert all(await bus.publish(sent))
    got = await take(await bus.consumer(), len(sent))
    assert {(r.key, r.value, r.headers) for r in got} == {(r.key, r.value, r.headers) for r in sent}


async def test_lag_counts_what_is_not_done(bus: Bus) -> None:
    await bus.publish([bus.record("concern", b"x") for _ in range(20)])
    consumer = await bus.consumer()
    batch = await next_batch(consumer)
    assert sum((await consumer.lag()).values()) == 20
    await consumer.done(batch)
    assert sum((await consumer.lag()).values()) == 20 - len(batch.records)


async def test_a_second_member_takes_its_share_and_nothing_is_lost(bus: Bus) -> None:
    got: dict[str, list[Record]] = {"first": [], "second": []}

    all_there = asyncio.Event()

    async def consume(name: str) -> None:
        consumer = await bus.consumer()
        async for batch in consumer.batches():
            got[name].extend(batch.records)
            await consumer.done(batch)
            if len({r.value for records in got.values() for r in records}) == 400:
                all_there.set()

    first = asyncio.create_task(consume("first"))
    second = asyncio.create_task(consume("second"))
    sent = [bus.record(f"concern-{n}", str(n).encode()) for n in range(400)]
    async with asyncio.timeout(40):
        for start in range(0, 400, 10):
            assert all(await bus.publish(sent[start : start + 10]))
            await asyncio.sleep(0.1)
        await all_there.wait()
    await bus.close()
    await asyncio.gather(first, second)
    assert got["first"]
    assert got["second"]


async def test_another_member_goes_on_where_a_lost_one_stopped(bus: Bus) -> None:
    sent = [bus.record(f"concern-{n}", str(n).encode()) for n in range(40)]
    await bus.publish(sent)
    lost, stays = await bus.consumer(), await bus.consumer()
    done = await take(lost, 1)
    await next_batch(lost)  # delivered to the lost one, and never done
    await lost.stop()
    done += await take(stays, 40 - len(done))
    assert {record.value for record in done} == {record.value for record in sent}


async def test_a_member_that_polls_says_so_and_stops_in_time(bus: Bus) -> None:
    consumer = await bus.consumer()

    async def idle() -> None:
        async for batch in consumer.batches():
            await consumer.done(batch)

    task = asyncio.create_task(idle())
    await asyncio.sleep(4)
    assert time.monotonic() - consumer.last_poll < 1
    began = time.monotonic()
    await consumer.stop()
    await asyncio.wait_for(task, 5)
    assert time.monotonic() - began < 6
