"""Keeps people out of a case and of its incident's other cases; it lets nobody in again."""

from collections.abc import Collection, Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.deciding import exclude
from escalation.models import CaseFile, Exclusion


async def keep_out(
    session: AsyncSession,
    case: CaseFile,
    refs: Collection[str],
    posts: Collection[str],
    *,
    school_staff: bool,
) -> None:
    """The narrative is the whole incident's: who is accused in one case is kept out of all."""
    if not (refs or posts or school_staff):
        return
    for one in (case, *await _others(session, case)):
        one.conflicted = sorted({*one.conflicted, *posts})
        one.exclude_school_staff = one.exclude_school_staff or school_staff
        await exclude(session, one, refs)


async def inherit(session: AsyncSession, case: CaseFile) -> list[str]:
    """A case that comes late keeps out whom the others of its incident keep out by then."""
    others = await _others(session, case)
    if not others:
        return []
    for other in others:
        case.conflicted = sorted({*case.conflicted, *other.conflicted})
        case.exclude_school_staff = case.exclude_school_staff or other.exclude_school_staff
    ids = [other.id for other in others]
    refs = select(Exclusion.account_ref).where(col(Exclusion.case_id).in_(ids))
    return sorted(set(await session.exec(refs)))


async def _others(session: AsyncSession, case: CaseFile) -> Sequence[CaseFile]:
    if case.incident_id is None:
        return ()
    rows = await session.exec(
        select(CaseFile)
        .where(col(CaseFile.incident_id) == case.incident_id, col(CaseFile.id) != case.id)
        .order_by(col(CaseFile.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return rows.all()
