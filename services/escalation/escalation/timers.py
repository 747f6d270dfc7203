"""Fires the clocks of tasks: says that nobody has acted, and sets the next clock."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

import structlog
from sqlalchemy import Row, Table, func, text, update
from sqlalchemy import select as columns
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.announcing import Step, tell_reminded
from escalation.deciding import Rules
from escalation.ladder import on_silence, on_stalled
from escalation.milestones import on_late
from escalation.models import CaseFile, Exclusion, Task, Timer
from escalation.schedule import wait_again
from shared.app import Runtime
from shared.db import is_transient
from shared.outbox import commit, rollback

log = structlog.get_logger(__name__)
BATCH: Final = 1000
ACT_AT_ONCE: Final = 100
LONGEST_SLEEP: Final = 1.0
PUT_OFF: Final = timedelta(minutes=1)
_WHILE_OPEN: Final = ("unconfirmed", "unclaimed", "call_back")
# What opens tasks of its own, where the others only say that nobody has acted.
_EFFECTS: Final = {"unanswered": on_silence, "stalled": on_stalled, "late": on_late}
# Nobody has confirmed that the child is safe.
_STEPS: Final = {"call_back": "unconfirmed"}
Due = Row[*tuple[Any, ...]]
# Their columns as a table has them: as attributes of a model they cost twice as much to read.
_TIMER, _TASK, _CASE, _EXCLUSION = (
    cast(Table, model.__table__)  # type: ignore[union-attr]
    for model in (Timer, Task, CaseFile, Exclusion)
)
_READ: Final = (
    columns(
        _TIMER.c.id.label("timer_id"),
        *(_TIMER.c[name] for name in ("kind", "attempts", "task_id", "case_id")),
        *(_TASK.c[name] for name in ("route", "priority", "la", "urn", "owner", "owner_role")),
        *(_TASK.c[name] for name in ("owner_ref", "state", "claimed_by_ref", "closed_at")),
        *(_CASE.c[name] for name in ("exclude_school_staff", "synthetic")),
        _CASE.c.la.label("case_la"),
        func.nullif(_CASE.c.conflicted, text("'[]'::jsonb"), type_=JSONB).label("conflicted"),
        func.array(
            columns(_EXCLUSION.c.account_ref)
            .where(_EXCLUSION.c.case_id == _TIMER.c.case_id)
            .scalar_subquery()
        ).label("excluded"),
    )
    .join(_TASK, _TASK.c.id == _TIMER.c.task_id)
    .join(_CASE, _CASE.c.id == _TIMER.c.case_id)
    .order_by(_TIMER.c.due_at, _TIMER.c.id)
)
# One row a clock for all its life: it moves to its next instant, or goes when there is none.
_NEXT: Final = text("""
WITH gone AS (DELETE FROM timer WHERE id = ANY(CAST(:ended AS uuid[])))
UPDATE timer SET due_at = again.due_at, attempts = timer.attempts + 1
FROM unnest(CAST(:ids AS uuid[]), CAST(:dues AS timestamptz[])) AS again(id, due_at)
WHERE timer.id = again.id
""")


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

    COMMIT POINT: events and each clock's next instant are one transaction. A crash before it leaves
    the timers due; after it none of them fires again for that instant.
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
    fired = 0
    while fired < limit and await _fire_first(sessions, rules):
        fired += 1
    return fired


async def _fire_first(sessions: async_sessionmaker[AsyncSession], rules: Rules) -> bool:
    """One that cannot be fired must not silence the others: it is put off, and tried again."""
    async with sessions() as session:
        due = await _claim(session, rules, 1)
        if not due:
            return False
        timer_id = due[0].timer_id
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
    passed over until that is committed and has cancelled them. Tasks first: whoever has a task has
    its timers, and may cancel them without waiting."""
    rows = await session.execute(
        _READ.where(_TIMER.c.due_at <= rules.clock.now())
        .limit(limit)
        .with_for_update(of=[_TASK, _TIMER], skip_locked=True)
    )
    return list(rows)


async def _fire(session: AsyncSession, due: Sequence[Due], rules: Rules) -> None:
    now = rules.clock.now()
    settings = {la: rules.policy.settings(la) for la in {one.la or one.case_la for one in due}}
    ended: list[UUID] = []
    again: list[tuple[UUID, datetime]] = []
    silent: dict[str, list[Due]] = {kind: [] for kind in _EFFECTS}
    acting = {one.timer_id: one.case_id for one in due if one.kind in _EFFECTS and _applies(one)}
    free = await _lock_cases(session, acting.values())
    for one in due:
        wait = None
        if one.timer_id in acting:
            if one.case_id not in free:
                continue  # it stays due until whoever has it in hand has done, or for the next run
            silent[one.kind].append(one)
        elif _applies(one):
            step = cast(Step, _STEPS.get(one.kind, one.kind))
            tell_reminded(session, one, step=step, at=now, excluded=one.excluded)
            wait = wait_again(one.kind, one.attempts, settings[one.la or one.case_la])
        if wait is None:
            ended.append(one.timer_id)
        else:
            again.append((one.timer_id, now + wait))
    await session.execute(
        _NEXT,
        {"ended": ended, "ids": [row[0] for row in again], "dues": [row[1] for row in again]},
    )
    for kind, some in silent.items():
        await _EFFECTS[kind](session, some, rules)


async def _lock_cases(session: AsyncSession, ids: Collection[UUID]) -> set[UUID]:
    """Those that nobody holds, with all their unfinished tasks, of which nobody has one in hand:
    to wait for either with others' tasks locked could never end. A few at once, so that nobody who
    works one of them waits long; the rest stays due."""
    if not ids:
        return set()
    cases = select(col(CaseFile.id)).where(col(CaseFile.id).in_(ids)).order_by(col(CaseFile.id))
    locked = cases.limit(ACT_AT_ONCE).with_for_update(skip_locked=True)
    free = set(await session.exec(locked))
    theirs = col(Task.case_id).in_(free), col(Task.closed_at).is_(None)
    tasks = select(Task.id, Task.case_id).where(*theirs)
    case_of = dict((await session.exec(tasks)).all())
    in_hand = await session.exec(
        select(Task.id).where(*theirs).order_by(col(Task.id)).with_for_update(skip_locked=True)
    )
    return free - {case_of[task_id] for task_id in case_of.keys() - set(in_hand)}


def _applies(one: Due) -> bool:
    """Belt and braces: what ended a task has cancelled its timers in the same transaction."""
    if one.kind == "unclaimed":
        return bool(one.state == "open" and one.claimed_by_ref is None)
    if one.kind in _WHILE_OPEN:
        return bool(one.state == "open")
    if one.kind == "unanswered":  # of the hub, also once the school has made its call
        return bool(one.state in ("open", "acknowledged"))
    return one.closed_at is None


async def _until_next(sessions: async_sessionmaker[AsyncSession], rules: Rules) -> float:
    async with sessions() as session:
        following = await session.exec(select(func.min(col(Timer.due_at))))
        due_at = following.one()
    if due_at is None:
        return LONGEST_SLEEP
    return min(LONGEST_SLEEP, max(0.01, (due_at - rules.clock.now()) / timedelta(seconds=1)))
