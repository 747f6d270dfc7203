"""A running intake on a fresh database."""

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


@pytest.fixture
def start(database: Any, settings_for: Callable[..., Settings], clock: Any, issuer: Any) -> Start:
    """`async with start() as intake`: the service with two schools and a client for the first."""

    @asynccontextmanager
    async def run(**more: Any) -> AsyncIterator[Intake]:
        settings = settings_for("intake", IntakeSettings, **more)
        assert isinstance(settings, IntakeSettings)
        app = create_app(settings, clock, issuer.keys)
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        db = await asyncpg.connect(database.dsn("intake"))
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://intake") as http,
        ):
            intake = Intake(app, http, db, issuer)
            async with intake.desk.runtime.sessions() as session:
                schools = [
                    RegisteredSchool(URN, "886", "Demo Primary", "primary"),
                    RegisteredSchool(OTHER_URN, "821", "Demo High", "secondary"),
                ]
                await import_schools(session, schools)
                await session.commit()
            await intake.grant()
            yield intake
        await db.close()

    return run


@pytest.fixture
async def intake(start: Start) -> AsyncIterator[Intake]:
    async with start() as running:
        yield running
