"""The sequencer's statements: what one append asks of the database, on one connection.

begin (lock, head: one round trip) → COPY of the rows → end (tiles, head, offset: one). What is in
the log already makes the COPY fail: then the batch is taken event by event, with the ids looked up.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from audit_log.merkle import CompactRange
from audit_log.tiles import FullTile, grow, needs_earlier

# The columns of log_entry in the order of a row.
COLUMNS: Final = (
    "seq", "event_id", "type", "occurred_at", "recorded_at", "producer", "producer_sequence",
    "subject", "task_id", "topic", "partition", "offset", "payload", "leaf_hash",
)  # fmt: skip
Row = tuple[Any, ...]
Place = tuple[str, int, int]
_SEQ, _EVENT, _LEAF = 0, 1, len(COLUMNS) - 1
_BEGIN = "SELECT * FROM log_begin($1, $2, $3, $4, $5)"
_END = "SELECT log_end($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
_EARLIER = """
SELECT coalesce(string_agg(root, ''::bytea ORDER BY index), ''::bytea) FROM log_tile
WHERE level = $1 - 1 AND index >= $2 AND index < $3
"""


@dataclass
class Tail:
    """The leaf hashes behind the last full tile of a tree of `size`, kept from append to append.

    The lock's holder checks that the log has that size; otherwise the database tells them anew.
    """

    size: int = -1
    hashes: bytes = b""


@dataclass
class Started:
    """Under the lock. next_offset: of the batch's partition, None where it never was here."""

    next_offset: int | None
    tree: CompactRange
    tail: bytes
    known: list[UUID]
    erased: list[UUID]
    first: int = field(init=False)

    def __post_init__(self) -> None:
        self.first = self.tree.size


async def begin(
    connection: asyncpg.Connection,
    place: tuple[str, int],
    ids: Sequence[UUID],
    subjects: Sequence[UUID],
    tail: Tail,
) -> Started:
    """Locks the log until the transaction ends. ids, subjects: to be told which of them it has."""
    row = await connection.fetchrow(_BEGIN, *place, ids, subjects, tail.size)
    hashes = tail.hashes if row["size"] == tail.size else row["tail"] or b""
    tree = CompactRange.from_bytes(row["size"], row["range"] or b"")
    return Started(row["next_offset"], tree, hashes, row["known"], row["erased"])


async def copy_rows(connection: asyncpg.Connection, rows: Sequence[Row]) -> None:
    events = [(row[_EVENT], row[_SEQ]) for row in rows]
    await connection.copy_records_to_table("log_event", records=events, columns=("event_id", "seq"))
    await connection.copy_records_to_table("log_entry", records=rows, columns=COLUMNS)


async def copy_and_grow(
    connection: asyncpg.Connection, started: Started, rows: Sequence[Row]
) -> list[FullTile]:
    """Copies the rows, and grows the tree by them while PostgreSQL takes them in."""
    leaves = [row[_LEAF] for row in rows]
    earlier = {
        asked: await connection.fetchval(_EARLIER, *asked)
        for asked in needs_earlier(started.first, len(leaves))
    }
    copying = asyncio.create_task(copy_rows(connection, rows))
    await asyncio.sleep(0)  # the first of it is on its way
    try:
        tiles, started.tail = grow(
            started.tree, leaves, started.tail, lambda *asked: earlier[asked]
        )
    finally:
        await copying
    return tiles


async def end(
    connection: asyncpg.Connection,
    place: Place,
    started: Started,
    tiles: list[FullTile],
    at: datetime,
) -> Tail:
    """Writes full tiles, the head where the tree has grown, and the offset.

    place: topic, partition, and the offset to go on from.
    """
    tree = started.tree
    grown = (tree.size, tree.root(), tree.to_bytes(), at)
    await connection.execute(
        _END, *place, *(grown if tree.size > started.first else (None,) * 4),
        [tile.level for tile in tiles], [tile.index for tile in tiles],
        [tile.root for tile in tiles], [tile.hashes for tile in tiles],
    )  # fmt: skip
    return Tail(tree.size, started.tail)
