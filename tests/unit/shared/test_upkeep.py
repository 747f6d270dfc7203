"""An outage of the bus or the database ends no service; a consumer that hangs does."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from shared.bus.doorbell import Doorbell
from shared.bus.kafka_consumer import KafkaConsumer
from shared.bus.relay import RelayState
from shared.clock import SetClock
from shared.db import make_engine, make_sessions
from shared.telemetry import REGISTRY
from shared.upkeep import SILENT_SECONDS, ConsumerSilent, close_producers_hourly, watch

NOBODY = "127.0.0.1:9"  # the discard port: nothing listens there
AWAY = f"postgresql://nobody@{NOBODY}/away"
SESSIONS = make_sessions(make_engine(AWAY, "test"))
CLOCK = SetClock(datetime(2026, 11, 24, 10, 0, tzinfo=UTC))


async def _watch(consumer: KafkaConsumer) -> None:
    await watch("intake", RelayState(), [consumer], CLOCK, SESSIONS)


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


async def test_that_counts_could_not_be_closed_is_said_and_tried_again_later() -> None:
    doorbell = Doorbell(AWAY, "intake")
    with capture_logs() as said, pytest.raises(TimeoutError):
        await asyncio.wait_for(close_producers_hourly("intake", SESSIONS, doorbell, CLOCK), 1)
    assert [line["event"] for line in said] == ["producers not closed"]
    assert said[0]["log_level"] == "warning"


async def test_what_the_bus_did_not_acknowledge_is_counted() -> None:
    relay = RelayState(published=3, unacknowledged=2)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watch("notify", relay, [], CLOCK, SESSIONS), 0.5)
    service = {"service": "notify"}
    assert REGISTRY.get_sample_value("handrail_events_unacknowledged_total", service) == 2
