"""A hold that is heard of before its case is kept, and counts from the case's opening on."""

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.models import EarlyHold
from shared.events.concerns import ConcernHeld


async def remember_hold(session: AsyncSession, hold: ConcernHeld) -> None:
    now = {"held": hold.held, "at": hold.at, "actor_ref": hold.actor_ref}
    await session.execute(
        insert(EarlyHold)
        .values(case_id=hold.concern_id, **now)
        .on_conflict_do_update(index_elements=[col(EarlyHold.case_id)], set_=now)
    )


async def taken_hold(session: AsyncSession, case_id: UUID) -> EarlyHold | None:
    rows = await session.execute(
        delete(EarlyHold).where(col(EarlyHold.case_id) == case_id).returning(EarlyHold)
    )
    return rows.scalar_one_or_none()
