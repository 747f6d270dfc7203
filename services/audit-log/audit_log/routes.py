"""The log over REST: its root for anyone, its entries for auditors."""

import base64
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.merkle import EMPTY_ROOT
from audit_log.models import LogEntry, LogEvent
from audit_log.readers import Reading
from audit_log.reading import newest_head
from audit_log.settings import waits_for
from audit_log.unaccounted import unaccounted
from shared.app import open_session, runtime_of
from shared.auth import Principal, forbidden, public, requires
from shared.errors import Problem

router = APIRouter(prefix="/v1/log", tags=["audit log"])

Session = Annotated[AsyncSession, Depends(open_session)]
Auditor = Annotated[Principal, Depends(requires("auditor"))]
Watcher = Annotated[Principal, Depends(requires("auditor", "operator"))]


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _whole_log(who: Principal) -> None:
    """Entries are told apart by authority only later: until then a narrowed grant sees none."""
    if not who.holds("auditor", route=None, la=None, urn=None):
        raise forbidden()


def _shown(entry: LogEntry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "event_id": str(entry.event_id),
        "type": entry.type,
        "subject": str(entry.subject) if entry.subject else None,
        "occurred_at": entry.occurred_at.isoformat(),
        "recorded_at": entry.recorded_at.isoformat(),
        "producer": entry.producer,
        "producer_sequence": entry.producer_sequence,
        "topic": entry.topic,
        "partition": entry.partition,
        "offset": entry.offset,
        "entry": entry.payload.decode(),
        "leaf_hash": _b64(entry.leaf_hash),
    }


@router.get("/root", dependencies=[Depends(public())])
async def read_root(session: Reading) -> dict[str, Any]:
    """The newest head: how many entries the log has, and the root of the tree they make."""
    head = await newest_head(session)
    if head is None:
        return {"size": 0, "root": _b64(EMPTY_ROOT), "at": None}
    return {"size": head.size, "root": _b64(head.root), "at": head.at.isoformat()}


@router.get("/entries")
async def read_entries(
    who: Auditor,
    session: Reading,
    after: Annotated[int, Query(ge=-1, le=2**62)] = -1,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Entries in the log's order. `entry` is the leaf: its UTF-8 bytes are what is hashed."""
    _whole_log(who)
    statement = select(LogEntry).where(col(LogEntry.seq) > after).order_by(col(LogEntry.seq))
    entries = (await session.execute(statement.limit(limit))).scalars().all()
    following = entries[-1].seq if len(entries) == limit else None
    return {"entries": [_shown(entry) for entry in entries], "next": following}


@router.get("/entries/{seq}")
async def read_entry(who: Auditor, session: Reading, seq: int) -> dict[str, Any]:
    _whole_log(who)
    entry = await session.get(LogEntry, seq) if 0 <= seq < 2**62 else None
    return _shown(_found(entry))


@router.get("/by-event/{event_id}")
async def read_by_event(who: Auditor, session: Reading, event_id: UUID) -> dict[str, Any]:
    _whole_log(who)
    event = await session.get(LogEvent, event_id)
    entry = await session.get(LogEntry, event.seq) if event else None
    return _shown(_found(entry))


@router.get("/unaccounted")
async def read_unaccounted(_: Watcher, session: Session, request: Request) -> dict[str, Any]:
    """What should have been followed by something and was not. It must be empty."""
    runtime = runtime_of(request)
    return await unaccounted(session, runtime.clock.now(), waits_for(runtime))


def _found(entry: LogEntry | None) -> LogEntry:
    if entry is None:
        raise Problem(404, "not-found", "The log has no such entry.")
    return entry
