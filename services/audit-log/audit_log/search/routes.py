"""Entries over REST: searched, read, and each with its proof; every time told to the log first."""

import base64
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.models import LogEntry
from audit_log.readers import Reading
from audit_log.search.exporting import Form, stream
from audit_log.search.filters import Search
from audit_log.search.finding import by_event, catch_up, count, find, one, size_of
from audit_log.search.proving import Proof, prove_all, root_of, tree_size
from audit_log.search.readers import Reader, reader_of
from audit_log.search.recording import record_read, record_search
from audit_log.trust.plain import MAX_SIZE
from shared.app import open_session, runtime_of
from shared.auth import Principal, requires
from shared.errors import Problem

router = APIRouter(prefix="/v1/log", tags=["audit log"])

Session = Annotated[AsyncSession, Depends(open_session)]
Auditor = Annotated[Principal, Depends(requires("auditor"))]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def shown(entry: LogEntry) -> dict[str, Any]:
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
        "leaf_hash": b64(entry.leaf_hash),
    }


def not_found() -> Problem:
    return Problem(404, "not-found", "The log has no such entry, or you may not know of it.")


@router.get("/entries")
async def read_entries(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    who: Auditor,
    session: Session,
    reading: Reading,
    asked: Annotated[Search, Query()],
) -> dict[str, Any]:
    """Entries in the log's order. `entry` is the leaf: its UTF-8 bytes are what is hashed."""
    await catch_up(session)
    reader = await reader_of(request, session, who)
    below = min(await size_of(reading), asked.size or MAX_SIZE)
    page = await find(reading, reader, asked, after=asked.after, below=below, limit=asked.limit)
    proofs, tree = await _proofs(reading, asked, page.entries) if asked.proofs else ({}, None)
    total = (
        await count(reading, reader, asked, after=asked.after, below=below) if asked.total else None
    )
    runtime = runtime_of(request)
    await record_search(
        session, runtime, reader, asked, what="search", after=asked.after, found=len(page.entries)
    )
    response.headers["Cache-Control"] = "no-store"
    rows = [shown(entry) | _with(proofs, entry, proving=tree is not None) for entry in page.entries]
    answer: dict[str, Any] = {"entries": rows, "next": page.next}
    if tree is not None:
        answer["tree"] = tree
    if total is not None:
        answer["total"] = total
    return answer


@router.get("/entries/{seq}")
async def read_entry(
    request: Request, who: Auditor, session: Session, reading: Reading, seq: int
) -> dict[str, Any]:
    reader = await prepared(request, session, who)
    entry = await one(reading, reader, seq) if 0 <= seq < 2**62 else None
    return await _shown_once(request, session, reader, entry)


@router.get("/by-event/{event_id}")
async def read_by_event(
    request: Request, who: Auditor, session: Session, reading: Reading, event_id: UUID
) -> dict[str, Any]:
    reader = await prepared(request, session, who)
    return await _shown_once(request, session, reader, await by_event(reading, reader, event_id))


@router.get("/export.{form}")
async def export(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    who: Auditor,
    session: Session,
    reading: Reading,
    form: Form,
    asked: Annotated[Search, Query()],
) -> Response:
    """All that fits as a file that verifies offline; `handrail audit export` writes the same."""
    reader = await prepared(request, session, who)
    return await stream(request, session, reading, reader, asked=asked, form=form)


async def prepared(request: Request, session: AsyncSession, who: Principal) -> Reader:
    """Whom a reader may not hear of is known only when the index is up to date."""
    await catch_up(session)
    return await reader_of(request, session, who)


async def _shown_once(
    request: Request, session: AsyncSession, reader: Reader, entry: LogEntry | None
) -> dict[str, Any]:
    if entry is None:
        raise not_found()
    answer = shown(entry)
    await record_read(
        session, runtime_of(request), reader, "entry", concern=entry.subject, seq=entry.seq
    )
    return answer


async def _proofs(
    reading: AsyncSession, asked: Search, entries: Any
) -> tuple[dict[int, Proof], dict[str, Any]]:
    size = await tree_size(reading, asked.size)
    proofs = await prove_all(reading, [entry.seq for entry in entries], size)
    return proofs, {"size": size, "root": b64(await root_of(reading, size))}


def _with(proofs: dict[int, Proof], entry: LogEntry, *, proving: bool) -> dict[str, Any]:
    """proof: null where the tree does not hold the entry yet."""
    if not proving:
        return {}
    proof = proofs.get(entry.seq)
    return {"proof": None if proof is None else [b64(hashed) for hashed in proof]}
