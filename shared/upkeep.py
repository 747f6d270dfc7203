"""What a running service does besides its work: it measures itself, and ends when it hangs."""

import asyncio
import time

import structlog
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import telemetry
from shared.bus import Consumer
from shared.bus.doorbell import Doorbell
from shared.bus.postgres import LOST, sweep
from shared.bus.relay import RelayState
from shared.clock import Clock
from shared.db import connect, is_transient
from shared.dead_letters import open_dead_letters
from shared.outbox import OutboxRow, close_producers

MEASURE_SECONDS = 5.0
HOUR_SECONDS = 3600.0
# A consumer that has not tried to ask the bus for this long is taken for hung. Kafka's own limit,
# after which the group gives its partitions to others, is twice as long. A bus that is away does
# not count: intake accepts and advises without it, and the others wait for it.
SILENT_SECONDS = 60.0
_OLDEST = select(OutboxRow.occurred_at).order_by(col(OutboxRow.seq)).limit(1)

log = structlog.get_logger(__name__)


class ConsumerSilent(Exception):
    """The consumer does not ask the bus any more; a supervisor must start the service again."""


async def watch(
    service: str,
    relay: RelayState,
    consumers: list[Consumer],
    clock: Clock,
    sessions: async_sessionmaker[AsyncSession],
) -> None:
    """Sets the gauges, and raises ConsumerSilent where concerns have stopped flowing."""
    published = unacknowledged = 0
    while True:
        telemetry.OUTBOX_STUCK.labels(service).set(relay.stuck)
        telemetry.PUBLISHED.labels(service).inc(relay.published - published)
        telemetry.UNACKNOWLEDGED.labels(service).inc(relay.unacknowledged - unacknowledged)
        published, unacknowledged = relay.published, relay.unacknowledged
        for consumer in consumers:
            now = time.monotonic()
            telemetry.SECONDS_SINCE_POLL.labels(service).set(now - consumer.last_poll)
            if now - consumer.last_try > SILENT_SECONDS:
                raise ConsumerSilent
            await _measure_lag(service, consumer)
        await _look_at_the_database(service, sessions, clock)
        await asyncio.sleep(MEASURE_SECONDS)


async def _look_at_the_database(
    service: str, sessions: async_sessionmaker[AsyncSession], clock: Clock
) -> None:
    """Asked by every instance, whoever's relay leads: also where none can, the age must grow."""
    try:
        async with asyncio.timeout(MEASURE_SECONDS), sessions() as session:
            oldest = (await session.exec(_OLDEST)).first()
            dead = await open_dead_letters(session)
    except Exception as error:
        if not is_transient(error):
            raise
        log.warning("the database was not measured", error=type(error).__name__)
        return
    age = 0.0 if oldest is None else max(0.0, (clock.now() - oldest).total_seconds())
    telemetry.OUTBOX_AGE.labels(service).set(age)
    telemetry.DEAD_LETTERS.labels(service).set(dead)


async def _measure_lag(service: str, consumer: Consumer) -> None:
    try:
        async with asyncio.timeout(MEASURE_SECONDS):
            lag = await consumer.lag()
    except Exception as error:  # noqa: BLE001 - Kafka fails in kinds of its own; nothing that is
        # only measured may end a service, and the seconds since the last poll say that it is away
        log.warning("lag not measured", error=type(error).__name__)
        return
    waiting: dict[str, int] = {}
    for (topic, _), records in lag.items():
        waiting[topic] = waiting.get(topic, 0) + records
    for topic, records in waiting.items():
        telemetry.CONSUMER_LAG.labels(service, topic).set(records)


async def close_producers_hourly(
    service: str, sessions: async_sessionmaker[AsyncSession], doorbell: Doorbell, clock: Clock
) -> None:
    """At the start too: a service that is started more often than hourly closes its counts as well.

    What only hinders for a while is left to the next hour.
    """
    while True:
        try:
            async with sessions() as session:
                await close_producers(session, service, clock.now())
            doorbell.ring()
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("producers not closed", error=type(error).__name__)
        await asyncio.sleep(HOUR_SECONDS)


async def sweep_hourly(dsn: str) -> None:
    """Keeps the embedded bus no longer than topics keep their records; Kafka does so by itself."""
    while True:
        try:
            connection = await connect(dsn, "handrail-sweep")
            try:
                await sweep(connection)
            finally:
                await connection.close()
        except LOST as error:
            log.warning("the bus was not swept", error=type(error).__name__)
        await asyncio.sleep(HOUR_SECONDS)
