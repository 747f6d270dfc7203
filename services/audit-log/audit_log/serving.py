"""The log as anyone's verifier reads it: checkpoints and hashes for all, entries for auditors."""

import base64
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.models import LogEvent, TreeHead
from audit_log.published import checkpoint, proof_file, prove, tiles, was_published
from audit_log.readers import Reading
from audit_log.reading import NotThere, entry_bundle, newest_head
from audit_log.trust.plain import Malformed
from audit_log.trust.tilepaths import ENTRIES, Tile, parse_path
from audit_log.trust.treehash import Span, consistency_spans, inclusion_spans
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
async def read_bundle(who: Auditor, session: Reading, path: str) -> Response:
    """Up to 256 entries, each behind its length; for auditors of the whole log alone."""
    if not who.holds("auditor", route=None, la=None, urn=None):
        raise forbidden()
    tile = await _published(session, f"entries/{path}")
    try:
        data = await entry_bundle(session, tile.number, tile.width)
    except NotThere:
        raise _no_such_tile() from None
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
    who: Auditor, session: Reading, seq: Annotated[int, Path(ge=0, le=2**62)]
) -> Response:
    """A file that proves the entry to whoever has the log's key, for ever and offline.

    For auditors of the whole log it holds the entry too; for others the hashes alone.
    """
    whole = who.holds("auditor", route=None, la=None, urn=None)
    try:
        made = await proof_file(session, seq, with_entry=whole)
    except NotThere:
        detail = "No checkpoint of the log holds that entry yet; try again in a second."
        raise Problem(404, "not-in-the-tree", detail, headers=_NOT_KEPT) from None
    return Response(
        bytes(made),
        headers={
            "Content-Disposition": f'attachment; filename="entry-{seq}.tlog-proof"',
            "Cache-Control": "no-store",
        },
        media_type="text/plain; charset=utf-8",
    )


@proofs.get("/event/{event_id}.tlog-proof")
async def event_proof_file(who: Auditor, session: Reading, event_id: UUID) -> Response:
    """The same, by the id of the event."""
    event = await session.get(LogEvent, event_id)
    if event is None:
        raise Problem(404, "not-found", "The log has no such entry.")
    return await entry_proof_file(who, session, event.seq)


async def _size(session: AsyncSession, size: int | None) -> int:
    head: TreeHead | None = await newest_head(session)
    newest = head.size if head else 0
    if (size or newest) > newest or newest == 0:
        raise Problem(404, "no-such-head", "The log has no head of that size; ask for its root.")
    return newest if size is None else size
