"""A queue that was given and that nobody of the next shift takes: said aloud, once."""

import asyncio
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.announcing import PRODUCER
from escalation.shift.models import Handover
from shared.app import Runtime
from shared.clock import Clock
from shared.db import is_transient
from shared.events.shifts import ShiftUntaken
from shared.outbox import commit, emit
from shared.telemetry import operator_alarm

log = structlog.get_logger(__name__)
_EVERY: Final = 30.0


async def watch_handovers(runtime: Runtime) -> None:
    """For ever, in each instance; one of them tells."""
    while True:
        try:
            if await tell_untaken(runtime.sessions, runtime.clock):
                runtime.doorbell.ring()
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("handovers wait", error=type(error).__name__)
        await asyncio.sleep(_EVERY)


async def tell_untaken(sessions: async_sessionmaker[AsyncSession], clock: Clock) -> int:
    """Tells of those that are late, and returns how many. Their tasks go on with the giver, whose
    clocks go on too."""
    now = clock.now()
    async with sessions() as session:
        rows = await session.exec(
            select(Handover)
            .where(
                col(Handover.taken_at).is_(None),
                col(Handover.late_told_at).is_(None),
                col(Handover.due_at) <= now,
            )
            .with_for_update(skip_locked=True)
        )
        late = list(rows)
        for row in late:
            row.late_told_at = now
            data = ShiftUntaken(
                handover_id=row.id,
                route=row.route,
                to_route=row.to_route,
                la=row.la,
                given_by_ref=row.given_by_ref,
                given_at=row.given_at,
                due_at=row.due_at,
                at=now,
            )
            emit(session, "shift.untaken", row.id, data, producer=PRODUCER, at=now)
        where = [f"{row.route} {row.la}" for row in late]
        # COMMIT POINT: a crash before it leaves it to be told; after it only the alarm may be lost.
        await commit(session)
    for one in where:
        operator_alarm(f"shift_untaken:{one}")
    return len(where)
