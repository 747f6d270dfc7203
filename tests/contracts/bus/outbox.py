"""Outbox rows as a service commits them, and a relay that runs beside a test."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared.bus import Record
from shared.bus.cloudevents import from_record
from shared.bus.doorbell import Doorbell
from shared.bus.relay import RelayState, run_relay
from shared.events.envelope import new_event_id
from tests.contracts.bus.conftest import Bus, take

INSERT = """
INSERT INTO outbox (event_id, topic, subject, type, version, producer, sequence, occurred_at, data)
VALUES ($1, $2, $3, 'concern.raised', 1, 'intake/lane-0', $4, $5, $6)
"""


def row(topic: str, subject: UUID, sequence: int, data: bytes = b"{}") -> tuple[Any, ...]:
    return new_event_id(), topic, subject, sequence, datetime.now(UTC), data


async def insert(connection: asyncpg.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    await connection.executemany(INSERT, rows)


async def pending(bus: Bus) -> int:
    count: int = await bus.connection.fetchval("SELECT count(*) FROM outbox")
    return count


@asynccontextmanager
async def relay(bus: Bus, doorbell: Doorbell | None = None) -> AsyncIterator[RelayState]:
    state, stop = RelayState(), asyncio.Event()
    bell = doorbell or Doorbell(bus.dsn, "intake")
    publisher = await bus.publisher()
    task = asyncio.create_task(run_relay(bus.dsn, publisher, "intake", bell, stop, state=state))
    try:
        yield state
    finally:
        stop.set()
        await asyncio.wait_for(task, 40)


async def until(true: Any, within: float = 40) -> None:
    """Waits for what only another process, or the server, can make true."""
    async with asyncio.timeout(within):
        while not await true():  # noqa: ASYNC110 - no event of ours says it
            await asyncio.sleep(0.05)


async def sequences(bus: Bus, count: int, within: float = 40) -> list[int]:
    """Of the first `count` different events that arrive, in their order of arrival."""
    consumer = await bus.consumer()
    seen: dict[int, Record] = {}
    async with asyncio.timeout(within):
        while len(seen) < count:
            for record in await take(consumer, 1, within):
                seen.setdefault(from_record(record).sequence, record)
    await consumer.stop()
    return list(seen)


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        with suppress(asyncpg.InterfaceError):
            await connection.close()
