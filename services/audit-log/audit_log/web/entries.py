"""Searching entries, one entry with its proof, a concern's story, and files to take away."""

import json
from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from audit_log.auditors.story import Step, story_of
from audit_log.auditors.verified import Signatures, account, signatures
from audit_log.merkle import leaf_hash
from audit_log.published import checkpoint, newest_size
from audit_log.readers import Reading
from audit_log.search.exporting import Form, stream
from audit_log.search.filters import Filters, Search
from audit_log.search.finding import find, one, size_of
from audit_log.search.proving import prove_all
from audit_log.search.recording import record_read, record_search
from audit_log.search.routes import Session, not_found, prepared
from audit_log.serving import entry_proof
from audit_log.settings import policy_of
from audit_log.web import asking
from audit_log.web.words import TAGS, Row, address, instant, row_of
from shared.app import runtime_of
from shared.auth import Principal
from shared.errors import Problem
from shared.web import View, page, page_router, signed_in

router = page_router()
Auditor = Annotated[Principal, Depends(signed_in("auditor"))]
_PAGE = 50


class SearchPage(View):
    """rows: None before anything was asked. exports: addresses by form. size: of what is signed."""

    first: tuple[asking.Field, ...]
    more: tuple[asking.Field, ...]
    more_used: bool
    rows: tuple[Row, ...] | None = None
    next: str | None = None
    exports: Mapping[str, str] | None = None
    size: int = 0


class EntryPage(View):
    row: Row
    recorded: str
    producer: str | None
    sequence: int | None
    actor: str | None
    canonical: str
    indented: str
    leaf: str
    signed: Signatures | None
    sound: bool | None
    verified: tuple[str, ...]
    not_verified: tuple[str, ...]


class Told(View):
    """steps: each with when, as (day and time, step, colour)."""

    concern: UUID
    size: int
    steps: tuple[tuple[str, Step, str], ...]
    proved: int
    waiting: int
    more: bool


@router.get("/audit/entries")
async def search(request: Request, own: Session, reading: Reading, who: Auditor) -> Response:
    asked = asking.read(request.query_params)
    form = {"first": asked.first, "more": asked.more, "more_used": asked.more_used}
    if not request.query_params or asked.filters is None:
        view = SearchPage(title="Search the log", faults=asked.faults, **form)
        return page(request, "audit-log/search.html", view, status=422 if asked.faults else 200)
    after = request.query_params.get("after", "-1")
    behind = int(after) if after.isdigit() and len(after) < 18 else -1  # noqa: PLR2004 - 64 bits
    reader = await prepared(request, own, who)
    below, filters = await size_of(reading), asked.filters
    found = await find(reading, reader, filters, after=behind, below=below, limit=_PAGE)
    size = await newest_size(reading)
    rows = tuple(row_of(entry) for entry in found.entries)
    runtime, count = runtime_of(request), len(rows)
    await record_search(own, runtime, reader, filters, what="search", after=behind, found=count)
    view = SearchPage(
        title="Search the log",
        rows=rows,
        next=_next(request, found.next),
        exports=_exports(filters, size) if size else None,
        size=size,
        **form,
    )
    return page(request, "audit-log/search.html", view)


def _next(request: Request, following: int | None) -> str | None:
    if following is None:
        return None
    return address("/audit/entries", **{**request.query_params, "after": following})


def _exports(filters: Filters, size: int) -> dict[str, str]:
    asked = {**filters.asked(), "size": size}
    return {form: address(f"/audit/export.{form}", **asked) for form in ("jsonl", "csv")}


@router.get("/audit/entries/{seq}")
async def entry_page(
    request: Request, own: Session, reading: Reading, who: Auditor, seq: int
) -> Response:
    reader = await prepared(request, own, who)
    entry = await one(reading, reader, seq) if 0 <= seq < 2**62 else None
    if entry is None:
        raise not_found()
    note = await checkpoint(reading)
    told = signatures(note, policy_of(runtime_of(request))) if note else None
    proof = (await prove_all(reading, [seq], told.size)).get(seq) if told else None
    leaf = leaf_hash(entry.payload)
    judged = account(seq, leaf, proof, note, told) if note and told and proof is not None else None
    await record_read(own, runtime_of(request), reader, "entry", concern=entry.subject, seq=seq)
    data = json.loads(entry.payload).get("data") or {}
    view = EntryPage(
        title=f"Entry {seq}",
        row=row_of(entry),
        recorded=instant(entry.recorded_at),
        producer=entry.producer,
        sequence=entry.producer_sequence,
        actor=data.get("actor_ref") or data.get("reporter_ref"),
        canonical=entry.payload.decode(),
        indented=json.dumps(json.loads(entry.payload), indent=2, ensure_ascii=False),
        leaf=leaf.hex(),
        signed=told,
        sound=judged.sound if judged else None,
        verified=judged.verified if judged else (),
        not_verified=judged.not_verified if judged else (),
    )
    return page(request, "audit-log/entry.html", view)


@router.get("/audit/entries/{seq}/proof")
async def proof_page(
    request: Request, own: Session, reading: Reading, who: Auditor, seq: int
) -> Response:
    reader = await prepared(request, own, who)
    if not 0 <= seq < 2**62 or await one(reading, reader, seq) is None:
        raise not_found()
    return await entry_proof(request, own, reading, reader, seq)


@router.get("/audit/cases/{concern_id}")
async def story_page(
    request: Request, own: Session, reading: Reading, who: Auditor, concern_id: UUID
) -> Response:
    reader = await prepared(request, own, who)
    story = await story_of(request, own, reading, reader, concern_id)
    steps = tuple((instant(step.at), step, TAGS[step.said.what]) for step in story.steps)
    view = Told(
        title=f"The story of {str(concern_id)[-8:].upper()}",
        concern=concern_id,
        size=story.size,
        steps=steps,
        proved=sum(step.proved for step in story.steps),
        waiting=sum(step.proof is None for step in story.steps),
        more=story.more,
    )
    return page(request, "audit-log/story.html", view)


@router.get("/audit/export.{form}")
async def export(
    request: Request, own: Session, reading: Reading, who: Auditor, form: Form
) -> Response:
    asked = Search.model_validate(dict(request.query_params))
    reader = await prepared(request, own, who)
    return await stream(request, own, reading, reader, asked=asked, form=form)


@router.get("/audit/checkpoints/{size}")
async def checkpoint_file(
    reading: Reading, _: Auditor, size: int, beside: Form | None = None
) -> Response:
    """beside: the form of the export that the checkpoint is to lie beside."""
    note = await checkpoint(reading, size) if 0 < size < 2**62 else None
    if note is None:
        raise Problem(404, "no-checkpoint", "No checkpoint of the log has that size.")
    name = f"log-{size}.{beside}.checkpoint" if beside else f"checkpoint-{size}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(bytes(note), headers=headers, media_type="text/plain; charset=utf-8")
