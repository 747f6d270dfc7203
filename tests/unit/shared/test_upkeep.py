"""An outage of the bus ends no service; a consumer that hangs does."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from shared.bus.kafka_consumer import KafkaConsumer
from shared.bus.relay import RelayState
from shared.clock import SetClock
from shared.upkeep import SILENT_SECONDS, ConsumerSilent, watch

NOBODY = "127.0.0.1:9"  # the discard port: nothing listens there
CLOCK = SetClock(datetime(2026, 11, 24, 10, 0, tzinfo=UTC))


async def _watch(consumer: KafkaConsumer) -> None:
    await watch("intake", RelayState(), [consumer], CLOCK)


async def test_a_service_goes_on_however_long_kafka_is_away() -> None:
    consumer = KafkaConsumer(NOBODY, "intake", ["handrail.cases.v1"], client_id="intake")
    consumer.last_poll -= 10 * SILENT_SECONDS
    consumer.last_try -= 10 * SILENT_SECONDS

    async def listen() -> None:
        async for _ in consumer.batches():
            pass

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0.1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(_watch(consumer), 1)
    await consumer.stop()
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening


async def test_a_consumer_that_hangs_ends_its_service() -> None:
    consumer = KafkaConsumer(NOBODY, "intake", ["handrail.cases.v1"], client_id="intake")
    consumer.last_try -= 10 * SILENT_SECONDS
    with pytest.raises(ConsumerSilent):
        await asyncio.wait_for(_watch(consumer), 1)
