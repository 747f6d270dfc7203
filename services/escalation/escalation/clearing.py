"""Takes away what no longer applies to a task: the clocks that would go on asking for it."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.models import Timer


async def cancel_timers(
    session: AsyncSession,
    task_ids: Collection[UUID],
    kinds: Collection[str] | None = None,
    *,
    but: Collection[str] = (),
) -> None:
    """In the transaction that did the work, so that nobody is chased for what is done.

    but: kinds that run on, for what they wait for is somebody else's to do.
    """
    if not task_ids:
        return
    statement = delete(Timer).where(col(Timer.task_id).in_(task_ids))
    if kinds is not None:
        statement = statement.where(col(Timer.kind).in_(kinds))
    if but:
        statement = statement.where(col(Timer.kind).not_in(but))
    await session.exec(statement)
