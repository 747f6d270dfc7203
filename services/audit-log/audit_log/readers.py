"""Sessions of the role that may only read: whatever a route is asked for, it can change nothing."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.settings import AuditSettings
from shared.app import Runtime
from shared.db import make_engine, make_sessions


def make_reader(settings: AuditSettings) -> AsyncEngine:
    dsn = settings.reader_database_url.get_secret_value()
    return make_engine(dsn, "handrail-audit-log-reader", settings.database_pool)


def let_read(app: FastAPI, engine: AsyncEngine) -> None:
    app.state.reader, app.state.reader_sessions = engine, make_sessions(engine)


async def keep_open(engine: AsyncEngine, _: Runtime) -> None:
    """Its connections are closed with the service."""
    try:
        await asyncio.Event().wait()
    finally:
        await engine.dispose()


async def _open(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.app.state.reader_sessions() as session:
        yield session


Reading = Annotated[AsyncSession, Depends(_open)]
