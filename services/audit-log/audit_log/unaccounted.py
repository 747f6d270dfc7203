"""The reconciler: what the log's own entries show to be without the step that had to follow."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql import Select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.models import LogEntry
from audit_log.unanswered import failed_notices, unacknowledged_p0, untold_tasks

# What is listed is enough to act on; the counts are exact.
LISTED = 200
KINDS = (
    "concerns_without_case",
    "tasks_without_notice",
    "notices_failed",
    "p0_unacknowledged",
    "missing_sequences",
)
_OWNED_BY = ("route", "owner", "owner_role")

Json = dict[str, Any]


async def unaccounted(session: AsyncSession, now: datetime, after: timedelta) -> Json:
    """Everything that has waited for longer than `after`. All lists empty: nothing went silent."""
    before = now - after
    found = {
        "concerns_without_case": await _listed(session, _undecided_concerns(before), now),
        "tasks_without_notice": await _listed(session, untold_tasks(before), now),
        "notices_failed": await _listed(session, failed_notices(before), now),
        "p0_unacknowledged": await _listed(session, unacknowledged_p0(before), now),
        "missing_sequences": await _gaps(session, before) + await _lost_tails(session, before),
    }
    return {"as_of": now.isoformat(), **found, "count": sum(counts(found).values())}


def counts(found: Json) -> dict[str, int]:
    """How many there are of each kind."""
    told = {kind: found[kind] for kind in KINDS}
    return {k: len(v) if isinstance(v, list) else v["count"] for k, v in told.items()}


def _undecided_concerns(before: datetime) -> "Select[*tuple[Any, ...]]":
    later = aliased(LogEntry)
    # A dead letter of escalation accounts for it: it is open, counted, and a person's to read.
    followed = (
        select(1)
        .where(
            col(later.subject) == col(LogEntry.subject),
            (col(later.type) == "case.opened")
            | ((col(later.type) == "dead_letter.recorded") & (col(later.producer) == "escalation")),
        )
        .exists()
    )
    return select(col(LogEntry.subject), col(LogEntry.occurred_at), col(LogEntry.seq)).where(
        col(LogEntry.type) == "concern.raised", col(LogEntry.occurred_at) < before, ~followed
    )


async def _listed(session: AsyncSession, found: "Select[*tuple[Any, ...]]", now: datetime) -> Json:
    count = (await session.execute(select(func.count()).select_from(found.subquery()))).scalar_one()
    rows = await session.execute(found.order_by(col(LogEntry.seq)).limit(LISTED))
    return {"count": count, "listed": [_shown(now, *row) for row in rows]}


def _shown(now: datetime, about: object, since: datetime, seq: int, *payload: bytes) -> Json:
    """Ids, an age, and of a task whose it is: a post or a team, as the packs name it."""
    age = int((now - since).total_seconds())
    shown = {"id": str(about), "since": since.isoformat(), "age_seconds": age, "seq": seq}
    data = json.loads(payload[0]).get("data", {}) if payload else {}
    return shown | {name: data[name] for name in _OWNED_BY if name in data}


async def _gaps(session: AsyncSession, before: datetime) -> list[Json]:
    """Runs missing from a producer's count, below an entry that has been here for long enough.

    Events of different concerns may overtake each other on the bus, so a fresh gap means nothing.
    """
    previous = func.lag(col(LogEntry.producer_sequence), 1, 0).over(
        partition_by=col(LogEntry.producer), order_by=col(LogEntry.producer_sequence)
    )
    counted = (
        select(
            col(LogEntry.producer).label("producer"),
            col(LogEntry.producer_sequence).label("sequence"),
            col(LogEntry.recorded_at).label("recorded_at"),
            previous.label("previous"),
        )
        .where(col(LogEntry.producer).is_not(None))
        .subquery()
    )
    rows = await session.execute(
        select(counted.c.producer, counted.c.previous, counted.c.sequence)
        .where(counted.c.sequence > counted.c.previous + 1, counted.c.recorded_at < before)
        .order_by(counted.c.producer, counted.c.sequence)
        .limit(LISTED)
    )
    return [_missing(producer, first + 1, end - 1) for producer, first, end in rows]


async def _lost_tails(session: AsyncSession, before: datetime) -> list[Json]:
    """Counts that a producer closed at a number which the log has not reached."""
    closed = await session.execute(
        select(col(LogEntry.payload))
        .where(col(LogEntry.type).like("%.producer\\_closed"), col(LogEntry.recorded_at) < before)
        .order_by(col(LogEntry.seq).desc())
        .limit(LISTED)
    )
    last = _last_closed(closed.scalars().all())
    if not last:
        return []
    reached = await session.execute(
        select(col(LogEntry.producer), func.max(col(LogEntry.producer_sequence)))
        .where(col(LogEntry.producer).in_(last))
        .group_by(col(LogEntry.producer))
    )
    seen = {row[0]: row[1] for row in reached}
    return [
        _missing(producer, (seen.get(producer) or 0) + 1, number)
        for producer, number in sorted(last.items())
        if number > (seen.get(producer) or 0)
    ]


def _last_closed(payloads: Sequence[bytes]) -> dict[str, int]:
    last: dict[str, int] = {}
    for payload in payloads:
        data = json.loads(payload).get("data", {})
        if "producer" in data:
            name = data["producer"]
            last[name] = max(last.get(name, 0), data["last_sequence"])
    return last


def _missing(producer: str, first: int, last: int) -> Json:
    return {"producer": producer, "from": first, "to": last}
