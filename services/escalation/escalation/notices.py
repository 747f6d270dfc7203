"""A notice could not be delivered: the queue says that somebody must be rung, until one is."""

from sqlalchemy import update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.history import remember
from escalation.models import CaseFile, Task
from shared.events.envelope import Event
from shared.events.notices import NoticeFailed, NoticeSent
from shared.inbox import Poison


async def on_notice_failed(session: AsyncSession, event: Event) -> None:
    failed = NoticeFailed.model_validate_json(event.data)
    case = await session.get(CaseFile, failed.case_id)
    if case is None:
        raise Poison("no_case")
    of = col(Task.case_id) == case.id
    if failed.task_id is not None:
        of = of & (col(Task.id) == failed.task_id)
    await session.exec(update(Task).where(of).values(notice_failed=True))
    detail = {"channel": failed.channel, "reason": failed.reason}
    remember(session, case.id, "notice_failed", failed.at, **detail)


async def on_notice_sent(session: AsyncSession, event: Event) -> None:
    sent = NoticeSent.model_validate_json(event.data)
    told = (col(Task.case_id) == sent.case_id) & col(Task.notice_failed)
    if sent.task_id is not None:
        told &= col(Task.id) == sent.task_id
    await session.exec(update(Task).where(told).values(notice_failed=False))
