"""What a service measures and closes by itself, from its start on and without being asked."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg

from shared.app import Service, build_app
from shared.bus.relay import RelayState
from shared.clock import SetClock
from shared.db import make_engine, make_sessions
from shared.events.concerns import ProducerClosed
from shared.outbox import commit, emit
from shared.settings import Settings
from shared.telemetry import REGISTRY
from shared.upkeep import watch
from tests.conftest import Database

_BEFORE = """
INSERT INTO producer (name, last_sequence, closed_sequence) VALUES ('notify', 7, 0);
INSERT INTO dead_letter (id, consumer, topic, partition, "offset", reason, length, recorded_at)
VALUES (gen_random_uuid(), 'notify', 'handrail.cases.v1', 0, 1, 'header-missing', 9, now());
"""


async def test_open_dead_letters_are_measured_and_counts_closed_from_the_start(
    database: Database, settings_for: Callable[..., Settings], clock: SetClock, issuer: Any
) -> None:
    connection = await asyncpg.connect(database.dsn("notify"))
    await connection.execute(_BEFORE)
    service = Service("notify", "Upkeep", routers=[])
    app = build_app(service, settings_for("notify"), clock, issuer.keys)

    async def done() -> bool:
        measured = REGISTRY.get_sample_value("handrail_dead_letters_open", {"service": "notify"})
        closed = await connection.fetchval("SELECT closed_sequence FROM producer")
        return (measured, closed) == (1, 8)

    async with app.router.lifespan_context(app):
        for _ in range(200):
            if await done():
                break
            await asyncio.sleep(0.05)
        assert await done()
    await connection.close()


async def test_an_event_that_no_relay_moves_grows_old_in_sight(
    database: Database, clock: SetClock
) -> None:
    engine = make_engine(database.dsn("notify"), "measured", pool_size=1)
    sessions = make_sessions(engine)
    async with sessions() as session:
        at = clock.now() - timedelta(minutes=3)
        closed = ProducerClosed(producer="notify", last_sequence=0, at=at)
        emit(session, "notify.producer_closed", uuid4(), closed, producer="notify", at=at)
        await commit(session)
    watching = asyncio.create_task(watch("notify", RelayState(), [], clock, sessions))
    name, service = "handrail_outbox_oldest_seconds", {"service": "notify"}
    for _ in range(200):
        if REGISTRY.get_sample_value(name, service):
            break
        await asyncio.sleep(0.05)
    watching.cancel()
    assert REGISTRY.get_sample_value(name, service) == 180
    await engine.dispose()
