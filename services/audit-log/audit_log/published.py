"""The log as others see it: signed checkpoints, and the tiles and proofs that belong to them."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.models import Checkpoint, Cosignature
from audit_log.reading import NotThere, TileAt, hash_tiles, payloads
from audit_log.trust.checkpoints import parse_checkpoint
from audit_log.trust.notes import Note, parse_note, parse_signatures
from audit_log.trust.prooffiles import ProofFile
from audit_log.trust.tilepaths import Tile
from audit_log.trust.treehash import Hashes, Span, inclusion_spans, needed


async def tiles(session: AsyncSession, wanted: Iterable[Tile]) -> dict[Tile, bytes]:
    """Raises `reading.NotThere`."""
    asked = list(wanted)
    found = await hash_tiles(session, [TileAt(*tile) for tile in asked])
    return dict(zip(asked, found, strict=True))


async def prove(session: AsyncSession, spans: Sequence[Span], size: int) -> list[bytes]:
    """The hashes of subtrees of the tree of that size: a proof, or with one span its root."""
    return Hashes(await tiles(session, needed(spans, size))).proof(spans)


async def newest_size(session: AsyncSession) -> int:
    """Of the newest checkpoint; 0 where none was signed yet."""
    statement = select(col(Checkpoint.size)).order_by(col(Checkpoint.size).desc()).limit(1)
    return (await session.execute(statement)).scalar_one_or_none() or 0


async def checkpoint(session: AsyncSession, size: int | None = None) -> Note | None:
    """The signed note, the newest or of exactly that size, with all cosignatures it has by now."""
    found = select(Checkpoint).order_by(col(Checkpoint.size).desc()).limit(1)
    if size is not None:
        found = found.where(col(Checkpoint.size) == size)
    row = (await session.execute(found)).scalar_one_or_none()
    if row is None:
        return None
    lines = await session.execute(
        select(col(Cosignature.line))
        .where(col(Cosignature.size) == row.size)
        .order_by(col(Cosignature.witness))
    )
    cosigned = [one for line in lines.scalars() for one in parse_signatures(line)]
    return parse_note(row.note.encode()).with_signatures(*cosigned)


async def was_published(session: AsyncSession, tile: Tile) -> bool:
    """Whether a checkpoint was signed of a tree that has exactly this tile."""
    if tile.full:
        return await newest_size(session) >= tile.needs()
    wider = tile._replace(width=tile.width + 1).needs()
    size = col(Checkpoint.size)
    statement = select(size).where(size >= tile.needs(), size < wider).limit(1)
    return (await session.execute(statement)).first() is not None


async def proof_file(session: AsyncSession, seq: int, *, with_entry: bool) -> ProofFile:
    """That the entry is in the newest checkpoint's tree. Raises `NotThere` where it is in none."""
    note = await checkpoint(session)
    size = parse_checkpoint(note.text).size if note else 0
    if note is None or seq >= size:
        raise NotThere
    proof = await prove(session, inclusion_spans(seq, size), size)
    entry = (await payloads(session, seq, 1))[0] if with_entry else None
    return ProofFile(seq, tuple(proof), note, entry)
