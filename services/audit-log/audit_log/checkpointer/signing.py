"""One look at the log, and one signature where it has grown and is still the log we signed before.

The order is the safety: the head is committed before it is looked at; what is going to be signed is
remembered outside the database before it is signed; the note is public when its row is committed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.checkpointer.keyfile import KeyFile
from audit_log.checkpointer.memory import SignedMemory
from audit_log.merkle import EMPTY_ROOT, CompactRange, verify_consistency
from audit_log.published import checkpoint, prove
from audit_log.reading import NotThere, newest_head
from audit_log.trust.checkpoints import Checkpoint
from audit_log.trust.notes import Note, Signature
from audit_log.trust.signers import sign_note
from audit_log.trust.treehash import Span, consistency_spans, split_hashes
from shared.bus.failpoint import reach

Sessions = async_sessionmaker[AsyncSession]
# More than this at once is proved from its tiles; less by adding its leaves.
_FEW = 4096
_GROWN = text("""
SELECT h.size, h.root, (SELECT max(c.size) FROM checkpoint c) AS signed,
    CASE WHEN h.size - :size <= :few THEN
        (SELECT string_agg(e.leaf_hash, ''::bytea ORDER BY e.seq) FROM log_entry e
         WHERE e.seq >= :size AND e.seq < h.size)
    END AS leaves
FROM tree_head h ORDER BY h.size DESC LIMIT 1
""")
# One statement is one transaction: the note is never there without what came with it.
_PUBLISH = text("""
WITH signed AS (
    INSERT INTO checkpoint (size, note, at) VALUES (:size, :note, :at) ON CONFLICT DO NOTHING
)
INSERT INTO cosignature (size, witness, line, at)
SELECT :size, w.name, w.line, :at
FROM unnest(CAST(:names AS text[]), CAST(:lines AS text[])) AS w (name, line)
ON CONFLICT DO NOTHING
""")


class Refusal(Exception):
    """Nothing is signed until a person has looked. code: the operator alarm."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Signing:
    """What signing needs: the database, the memory outside it, and the keys."""

    sessions: Sessions
    memory: SignedMemory
    keys: KeyFile

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
        that follow it added. None where anything is not so: then `head` says what."""
        async with self.sessions() as session:
            await _each_statement_alone(session)
            values = {"size": tree.size, "few": _FEW}
            row = (await session.execute(_GROWN, values)).first()
        if row is None or row.signed != tree.size or row.size < tree.size:
            return None
        leaves = split_hashes(row.leaves or b"")
        if len(leaves) != row.size - tree.size:
            return None
        after = CompactRange(tree.size, tree.hashes)
        for leaf in leaves:
            after.append(leaf)
        return after if after.root() == row.root else None

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
        most to witnesses; the next start signs the same head, or one that extends it.
        """
        row = {
            "size": head.size, "note": bytes(note).decode(), "at": at,
            "names": list(lines), "lines": [str(line) for line in lines.values()],
        }  # fmt: skip
        await reach("checkpointer.before-commit")
        async with self.sessions() as session:
            await _each_statement_alone(session)
            await session.execute(_PUBLISH, row)
        await reach("checkpointer.after-commit")


async def _each_statement_alone(session: AsyncSession) -> None:
    """Committed by itself, without the round trips of a transaction around it."""
    await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})


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
