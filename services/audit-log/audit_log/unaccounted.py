"""The reconciler: what the log's own entries show to be without the step that had to follow."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.following import follow
from audit_log.models import TreeHead
from audit_log.watched import (
    WatchCursor,
    WatchedConcern,
    WatchedGap,
    WatchedProducer,
    WatchedRepeat,
    WatchedTask,
)

# What is listed is enough to act on; the counts are exact.
LISTED = 200
KINDS = (
    "concerns_without_case",
    "tasks_without_notice",
    "notices_failed",
    "p0_unacknowledged",
    "missing_sequences",
    "repeated_sequences",
)
# A request takes in no more than this many chunks of what is new; the watchman takes in the rest.
_CHUNKS = 20

Json = dict[str, Any]


async def unaccounted(session: AsyncSession, now: datetime, after: timedelta) -> Json:
    """Everything that has waited for longer than `after`. All lists empty: nothing went silent.

    not_looked_at: how many of the newest entries are not in the answer yet.
    """
    for _ in range(_CHUNKS):
        if not await follow(session):
            break
    before = now - after
    found = {
        "concerns_without_case": await _concerns(session, now, before),
        "tasks_without_notice": await _tasks(session, now, before, ~col(WatchedTask.told)),
        "notices_failed": await _tasks(session, now, before, col(WatchedTask.failed).is_(True)),
        "p0_unacknowledged": await _tasks(session, now, before, col(WatchedTask.urgent).is_(True)),
        "missing_sequences": await _missing(session, now, before),
        "repeated_sequences": await _repeated(session, now),
    }
    seen = (await session.execute(select(col(WatchCursor.next_seq)))).scalar_one()
    size = (await session.execute(select(func.max(col(TreeHead.size))))).scalar_one() or 0
    count = sum(counts(found).values())
    return {"as_of": now.isoformat(), "not_looked_at": size - seen, **found, "count": count}


def counts(found: Json) -> dict[str, int]:
    """How many there are of each kind."""
    return {kind: found[kind]["count"] for kind in KINDS}


async def _concerns(session: AsyncSession, now: datetime, before: datetime) -> Json:
    open_ = (col(WatchedConcern.raised_at) < before, ~col(WatchedConcern.accounted))
    count = select(func.count()).select_from(WatchedConcern).where(*open_)
    rows = await session.execute(
        select(WatchedConcern).where(*open_).order_by(col(WatchedConcern.raised_seq)).limit(LISTED)
    )
    listed = [
        {"id": str(row.subject), **_age(now, row.raised_at), "seq": row.raised_seq}
        | {"owner": "the operator of escalation"}
        for row in rows.scalars()
    ]
    return {"count": (await session.execute(count)).scalar_one(), "listed": listed}


async def _tasks(
    session: AsyncSession, now: datetime, before: datetime, waits: ColumnElement[bool]
) -> Json:
    """Of each task its id, its age, and whose it is: a post or a team, as the packs name it."""
    open_ = (col(WatchedTask.opened_at) < before, ~col(WatchedTask.answered), waits)
    count = select(func.count()).select_from(WatchedTask).where(*open_)
    rows = await session.execute(
        select(WatchedTask).where(*open_).order_by(col(WatchedTask.opened_seq)).limit(LISTED)
    )
    listed = [
        {"id": str(row.task_id), **_age(now, row.opened_at), "seq": row.opened_seq}
        | {"route": row.route, "owner": row.owner, "owner_role": row.owner_role}
        for row in rows.scalars()
    ]
    return {"count": (await session.execute(count)).scalar_one(), "listed": listed}


async def _missing(session: AsyncSession, now: datetime, before: datetime) -> Json:
    """Runs missing from a producer's count: below a number that has been here for long enough, or
    above all of them where the producer has closed its count higher."""
    gaps = await session.execute(
        select(WatchedGap)
        .where(col(WatchedGap.since) < before)
        .order_by(col(WatchedGap.producer), col(WatchedGap.first))
    )
    runs = [(gap.producer, gap.first, gap.last, gap.since) for gap in gaps.scalars()]
    tails = await session.execute(
        select(WatchedProducer)
        .where(
            col(WatchedProducer.closed) > col(WatchedProducer.highest),
            col(WatchedProducer.closed_at) < before,
        )
        .order_by(col(WatchedProducer.name))
    )
    runs += [(row.name, row.highest + 1, row.closed, row.closed_at) for row in tails.scalars()]
    return {"count": len(runs), "listed": _runs(now, runs[:LISTED])}


async def _repeated(session: AsyncSession, now: datetime) -> Json:
    """Numbers that a producer gave to two events: one of them was made up, or its count went back.
    No time makes that right, so none is waited for."""
    count = select(func.count()).select_from(WatchedRepeat)
    rows = await session.execute(
        select(WatchedRepeat).order_by(col(WatchedRepeat.seq)).limit(LISTED)
    )
    listed = [
        {"producer": row.producer, "number": row.number, **_age(now, row.since), "seq": row.seq}
        | {"owner": f"the operator of {row.producer.partition('/')[0]}"}
        for row in rows.scalars()
    ]
    return {"count": (await session.execute(count)).scalar_one(), "listed": listed}


def _runs(now: datetime, runs: Sequence[tuple[str, int, int, datetime | None]]) -> list[Json]:
    return [
        {"producer": producer, "from": first, "to": last, **_age(now, since)}
        | {"owner": f"the operator of {producer.partition('/')[0]}"}
        for producer, first, last, since in runs
    ]


def _age(now: datetime, since: datetime | None) -> Json:
    assert since is not None  # noqa: S101 - only rows with a time are asked for
    return {"since": since.isoformat(), "age_seconds": int((now - since).total_seconds())}
