"""Rows that nothing will ask for again are deleted, hourly, by the service whose they are.

A service adds `sweeping(...)` to its background work, with a statement for each kind of its own old
rows; the inbox's is always among them. Nothing of a real concern is old in this sense: how long
that is kept is for its people to say.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.app import Runtime
from shared.db import is_transient

log = structlog.get_logger(__name__)
# An inbox must never forget an event that may still be delivered again. Topics keep 14 days and
# backups 30: a topic that was restored from the oldest backup delivers what is 44 days old.
KEPT: Final = timedelta(days=45)
# The heartbeat's school, which exists for nothing else.
HEARTBEAT_URN: Final = "999099"
# Few enough that nobody waits for a sweep's locks.
AT_ONCE: Final = 2000
_HOUR: Final = 3600.0
# Ids of events are in the order of time, so old ones are at one end of the key; one that was sent
# late counts from when it came.
_INBOX: Final = text("""
WITH gone AS (
    DELETE FROM inbox WHERE (consumer, event_id) IN (
        SELECT consumer, event_id FROM inbox
        WHERE consumer = :service AND event_id < :made_before AND received_at < :before
        ORDER BY event_id LIMIT :at_once)
    RETURNING event_id
)
SELECT count(*) FROM gone
""")


def sweeping(*old: TextClause) -> Callable[[Runtime], Awaitable[None]]:
    """Background work of a service. old: statements that delete at most `:at_once` rows of before
    `:before` and give their number."""

    async def sweep_hourly(runtime: Runtime) -> None:
        while True:
            try:
                await sweep(runtime.service, runtime.sessions, runtime.clock.now(), *old)
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("old rows stay", error=type(error).__name__)
            await asyncio.sleep(_HOUR)

    return sweep_hourly


async def sweep(
    service: str, sessions: async_sessionmaker[AsyncSession], now: datetime, *old: TextClause
) -> int:
    """Deletes all that is old at `now`, a few rows a transaction, and returns how many it was.

    A crash between two of them costs nothing: the next hour goes on.
    """
    before, swept = now - KEPT, 0
    given = {"before": before, "at_once": AT_ONCE}
    inbox = _INBOX.bindparams(service=service, made_before=_first_id_of(before))
    for statement in (inbox, *old):
        gone = AT_ONCE
        while gone == AT_ONCE:
            async with sessions() as session:
                gone = (await session.execute(statement, given)).scalar_one()
                await session.commit()
            swept += gone
    return swept


def _first_id_of(instant: datetime) -> UUID:
    """No UUIDv7 made at the instant or later is less."""
    return UUID(int=int(instant.timestamp() * 1000) << 80)
