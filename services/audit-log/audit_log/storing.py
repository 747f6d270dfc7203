"""The sequencer's statements: what one append asks of the database, on one connection.

begin (lock, head: one round trip) → COPY of the rows → end (tiles, head, offset: one). Of a few
events all of it is one statement, where the log is as its last append here left it. What is in the
log already makes either fail: then the batch is taken event by event, with the ids looked up.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from audit_log import copyform
from audit_log.copyform import Row
from audit_log.merkle import CompactRange
from audit_log.tiles import WIDTH, FullTile, grow, needs_earlier

# The columns of log_entry in the order of a row.
COLUMNS: Final = (
    "seq", "event_id", "type", "occurred_at", "recorded_at", "producer", "producer_sequence",
    "subject", "task_id", "topic", "partition", "offset", "payload", "leaf_hash",
)  # fmt: skip
Place = tuple[str, int, int]
Salt = tuple[UUID, UUID | None, bytes]
_LEAF: Final = len(COLUMNS) - 1
# Columns that a statement with arrays is told row by row.
_TOLD: Final = tuple(
    COLUMNS.index(name)
    for name in (
        "event_id", "type", "occurred_at", "producer", "producer_sequence", "subject", "task_id",
        "offset", "payload", "leaf_hash",
    )
)  # fmt: skip
# More than these are copied faster.
_FEW: Final = 32
_APPEND: Final = f"SELECT log_append({', '.join(f'${nr}' for nr in range(1, 24))})"
_BEGIN = "SELECT * FROM log_begin($1, $2, $3, $4, $5)"
_END = "SELECT log_end($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
_EARLIER = """
SELECT coalesce(string_agg(root, ''::bytea ORDER BY index), ''::bytea) FROM log_tile
WHERE level = $1 - 1 AND index >= $2 AND index < $3
"""


@dataclass
class Tail:
    """The leaf hashes behind the last full tile of a tree of `size`, kept from append to append;
    range: the tree's own.

    The lock's holder checks that the log has that size; otherwise the database tells them anew.
    """

    size: int = -1
    hashes: bytes = b""
    range: bytes = b""

    def takes_at_once(self, count: int) -> bool:
        """Whether so many entries fit into one statement: known is the end, and no tile fills."""
        return self.size >= 0 and count <= _FEW and self.size % WIDTH + count < WIDTH


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


async def append_at_once(
    connection: asyncpg.Connection,
    place: Place,
    before: Tail,
    rows: Sequence[Row],
    salts: Sequence[Salt],
) -> Tail | None:
    """The whole append in one round trip, committed. place: topic, partition, following offset.

    None, and nothing done, where the log is not as `before` says, the partition's stored offset is
    another than the first row's, or a concern is erased. COMMIT POINT: the statement is its own
    transaction.
    """
    tree = CompactRange.from_bytes(before.size, before.range)
    _, after = grow(tree, [row[_LEAF] for row in rows], before.hashes, _nothing_earlier)
    now = rows[0][COLUMNS.index("recorded_at")]
    done = await connection.fetchval(
        _APPEND, *place, rows[0][COLUMNS.index("offset")], before.size, before.range,
        *([row[nr] for row in rows] for nr in _TOLD), *_columns(salts),
        tree.size, tree.root(), tree.to_bytes(), now,
    )  # fmt: skip
    return Tail(tree.size, after, tree.to_bytes()) if done else None


def _columns(salts: Sequence[Salt]) -> Iterable[list[Any]]:
    return ([salt[nr] for salt in salts] for nr in range(3))


def _nothing_earlier(level: int, first: int, end: int) -> bytes:  # noqa: ARG001 - tiles.Earlier
    raise AssertionError("no tile was to fill")


async def copy_and_grow(
    connection: asyncpg.Connection, started: Started, count: int, parts: Iterable[Sequence[Row]]
) -> list[FullTile]:
    """Copies the rows while they are made, part by part, and grows the tree by them while
    PostgreSQL takes in their ids. count: how many there will be."""
    earlier = {
        asked: await connection.fetchval(_EARLIER, *asked)
        for asked in needs_earlier(started.first, count)
    }
    leaves: list[bytes] = []
    ids: list[tuple[bytes, int]] = []
    source = copyform.entries(_noted(parts, leaves), ids)
    await connection.copy_to_table("log_entry", source=source, columns=COLUMNS, format="binary")
    source, columns = copyform.events(ids), ("event_id", "seq")
    copying = asyncio.create_task(
        connection.copy_to_table("log_event", source=source, columns=columns, format="binary")
    )
    await asyncio.sleep(0)  # the first of it is on its way
    try:
        tiles, started.tail = grow(
            started.tree, leaves, started.tail, lambda *asked: earlier[asked]
        )
    finally:
        await copying
    return tiles


def _noted(parts: Iterable[Sequence[Row]], leaves: list[bytes]) -> Iterable[Sequence[Row]]:
    for part in parts:
        leaves += [row[_LEAF] for row in part]
        yield part


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
    return Tail(tree.size, started.tail, tree.to_bytes())
