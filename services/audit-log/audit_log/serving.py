"""The log as anyone's verifier reads it: checkpoints and hashes for all, entries for auditors."""

import base64
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.models import TreeHead
from audit_log.published import checkpoint, proof_file, prove, tiles, was_published
from audit_log.readers import Reading
from audit_log.reading import NotThere, entry_bundle, newest_head
from audit_log.search.finding import by_event, one
from audit_log.search.readers import Reader
from audit_log.search.recording import record_bundles, record_read
from audit_log.search.routes import Session, not_found, prepared
from audit_log.trust.plain import Malformed
from audit_log.trust.tilepaths import ENTRIES, Tile, parse_path
from audit_log.trust.treehash import Span, consistency_spans, inclusion_spans
from shared.app import runtime_of
from shared.auth import Principal, forbidden, public, requires
from shared.errors import Problem

files = APIRouter(tags=["audit log"])
proofs = APIRouter(prefix="/v1/log/proof", tags=["audit log"])

Auditor = Annotated[Principal, Depends(requires("auditor"))]
Size = Annotated[int, Query(ge=0, le=2**62)]
_FOR_EVER: Final = "max-age=31536000, immutable"
_BYTES: Final = "application/octet-stream"
# What is not there yet may be in a second; nobody is to remember that it was not.
_NOT_KEPT: Final = {"Cache-Control": "no-store"}


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _no_such_tile() -> Problem:
    detail = "No checkpoint of the log needs that tile; /checkpoint says how far the log goes."
    return Problem(404, "no-such-tile", detail, headers=_NOT_KEPT)


@files.get("/checkpoint", dependencies=[Depends(public())])
async def read_checkpoint(session: Reading) -> Response:
    """The newest signed checkpoint, with the cosignatures that it has by now (a signed note)."""
    note = await checkpoint(session)
    if note is None:
        detail = "Nothing was signed yet; the first checkpoint follows the first entry."
        raise Problem(404, "no-checkpoint", detail, headers=_NOT_KEPT)
    headers = {"Cache-Control": "max-age=1"}
    return Response(bytes(note), headers=headers, media_type="text/plain; charset=utf-8")


# Before the tiles, whose path would fit it too.
@files.get("/tile/entries/{path:path}")
async def read_bundle(
    request: Request, who: Auditor, own: Session, session: Reading, path: str
) -> Response:
    """Up to 256 entries, each behind its length; for auditors of the whole log alone."""
    reader = await prepared(request, own, who)
    if not reader.whole:
        raise forbidden()
    tile = await _published(session, f"entries/{path}")
    try:
        data = await entry_bundle(session, tile.number, tile.width)
    except NotThere:
        raise _no_such_tile() from None
    await record_bundles(own, runtime_of(request), reader)
    return Response(data, headers={"Cache-Control": f"private, {_FOR_EVER}"}, media_type=_BYTES)


@files.get("/tile/{path:path}", dependencies=[Depends(public())])
async def read_tile(session: Reading, path: str) -> Response:
    """256 hashes of one level, or as many as the tree had at a checkpoint."""
    tile = await _published(session, path)
    try:
        found = await tiles(session, [tile])
    except NotThere:
        raise _no_such_tile() from None
    headers = {"Cache-Control": f"public, {_FOR_EVER}"}
    return Response(found[tile], headers=headers, media_type=_BYTES)


async def _published(session: AsyncSession, path: str) -> Tile:
    try:
        tile = parse_path(path)
    except Malformed:
        raise _no_such_tile() from None
    if (tile.level == ENTRIES) != path.startswith("entries/") or not await was_published(
        session, tile
    ):
        raise _no_such_tile()
    return tile


@proofs.get("/inclusion")
async def prove_inclusion(
    _: Auditor, session: Reading, seq: Size, size: Size | None = None
) -> dict[str, Any]:
    """That the entry is in the tree of that size; without a size, in the newest."""
    tree = await _size(session, size)
    if seq >= tree:
        raise Problem(404, "not-in-the-tree", "The tree of that size does not hold that entry yet.")
    leaf, root, *proof = await prove(
        session, [Span(seq, seq + 1), Span(0, tree), *inclusion_spans(seq, tree)], tree
    )
    return {
        "seq": seq,
        "size": tree,
        "root": _b64(root),
        "leaf_hash": _b64(leaf),
        "proof": [_b64(item) for item in proof],
    }


@proofs.get("/consistency")
async def prove_consistency(
    _: Auditor,
    session: Reading,
    old: Annotated[int, Query(alias="from", ge=1, le=2**62)],
    new: Annotated[int | None, Query(alias="to", ge=1, le=2**62)] = None,
) -> dict[str, Any]:
    """That the newer tree is the older one with entries added."""
    newer, older = await _size(session, new), await _size(session, old)
    if older > newer:
        raise Problem(422, "not-older", "`from` is the smaller of the two sizes.")
    spans = consistency_spans(older, newer)
    new_root, *proof = await prove(session, [Span(0, newer), *spans], newer)
    (old_root,) = await prove(session, [Span(0, older)], older)
    return {
        "from": older,
        "to": newer,
        "from_root": _b64(old_root),
        "to_root": _b64(new_root),
        "proof": [_b64(item) for item in proof],
    }


@proofs.get("/entry/{seq}.tlog-proof")
async def entry_proof_file(
    request: Request,
    who: Auditor,
    own: Session,
    session: Reading,
    seq: Annotated[int, Path(ge=0, le=2**62)],
) -> Response:
    """A file that proves the entry to whoever has the log's key, for ever and offline.

    It holds the entry too, for an auditor who may see it; for others the hashes alone.
    """
    reader = await prepared(request, own, who)
    return await entry_proof(request, own, session, reader, seq)


@proofs.get("/event/{event_id}.tlog-proof")
async def event_proof_file(
    request: Request, who: Auditor, own: Session, session: Reading, event_id: UUID
) -> Response:
    """The same, by the id of the event."""
    reader = await prepared(request, own, who)
    entry = await by_event(session, reader, event_id)
    if entry is None:
        raise not_found()
    return await entry_proof(request, own, session, reader, entry.seq)


async def entry_proof(
    request: Request, own: AsyncSession, session: AsyncSession, reader: Reader, seq: int
) -> Response:
    entry = await one(session, reader, seq)
    try:
        made = await proof_file(session, seq, with_entry=entry is not None)
    except NotThere:
        detail = "No checkpoint of the log holds that entry yet; try again in a second."
        raise Problem(404, "not-in-the-tree", detail, headers=_NOT_KEPT) from None
    if entry is not None:
        await record_read(own, runtime_of(request), reader, "proof", concern=entry.subject, seq=seq)
    return Response(
        bytes(made),
        headers={
            "Content-Disposition": f'attachment; filename="entry-{seq}.tlog-proof"',
            "Cache-Control": "no-store",
        },
        media_type="text/plain; charset=utf-8",
    )


async def _size(session: AsyncSession, size: int | None) -> int:
    head: TreeHead | None = await newest_head(session)
    newest = head.size if head else 0
    if (size or newest) > newest or newest == 0:
        raise Problem(404, "no-such-head", "The log has no head of that size; ask for its root.")
    return newest if size is None else size
