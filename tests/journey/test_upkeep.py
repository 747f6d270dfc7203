"""What a service measures and closes by itself, from its start on and without being asked."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg

from shared.app import Service, build_app
from shared.clock import SetClock
from shared.settings import Settings
from shared.telemetry import REGISTRY
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
