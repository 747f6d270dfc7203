"""What the log holds, as its readers get it: heads, hash tiles, entry bundles, leaf hashes.

Every function takes a session of the reader's (or of any role that may read what it asks for).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select, tuple_
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.merkle import HASH_BYTES
from audit_log.models import LogEntry, LogTile, TreeHead
from audit_log.tiles import WIDTH

_PREFIX_BYTES = 2


class NotThere(LookupError):
    """The log does not reach so far, or what is asked for was pruned."""


@dataclass(frozen=True, slots=True)
class TileAt:
    """The first `width` hashes of a tile; level 0 is that of the leaves."""

    level: int
    index: int
    width: int = WIDTH


async def newest_head(session: AsyncSession) -> TreeHead | None:
    """None while the log is empty."""
    statement = select(TreeHead).order_by(col(TreeHead.size).desc()).limit(1)
    return (await session.execute(statement)).scalar_one_or_none()


async def head_of(session: AsyncSession, size: int) -> TreeHead | None:
    """Heads are kept of the sizes that a batch ended at; None for one between them."""
    return await session.get(TreeHead, size)


async def hash_tile(session: AsyncSession, level: int, index: int, width: int = WIDTH) -> bytes:
    """`width` hashes of 32 bytes. Raises NotThere."""
    (found,) = await hash_tiles(session, [TileAt(level, index, width)])
    return found


async def hash_tiles(session: AsyncSession, wanted: Sequence[TileAt]) -> list[bytes]:
    """In the order asked for; the full ones with one statement. Raises NotThere."""
    full = await _full_tiles(session, wanted)
    tiles = []
    for at in wanted:
        hashes = full.get((at.level, at.index))
        if hashes is None:
            first = at.index * WIDTH
            hashes = await hashes_between(session, at.level, first, first + at.width)
        tiles.append(hashes[: at.width * HASH_BYTES])
    return tiles


async def _full_tiles(
    session: AsyncSession, wanted: Iterable[TileAt]
) -> dict[tuple[int, int], bytes]:
    places = [(at.level, at.index) for at in wanted]
    level, index = col(LogTile.level), col(LogTile.index)
    statement = select(level, index, col(LogTile.hashes)).where(tuple_(level, index).in_(places))
    return {(row[0], row[1]): row[2] for row in await session.execute(statement)}


async def hashes_between(session: AsyncSession, level: int, first: int, end: int) -> bytes:
    """Of a level from `first` to before `end`, from what is stored a level below."""
    number, hashed = (
        (col(LogEntry.seq), col(LogEntry.leaf_hash))
        if level == 0
        else (col(LogTile.index), col(LogTile.root))
    )
    statement = select(hashed).where(number >= first, number < end).order_by(number)
    if level:
        statement = statement.where(col(LogTile.level) == level - 1)
    found = b"".join((await session.execute(statement)).scalars())
    if len(found) != (end - first) * HASH_BYTES:
        raise NotThere
    return found


async def leaf_hashes(session: AsyncSession, first: int, count: int) -> list[bytes]:
    """Of entries `first` and following, from the tiles where the entries were pruned."""
    wanted = [TileAt(0, index) for index in range(first // WIDTH, -(-(first + count) // WIDTH))]
    full = await _full_tiles(session, wanted)
    joined = b""
    for at in wanted:
        start, end = at.index * WIDTH, min((at.index + 1) * WIDTH, first + count)
        hashes = full.get((0, at.index)) or await hashes_between(session, 0, start, end)
        joined += hashes[max(0, first - start) * HASH_BYTES : (end - start) * HASH_BYTES]
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]


async def payloads(session: AsyncSession, first: int, count: int) -> list[bytes]:
    """The entries' bytes. Raises NotThere where one is not (any more) there."""
    seq = col(LogEntry.seq)
    statement = select(col(LogEntry.payload)).where(seq >= first, seq < first + count)
    found = list((await session.execute(statement.order_by(seq))).scalars())
    if len(found) != count:
        raise NotThere
    return found


async def entry_bundle(session: AsyncSession, index: int, width: int = WIDTH) -> bytes:
    """The first `width` entries of a bundle, each after its length in two bytes."""
    entries = await payloads(session, index * WIDTH, width)
    return b"".join(len(entry).to_bytes(_PREFIX_BYTES, "big") + entry for entry in entries)
