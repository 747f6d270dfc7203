"""Whoever keeps its own offsets with its effects goes on from those, whatever the bus remembers."""

from collections.abc import Mapping, Sequence

from shared.bus.partition import partition_of
from tests.contracts.bus.conftest import PARTITIONS, Bus, next_batch, take

KEY = "concern"
PARTITION = partition_of(KEY.encode(), PARTITIONS)
Place = tuple[str, int]


async def published(bus: Bus, count: int) -> None:
    assert all(await bus.publish([bus.record(KEY, str(n).encode()) for n in range(count)]))


async def test_a_consumer_begins_where_the_effects_are_stored(bus: Bus) -> None:
    await published(bus, 10)

    async def stored(places: Sequence[Place]) -> Mapping[Place, int]:
        assert (bus.topic, PARTITION) in places
        return {(bus.topic, PARTITION): 7}

    first = await bus.consumer()
    await take(first, 3)  # the bus remembers an earlier place, or none
    await first.stop()
    batch = await next_batch(await bus.consumer(stored=stored))
    assert [record.value for record in batch.records] == [b"7", b"8", b"9"]


async def test_where_stored_offsets_cannot_be_read_the_buss_own_hold(bus: Bus) -> None:
    await published(bus, 3)

    async def stored(_: Sequence[Place]) -> Mapping[Place, int]:
        raise OSError("the database is away")

    assert len(await take(await bus.consumer(stored=stored), 3)) == 3


async def test_an_offset_beyond_the_end_of_a_bus_made_anew_stops_nothing(bus: Bus) -> None:
    await published(bus, 3)

    async def stored(_: Sequence[Place]) -> Mapping[Place, int]:
        return {(bus.topic, PARTITION): 5_000}

    assert len(await take(await bus.consumer(stored=stored), 3)) == 3


async def test_again_can_ask_for_an_earlier_place(bus: Bus) -> None:
    await published(bus, 10)
    consumer = await bus.consumer()
    batch = await next_batch(consumer)
    await consumer.again(batch, 0, 4)
    assert (await next_batch(consumer)).records[0].value == b"4"
