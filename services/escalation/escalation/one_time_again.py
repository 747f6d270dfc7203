"""A lead has a new one-time link sent: the earlier ones that nobody has used end with it."""

from sqlalchemy import delete
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.access import not_found
from escalation.deciding import Rules, excluded_refs, lock_case
from escalation.history import remember
from escalation.models import Task
from escalation.one_time_models import OneTimeLink
from shared.outbox import commit


async def new_link(session: AsyncSession, rules: Rules, task: Task, actor_ref: str) -> None:
    case = await lock_case(session, task.case_id)
    if case is None or rules.links is None:
        raise not_found()
    now = rules.clock.now()
    unused = col(OneTimeLink.task_id) == task.id, col(OneTimeLink.used_at).is_(None)
    await session.exec(delete(OneTimeLink).where(*unused))
    excluded = await excluded_refs(session, case)
    rules.links.make(session, case, task, excluded, now, again=True)
    remember(session, case.id, "link_sent", now, actor_ref=actor_ref, route=task.route)
    # COMMIT POINT: after it the new link goes out and the old ones open nothing.
    await commit(session)
