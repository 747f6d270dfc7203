"""One look at the log, and one signature where it has grown and is still the log we signed before.

The order is the safety: the head is committed before it is looked at; what is going to be signed is
remembered outside the database before it is signed; the note is public when its row is committed.
That row alone need not be flushed before it is seen: both heads behind it are, and it can be made
again of them.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.checkpointer.keyfile import KeyFile
from audit_log.checkpointer.memory import SignedMemory
from audit_log.merkle import EMPTY_ROOT, CompactRange, verify_consistency
from audit_log.published import checkpoint, prove
from audit_log.reading import NotThere, newest_head
from audit_log.tiles import WIDTH
from audit_log.trust.checkpoints import Checkpoint
from audit_log.trust.notes import Note, Signature
from audit_log.trust.signers import sign_note
from audit_log.trust.treehash import Span, consistency_spans, split_hashes
from shared.bus.failpoint import reach
from shared.db import connect

Sessions = async_sessionmaker[AsyncSession]
# Of a log that has grown by no more than a tile all that follows is leaves.
_NEAR = """
SELECT h.size, h.root, (SELECT max(c.size) FROM checkpoint c) AS signed,
    (SELECT string_agg(e.leaf_hash, ''::bytea ORDER BY e.seq) FROM log_entry e
        WHERE e.seq >= $1 AND e.seq < $1 + 256 AND e.seq < h.size) AS after
FROM (SELECT size, root FROM tree_head ORDER BY size DESC LIMIT 1) h
"""
# Heads that are farther apart than 2^20 are proved from all tiles between.
# What follows the signed size: leaves up to the next full tile, full tiles, leaves after the last.
_GROWN = """
SELECT h.size, h.root, (SELECT max(c.size) FROM checkpoint c) AS signed,
    (SELECT string_agg(e.leaf_hash, ''::bytea ORDER BY e.seq) FROM log_entry e
        WHERE e.seq >= $1 AND e.seq < least(h.size, s.starts)) AS before,
    CASE WHEN h.size > s.starts AND h.size - $1 <= 1048576 THEN
        (SELECT string_agg(t.root, ''::bytea ORDER BY t.index) FROM log_tile t
         WHERE t.level = 0 AND t.index >= s.starts / 256 AND t.index < h.size / 256) END AS tiles,
    CASE WHEN h.size > s.starts THEN
        (SELECT string_agg(e.leaf_hash, ''::bytea ORDER BY e.seq) FROM log_entry e
         WHERE e.seq >= h.size / 256 * 256 AND e.seq < h.size) END AS after
FROM (SELECT size, root FROM tree_head ORDER BY size DESC LIMIT 1) h,
    (SELECT ($1::bigint + 255) / 256 * 256 AS starts) s
