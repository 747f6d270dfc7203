"""Fires the clocks of tasks: says that nobody has acted, and sets the next clock."""

import asyncio
from collections import defaultdict
from collections.abc import Collection
from datetime import timedelta
from typing import Final, cast
from uuid import UUID

import structlog
from sqlalchemy import func, insert, update
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.announcing import Step, tell_reminded
from escalation.deciding import Rules
from escalation.models import CaseFile, Exclusion, Task, Timer
from escalation.schedule import again
from shared.app import Runtime
from shared.db import is_transient
from shared.outbox import commit, rollback

log = structlog.get_logger(__name__)
BATCH: Final = 500
LONGEST_SLEEP: Final = 1.0
PUT_OFF: Final = timedelta(minutes=1)
_WHILE_OPEN: Final = ("unconfirmed", "unclaimed", "call_back")
# Nobody has confirmed that the child is safe.
_STEPS: Final = {"call_back": "unconfirmed"}
Due = tuple[Timer, Task, CaseFile]


async def run_timers(runtime: Runtime, rules: Rules) -> None:
    """For ever. Any number of these may run; a timer is fired by one of them."""
    while True:
        try:
            fired = await fire_due(runtime.sessions, rules)
            wait = 0.0 if fired == BATCH else await _until_next(runtime.sessions, rules)
            if fired:
                runtime.doorbell.ring()
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("timers wait", error=type(error).__name__)
            wait = LONGEST_SLEEP
        await asyncio.sleep(wait)


async def fire_due(
    sessions: async_sessionmaker[AsyncSession], rules: Rules, limit: int = BATCH
) -> int:
    """Fires what is due, longest overdue first, and returns how many timers that was.

    COMMIT POINT: effects, next timers and events are one transaction. A crash before it leaves the
    timers pending; after it none of them fires again.
    """
    async with sessions() as session:
        try:
            due = await _claim(session, rules, limit)
            if due:
                await _fire(session, due, rules)
                await commit(session)
            return len(due)
        except Exception as error:
            await rollback(session)
            if is_transient(error):
                raise
            log.error("timers are taken apart", error=type(error).__name__)
    return sum([await _fire_first(sessions, rules) for _ in range(limit)])


async def _fire_first(sessions: async_sessionmaker[AsyncSession], rules: Rules) -> bool:
    """One that cannot be fired must not silence the others: it is put off, and tried again."""
    async with sessions() as session:
        due = await _claim(session, rules, 1)
        if not due:
            return False
        timer_id = due[0][0].id
        try:
            await _fire(session, due, rules)
            await commit(session)
        except Exception as error:
            await rollback(session)
            if is_transient(error):
                raise
            log.error("a timer cannot be fired", error=type(error).__name__)
            later = {"due_at": rules.clock.now() + PUT_OFF, "attempts": Timer.attempts + 1}
            await session.exec(update(Timer).where(col(Timer.id) == timer_id).values(later))
            await session.commit()
    return True


async def _claim(session: AsyncSession, rules: Rules, limit: int) -> list[Due]:
    """Timers with their tasks, locked. Who acknowledges a task holds its row, so its timers are
    passed over until that is committed and has cancelled them."""
    rows = await session.exec(
        select(Timer, Task, CaseFile)
        .join(Task, col(Task.id) == col(Timer.task_id))
        .join(CaseFile, col(CaseFile.id) == col(Timer.case_id))
        .where(col(Timer.state) == "pending", col(Timer.due_at) <= rules.clock.now())
        .order_by(col(Timer.due_at), col(Timer.id))
        .limit(limit)
        .with_for_update(of=[Timer, Task], skip_locked=True)
    )
    return list(rows)


async def _fire(session: AsyncSession, due: list[Due], rules: Rules) -> None:
    now = rules.clock.now()
    excluded = await _excluded(session, {case.id for _, _, case in due})
    following = []
    for timer, task, case in due:
        if not _applies(timer, task):
            continue
        step = cast(Step, _STEPS.get(timer.kind, timer.kind))
        tell_reminded(session, case, task, step=step, at=now, excluded=excluded[case.id])
        after = again(timer, rules.policy.settings(task.la or case.la), now)
        if after is not None:
            following.append(after.model_dump())
    await session.exec(
        update(Timer)
        .where(col(Timer.id).in_([timer.id for timer, _, _ in due]))
        .values(state="fired", fired_at=now)
        .execution_options(synchronize_session=False)
    )
    if following:
        await session.exec(insert(Timer), params=following)


def _applies(timer: Timer, task: Task) -> bool:
    """Belt and braces: what ended a task has cancelled its timers in the same transaction."""
    if timer.kind == "unclaimed":
        return task.state == "open" and task.claimed_by_ref is None
    if timer.kind in _WHILE_OPEN:
        return task.state == "open"
    return task.closed_at is None


async def _excluded(session: AsyncSession, case_ids: Collection[UUID]) -> dict[UUID, list[str]]:
    refs: dict[UUID, list[str]] = defaultdict(list)
    for row in await session.exec(select(Exclusion).where(col(Exclusion.case_id).in_(case_ids))):
        refs[row.case_id].append(row.account_ref)
    return refs


async def _until_next(sessions: async_sessionmaker[AsyncSession], rules: Rules) -> float:
    async with sessions() as session:
        following = await session.exec(
            select(func.min(col(Timer.due_at))).where(col(Timer.state) == "pending")
        )
        due_at = following.one()
    if due_at is None:
        return LONGEST_SLEEP
    return min(LONGEST_SLEEP, max(0.01, (due_at - rules.clock.now()) / timedelta(seconds=1)))
