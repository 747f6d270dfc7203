"""Appends what the bus brings to the log: each event once, in a gapless order, and nothing skipped.

Not the inbox's way: a record that cannot be read is an entry too, and an event whose id is known is
compared before it is dropped. Several sequencers may run: each partition's batches come to one of
them, and the log's lock lets one append at a time.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import chain

import asyncpg
import structlog
from sqlalchemy import delete, text, update
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.appending import Appending, Prepared, prepare
from audit_log.copyform import Row
from audit_log.deliveries import read_record
from audit_log.known import Known, look_up
from audit_log.models import Commitment, ErasedSubject
from audit_log.storing import Started, Tail, append_at_once, begin, copy_and_grow, end
from audit_log.tiles import FullTile
from shared import telemetry
from shared.bus import Batch
from shared.bus.failpoint import reach
from shared.clock import Clock
from shared.db import connect
from shared.dead_letters import DeadLetter, new_dead_letter, pack, record_dead_letter
from shared.outbox import commit, rollback
from shared.sealing import Sealer

SERVICE = "audit-log"
# Rows that PostgreSQL takes in while as many more are made.
_PART = 128
_LOST = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)

log = structlog.get_logger(__name__)


class Ahead(Exception):
    """The batch begins later than the log has read: what is between must be asked for first."""

    def __init__(self, expected: int) -> None:
        super().__init__("the batch begins later than the log has read")
        self.expected = expected


class _NeedsCare(Exception):
    """Something in the batch may be known, or its concern is erased: it is taken event by event."""


class Sequencer:
    """One member's hold on the log: a connection of its own, and what it remembers of the end."""

    def __init__(
        self, dsn: str, sessions: async_sessionmaker[AsyncSession], sealer: Sealer, clock: Clock
    ) -> None:
        self._dsn, self._sessions, self._sealer, self._clock = dsn, sessions, sealer, clock
        self._connection: asyncpg.Connection | None = None
        self._tail = Tail()

    async def append(self, batch: Batch, *, lost: bool = False) -> int:
        """Appends one partition's batch in one transaction; returns how many entries it added.

        COMMIT POINT at the end: before it the log is as it was and the batch comes again; after it
        the stored offset is past it, and a second delivery finds its events in the log. Raises
        Ahead where records are missing before the batch; with `lost` the log then says which.
        """
        prepared = [prepare(read_record(record)) for record in batch.records]
        return await self.append_prepared(batch, prepared, lost=lost)

    async def append_prepared(
        self, batch: Batch, prepared: Sequence[Prepared], *, lost: bool = False
    ) -> int:
        """The same, of a batch whose entries are made already."""
        if not any(one.odd for one in prepared):
            with suppress(_NeedsCare):
                return await self._append_plainly(batch, prepared, lost=lost)
        return await self._append_with_care(batch, prepared, lost=lost)

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        self._tail = Tail()
        if connection is not None:
            connection.terminate()

    async def _append_plainly(
        self, batch: Batch, prepared: Sequence[Prepared], *, lost: bool
    ) -> int:
        try:
            connection = self._connection
            if connection is None or connection.is_closed():
                await self.close()
                connection = self._connection = await connect(self._dsn, "handrail-sequencer")
            if done := await self._append_at_once(connection, batch, prepared):
                return await self._appended(*done)
            async with connection.transaction():
                appending, tail = await self._append(connection, batch, prepared, None, lost=lost)
                await reach("audit.before-commit")
        except _LOST:
            await self.close()
            raise
        except asyncpg.UniqueViolationError:
            raise _NeedsCare from None  # an id that the log has, or twice in the batch
        except BaseException as error:
            if not isinstance(error, (Ahead, _NeedsCare)):
                await self.close()  # its transaction may be half way: a fresh one knows nothing
            raise
        return await self._appended(appending, tail)

    async def _append_at_once(
        self, connection: asyncpg.Connection, batch: Batch, prepared: Sequence[Prepared]
    ) -> tuple[Appending, Tail] | None:
        """None where they are too many, or the log is not as it was left."""
        if not self._tail.takes_at_once(len(prepared)):
            return None
        appending = Appending(self._tail.size, Known(), self._clock.now())
        rows = appending.add_new(prepared)
        await reach("audit.before-commit")
        place = (batch.topic, batch.partition, batch.following)
        tail = await append_at_once(connection, place, self._tail, rows, appending.salts)
        return (appending, tail) if tail else None

    async def _append_with_care(
        self, batch: Batch, prepared: Sequence[Prepared], *, lost: bool
    ) -> int:
        async with self._sessions() as session:
            try:
                # The driver's statements join the session's transaction once that has begun.
                await session.execute(text("SELECT 1"))
                raw = await (await session.connection()).get_raw_connection()
                connection = raw.driver_connection
                assert connection is not None  # noqa: S101 - in use by this very session
                appending, tail = await self._append(
                    connection, batch, prepared, session, lost=lost
                )
                await self._tidy(session, appending)
                await reach("audit.before-commit")
                await commit(session)
            except BaseException:
                await rollback(session)
                raise
        return await self._appended(appending, tail)

    async def _append(
        self,
        connection: asyncpg.Connection,
        batch: Batch,
        prepared: Sequence[Prepared],
        session: AsyncSession | None,
        *,
        lost: bool,
    ) -> tuple[Appending, Tail]:
        """session: where an event that is known, or erased, can be looked into."""
        place = (batch.topic, batch.partition)
        ids = [one.entry_id for one in prepared] if session else []
        # Only a salt that would be kept must not be one of an erased concern's.
        subjects = [one.subject for one in prepared if one.subject and one.entry.salt]
        started = await begin(connection, place, ids, subjects, self._tail)
        await reach("audit.after-lock")
        appending = Appending(started.first, Known(), self._clock.now())
        self._look_before(batch, started, appending, lost=lost)
        parts: Iterable[Sequence[Row]] = [appending.rows] if appending.rows else []
        count = len(appending.rows)
        if session is None:
            if started.erased or _is_behind(batch, started):
                raise _NeedsCare
            count += len(prepared)
            made = (
                appending.add_new(prepared[nr : nr + _PART])
                for nr in range(0, len(prepared), _PART)
            )
            parts = chain(parts, made)
        else:
            appending.known = await _known(session, prepared, started)
            for one in prepared:
                appending.add(one)
            count, parts = len(appending.rows), [appending.rows]
        tiles: list[FullTile] = []
        if count:
            tiles = await copy_and_grow(connection, started, count, parts)
            await reach("audit.after-entries")
        if appending.salts:
            await connection.copy_records_to_table(
                "commitment", records=appending.salts, columns=("event_id", "subject", "salt")
            )
        goes_on = (*place, _following(batch, started, appending))
        tail = await end(connection, goes_on, started, tiles, appending.now)
        return appending, tail

    def _look_before(
        self, batch: Batch, started: Started, appending: Appending, *, lost: bool
    ) -> None:
        """The stored offset says where the batch must begin; what is before it is known by its id.

        A member that was taken for dead and comes back brings only what is known, and adds nothing.
        """
        first, expected = batch.records[0].offset, started.next_offset
        if expected is None or first <= expected:
            return
        if not lost:
            raise Ahead(expected)
        appending.add_lost(batch.topic, batch.partition, expected, first)

    async def _appended(self, appending: Appending, tail: Tail) -> int:
        self._tail = tail
        for alarm in appending.alarms:
            telemetry.operator_alarm(alarm)
        await reach("audit.after-commit")
        return len(appending.rows)

    async def _tidy(self, session: AsyncSession, appending: Appending) -> None:
        """Dead letters of what a person must look at; and what was erased goes, but no entry."""
        for delivery, reason in appending.letters:
            letter = new_dead_letter(SERVICE, delivery, reason, appending.now)
            if delivery.subject not in appending.known.erased:
                raw = pack(delivery.record)
                letter.raw = self._sealer.seal("dead_letter", raw, context=str(letter.id))
            await record_dead_letter(session, letter)
        if appending.erased:
            subjects = list(appending.erased)
            for subject, seq in appending.erased.items():
                session.add(ErasedSubject(subject=subject, seq=seq))
            await session.execute(delete(Commitment).where(col(Commitment.subject).in_(subjects)))
            await session.execute(
                update(DeadLetter).where(col(DeadLetter.subject).in_(subjects)).values(raw=None)
            )


def _is_behind(batch: Batch, started: Started) -> bool:
    """Some of it has come before, or a bus that was made anew counts from its start."""
    return started.next_offset is not None and batch.records[0].offset < started.next_offset


async def _known(session: AsyncSession, prepared: Sequence[Prepared], started: Started) -> Known:
    known = Known()
    if started.known:
        deliveries = [one.delivery for one in prepared if one.delivery]
        known = await look_up(session, deliveries, started.known)
    known.erased = set(started.erased)
    return known


def _following(batch: Batch, started: Started, appending: Appending) -> int:
    """A bus that was made anew counts from the start again: its records are new, and it is told."""
    if started.next_offset is None or batch.following >= started.next_offset:
        return batch.following
    if not appending.rows:
        return started.next_offset
    appending.alarms.append(f"log_offsets_went_back:{batch.topic}")
    return batch.following
