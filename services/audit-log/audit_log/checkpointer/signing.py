"""One look at the log, and one signature where it has grown and is still the log we signed before.

The order is the safety: the head is committed before it is looked at; what is going to be signed is
remembered outside the database before it is signed; the note is public when its row is committed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log import models
from audit_log.checkpointer.keyfile import KeyFile
from audit_log.checkpointer.memory import SignedMemory
from audit_log.merkle import EMPTY_ROOT, verify_consistency
from audit_log.published import checkpoint, prove
from audit_log.reading import NotThere, newest_head
from audit_log.trust.checkpoints import Checkpoint
from audit_log.trust.notes import Note, Signature
from audit_log.trust.signers import sign_note
from audit_log.trust.treehash import Span, consistency_spans
from shared.bus.failpoint import reach

Sessions = async_sessionmaker[AsyncSession]


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

    async def head(self, before: Sequence[Checkpoint]) -> Checkpoint | None:
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
            if size and (await _tiles_say(session, [Span(0, size)], size)) != [root]:
                raise Refusal("log_tiles_differ")
        return head if size else None

    def sign(self, head: Checkpoint, at: datetime) -> Note:
        """The note, remembered before it exists. Only a head that `head` gave may come here."""
        self.memory.write(head)
        return sign_note(str(head), self.keys.signers(), int(at.timestamp()))

    async def publish(
        self, head: Checkpoint, note: Note, lines: dict[str, Signature], at: datetime
    ) -> None:
        """COMMIT POINT: from here on `/checkpoint` shows it. Before it a crash has handed the note
        at most to witnesses; the next start signs the same head, or one that extends it."""
        async with self.sessions() as session:
            row = {"size": head.size, "note": bytes(note).decode(), "at": at}
            await session.execute(insert(models.Checkpoint).values(row).on_conflict_do_nothing())
            await add_cosignatures(session, head.size, lines, at)
            await reach("checkpointer.before-commit")
            await session.commit()
            await reach("checkpointer.after-commit")


async def add_cosignatures(
    session: AsyncSession, size: int, lines: dict[str, Signature], at: datetime
) -> None:
    """lines: by the witness's name in the policy file."""
    rows = [
        {"size": size, "witness": name, "line": str(line), "at": at} for name, line in lines.items()
    ]
    if rows:
        await session.execute(insert(models.Cosignature).values(rows).on_conflict_do_nothing())


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
