"""The heartbeat: an invented concern that goes the whole way every few minutes, and is no case.

Its school exists for nothing else. No worker, lead or manager ever sees it (`conflicts`), it counts
in no figure, and its tasks end by themselves: it asks only whether concerns arrive.
"""

import asyncio
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.app import Runtime
from shared.clock import Clock
from shared.db import is_transient
from shared.housekeeping import HEARTBEAT_URN as HEARTBEAT_URN  # noqa: PLC0414 - known by this name here

log = structlog.get_logger(__name__)
# Before the first clock of such a task would ask for somebody.
ENDS_AFTER: Final = timedelta(minutes=5)
_EVERY: Final = 60.0
_END: Final = text("""
WITH ended AS (
    UPDATE task SET state = 'done', outcome = 'heartbeat', closed_at = :now, version = version + 1
    WHERE urn = :urn AND closed_at IS NULL AND opened_at <= :before
        AND EXISTS (SELECT FROM case_file c WHERE c.id = task.case_id AND c.synthetic)
    RETURNING id
), silenced AS (
    DELETE FROM timer USING ended WHERE timer.task_id = ended.id
)
SELECT count(*) FROM ended
""")


async def end_heartbeats(runtime: Runtime) -> None:
    """For ever, in each instance."""
    while True:
        try:
            await end_old(runtime.sessions, runtime.clock)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("heartbeats wait", error=type(error).__name__)
        await asyncio.sleep(_EVERY)


async def end_old(sessions: async_sessionmaker[AsyncSession], clock: Clock) -> int:
    """Ends the tasks of heartbeats that have had their time, and returns how many."""
    now = clock.now()
    given = {"now": now, "before": now - ENDS_AFTER, "urn": HEARTBEAT_URN}
    async with sessions() as session:
        count: int = (await session.execute(_END, given)).scalar_one()
        await session.commit()
    return count
