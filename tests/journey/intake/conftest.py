"""A running intake on a fresh database."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx2
import pytest

from intake.app import create_app
from intake.desk import IntakeSettings
from intake.schools import RegisteredSchool, import_schools
from shared.settings import Settings
from tests.journey.intake.harness import OTHER_URN, URN, Intake

Start = Callable[..., Any]


@asynccontextmanager
async def _looking(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def _lanes_only(intake: Intake) -> AsyncIterator[None]:
    """Without relay and consumer: what intake has to tell stays in its outbox, to be looked at."""
    lanes = asyncio.create_task(intake.desk.lanes.run(lambda: None))
    try:
        yield
    finally:
        lanes.cancel()
        await asyncio.wait({lanes})
        await intake.desk.runtime.engine.dispose()


@pytest.fixture
def start(database: Any, settings_for: Callable[..., Settings], clock: Any, issuer: Any) -> Start:
    """`async with start() as intake`: the service with two schools and a client for the first."""

    @asynccontextmanager
    async def run(*, whole: bool = False, **more: Any) -> AsyncIterator[Intake]:
        settings = settings_for("intake", IntakeSettings, **more)
        assert isinstance(settings, IntakeSettings)
        app = create_app(settings, clock, issuer.keys)
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with (
            _looking(database.dsn("intake")) as db,
            httpx2.AsyncClient(transport=transport, base_url="http://intake") as http,
        ):
            intake = Intake(app, http, db, issuer)
            async with app.router.lifespan_context(app) if whole else _lanes_only(intake):
                await _furnish(intake)
                yield intake

    return run


async def _furnish(intake: Intake) -> None:
    async with intake.desk.runtime.sessions() as session:
        schools = [
            RegisteredSchool(URN, "886", "Demo Primary", "primary"),
            RegisteredSchool(OTHER_URN, "821", "Demo High", "secondary"),
        ]
        await import_schools(session, schools)
        await session.commit()
    await intake.grant()


@pytest.fixture
async def intake(start: Start) -> AsyncIterator[Intake]:
    async with start() as running:
        yield running