"""
# Seen at once, flushed by `settle`: until then a crash of the database's machine can lose it, while
# the head that it signs is flushed in the log and in the memory, of which the next start makes it.
_PUBLISH_ALONE = """
INSERT INTO checkpoint (size, note, at)
SELECT $1, $2, $3 FROM set_config('synchronous_commit', 'off', true) ON CONFLICT DO NOTHING
"""
# Written and committed in order to be flushed, with all that was committed before it.
_SETTLE = "SELECT pg_logical_emit_message(true, 'checkpoint', '')"
# One statement is one transaction: the note is never there without what came with it.
_PUBLISH = """
WITH signed AS (
    INSERT INTO checkpoint (size, note, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
)
INSERT INTO cosignature (size, witness, line, at)
SELECT $1, w.name, w.line, $3 FROM unnest($4::text[], $5::text[]) AS w (name, line)
ON CONFLICT DO NOTHING
"""
_ALONE = "SELECT pg_try_advisory_lock(hashtextextended('checkpointer', 0))"
_HEIGHT = 8  # of a tile


class Refusal(Exception):
    """Nothing is signed until a person has looked. code: the operator alarm."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Signing:
    """What signing needs: the database, the memory outside it, and the keys.

    dsn: of a connection that is kept for the few statements of most rounds. rung: set when the log
    tells that it has grown. unsettled: a published note may not be flushed yet.
    """

    sessions: Sessions
    memory: SignedMemory
    keys: KeyFile
    dsn: str
    rung: asyncio.Event = field(default_factory=asyncio.Event)
    unsettled: bool = False
    _connection: asyncpg.Connection | None = None
    _alone: bool = False

    async def connection(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._alone = False
            self._connection = await connect(self.dsn, "handrail-checkpointer")
            await self._connection.add_listener("log_grown", lambda *_: self.rung.set())
        return self._connection

    async def alone(self) -> bool:
        """Two that sign side by side would do no harm, and no good: the second one waits until the
        first one's connection ends."""
        connection = await self.connection()
        self._alone = self._alone or await connection.fetchval(_ALONE)
        return self._alone

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close(timeout=1)

    async def stored(self) -> Note | None:
        """The newest note that the database has, with the cosignatures it has by now."""
        async with self.sessions() as session:
            return await checkpoint(session)

    def checkpoint(self, tree: CompactRange) -> Checkpoint:
        return Checkpoint(self.keys.origin, tree.size, tree.root())

    async def head(self, before: Sequence[Checkpoint]) -> CompactRange | None:
        """The newest committed head, proved from its tiles to extend every one of `before`.

        None while the log is empty. Raises `Refusal`.
        """
        async with self.sessions() as session:
            # One snapshot for all that follows: what is proved is what is signed.
            await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            newest = await newest_head(session)
            size, root = (newest.size, newest.root) if newest else (0, EMPTY_ROOT)
            head = Checkpoint(self.keys.origin, size, root)
            for earlier in before:
                await _extends(session, head, earlier)
            if newest is None:
                return None
            tree = CompactRange.from_bytes(size, newest.range)
            if tree.root() != root or await _tiles_say(session, [Span(0, size)], size) != [root]:
                raise Refusal("log_tiles_differ")
        return tree

    async def grown(self, tree: CompactRange) -> CompactRange | None:
        """The newest committed head, where it is `tree`, the last that was signed, with the leaves
        and full tiles that follow it added. None where anything is not so: `head` says what is."""
        connection = await self.connection()
        row = await connection.fetchrow(_NEAR, tree.size)
        if row is not None and row["size"] > tree.size + WIDTH:
            row = await connection.fetchrow(_GROWN, tree.size)
        if row is None or row["signed"] != tree.size or row["size"] < tree.size:
            return None
        after = CompactRange(tree.size, tree.hashes)
        for name, height in (("before", 0), ("tiles", _HEIGHT), ("after", 0)):
            for tail in split_hashes(row.get(name) or b""):
                after.append(tail, height)
        return after if (after.size, after.root()) == (row["size"], row["root"]) else None

    def sign(self, head: Checkpoint, at: datetime) -> Note:
        """The note, remembered before it exists. Only what `head` or `grown` gave may come here."""
        self.memory.write(head)
        return sign_note(str(head), self.keys.signers(), int(at.timestamp()))

    async def publish(
        self, head: Checkpoint, note: Note, lines: dict[str, Signature], at: datetime
    ) -> None:
        """lines: by the witness's name in the policy file. Of a note that is there already only
        new cosignatures are added.

        COMMIT POINT: from here on `/checkpoint` shows it. Before it a crash has handed the note at
        most to witnesses; after it, and before `settle`, a crash of the database may lose it.
        Either way the next start publishes the same head first, from the memory.
        """
        await reach("checkpointer.before-commit")
        connection = await self.connection()
        shown = head.size, bytes(note).decode(), at
        if lines:
            told = [str(line) for line in lines.values()]
            await connection.execute(_PUBLISH, *shown, list(lines), told)
        else:
            self.unsettled = True
            await connection.execute(_PUBLISH_ALONE, *shown)
        await reach("checkpointer.after-commit")

    async def settle(self) -> None:
        """Flushes what was published. Before the memory forgets the head of it, this has ended."""
        if self.unsettled:
            await (await self.connection()).execute(_SETTLE)
            self.unsettled = False


async def _extends(session: AsyncSession, head: Checkpoint, earlier: Checkpoint) -> None:
    if earlier.size > head.size:
        raise Refusal("log_rolled_back")
    if earlier.size == 0:
        return
    spans = consistency_spans(earlier.size, head.size)
    proof = await _tiles_say(session, spans, head.size)
    roots = earlier.root, head.root
    if not verify_consistency(earlier.size, head.size, *roots, proof):
        raise Refusal("log_forked")


async def _tiles_say(session: AsyncSession, spans: list[Span], size: int) -> list[bytes]:
    try:
        return await prove(session, spans, size)
    except NotThere as error:
        raise Refusal("log_tiles_differ") from error
