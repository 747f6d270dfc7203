"""Forgets the payloads of old entries, by two people and told in the log; hashes and proofs stay.

Whole partitions go, and nothing else can: the database refuses DELETE. It is done with the
migrator's role, which no running service has.
"""

from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import exists, func, select, text
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.models import Checkpoint, LogEntry, PruneStep
from audit_log.sequencer import SERVICE
from audit_log.watched import WatchCursor, WatchedHold
from shared.events.access import LogPruned
from shared.events.envelope import new_event_id
from shared.outbox import emit

# The longest of the schedules (R-REC-05): whom an entry is about is not looked into, so all are
# kept as long as what shows how child sexual abuse was dealt with.
KEPT: Final = timedelta(days=75 * 366)
Answer = Literal[
    "asked", "pruned", "not_asked", "same_person", "no_boundary", "not_signed", "not_watched",
    "too_new", "done_before", "on_hold",
]  # fmt: skip

_PARTITIONS = text("""
SELECT c.relname AS name,
    substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \\(''?([0-9]+)''?\\)')::bigint AS ends
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'audit_log.log_entry'::regclass ORDER BY ends
""")


async def ask(
    session: AsyncSession, below: int, actor_ref: str, now: datetime, kept: timedelta = KEPT
) -> Answer:
    """The first of the two: nothing is pruned yet. The caller commits."""
    if wrong := await _obstacle(session, below, now, kept):
        return wrong
    if await session.get(PruneStep, (below, "asked")) is None:
        _tell(session, "asked", below, actor_ref, now)
    return "asked"


async def confirm(
    session: AsyncSession, below: int, actor_ref: str, now: datetime, kept: timedelta = KEPT
) -> Answer:
    """The second, who must be someone else. The caller commits: then the payloads are gone.

    COMMIT POINT there: the partitions go and the event that tells of it is written, or neither.
    """
    asked = await session.get(PruneStep, (below, "asked"))
    if asked is None:
        return "not_asked"
    if asked.actor_ref == actor_ref:
        return "same_person"
    if wrong := await _obstacle(session, below, now, kept):
        return wrong
    for name, ends in (await session.execute(_PARTITIONS)).all():
        if ends <= below:
            await session.execute(text(f'DROP TABLE audit_log."{name}"'))
    _tell(session, "pruned", below, actor_ref, now, asked.actor_ref)
    return "pruned"


async def _obstacle(
    session: AsyncSession, below: int, now: datetime, kept: timedelta
) -> Answer | None:
    if await session.get(PruneStep, (below, "pruned")):
        return "done_before"
    ends = {row.ends for row in (await session.execute(_PARTITIONS)).all()}
    if below not in ends:
        return "no_boundary"
    signed = (await session.execute(select(func.max(col(Checkpoint.size))))).scalar_one() or 0
    if signed < below:
        return "not_signed"
    watched = (await session.execute(select(col(WatchCursor.next_seq)))).scalar_one()
    if watched < below:
        return "not_watched"
    newest = select(func.max(col(LogEntry.recorded_at))).where(col(LogEntry.seq) < below)
    last = (await session.execute(newest)).scalar_one()
    if last and last > now - kept:
        return "too_new"
    held = exists().where(
        col(LogEntry.subject) == col(WatchedHold.subject), col(LogEntry.seq) < below
    )
    on_hold = await session.execute(select(col(WatchedHold.subject)).where(held).limit(1))
    return "on_hold" if on_hold.first() else None


def _tell(  # noqa: PLR0917 - the parts of one entry
    session: AsyncSession,
    step: Literal["asked", "pruned"],
    below: int,
    actor_ref: str,
    now: datetime,
    asked_by_ref: str | None = None,
) -> None:
    session.add(PruneStep(below=below, step=step, actor_ref=actor_ref, at=now))
    kind = {"asked": "log.prune_asked", "pruned": "log.pruned"}[step]
    data = LogPruned(below=below, actor_ref=actor_ref, at=now, asked_by_ref=asked_by_ref)
    emit(session, kind, new_event_id(), data, producer=SERVICE, at=now)
