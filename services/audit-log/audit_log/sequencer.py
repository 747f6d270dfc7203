"""Appends what the bus brings to the log: each event once, in a gapless order, and nothing skipped.

Not the inbox's way: a record that cannot be read is an entry too, and an event whose id is known is
compared before it is dropped.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.canonical import Entry, of_conflict, of_event, of_unreadable
from audit_log.known import Delivery, Known, derived_id, look_up, read_record, same
from audit_log.merkle import CompactRange, leaf_hash
from audit_log.models import Commitment, LogEntry, LogHead, TreeHead
from shared.app import PARTITIONS, Runtime
from shared.bus import Batch, open_consumer
from shared.bus.failpoint import reach
from shared.clock import Clock
from shared.dead_letters import DeadLetter, new_dead_letter, pack, record_dead_letter
from shared.events.catalogue import topics_for
from shared.outbox import commit, rollback
from shared.sealing import Sealer

SERVICE = "audit-log"
_SALT_BYTES = 32
_LONGEST_WAIT = 30.0

log = structlog.get_logger(__name__)


async def append_batch(
    batch: Batch, sessions: async_sessionmaker[AsyncSession], sealer: Sealer, clock: Clock
) -> int:
    """Appends one partition's batch in one transaction; returns how many entries it added.

    COMMIT POINT at the end: before it the log is as it was and the batch comes again; after it a
    second delivery finds its events in the log. The head's lock lets only one append at a time, so
    a member that was taken for dead and comes back can add nothing twice.
    """
    deliveries = [read_record(record) for record in batch.records]
    async with sessions() as session:
        try:
            head = (await session.execute(select(LogHead).with_for_update())).scalar_one()
            appending = _Appending(session, head, sealer, clock.now())
            await appending.append(deliveries)
            await reach("audit.before-commit")
            await commit(session)
            await reach("audit.after-commit")
        except BaseException:
            await rollback(session)
            raise
    return len(appending.rows)


class _Appending:
    """One batch on its way into the log, under the head's lock."""

    def __init__(self, session: AsyncSession, head: LogHead, sealer: Sealer, now: datetime) -> None:
        self._session, self._head, self._sealer, self._now = session, head, sealer, now
        self._tree = CompactRange.from_bytes(head.size, head.hashes)
        self._salts: list[dict[str, Any]] = []
        self._letters: list[tuple[Delivery, str]] = []
        self._erased: set[UUID] = set()
        self._known = Known({}, {}, set())
        self.rows: list[dict[str, Any]] = []

    async def append(self, deliveries: Sequence[Delivery]) -> None:
        self._known = await look_up(self._session, deliveries)
        for delivery in deliveries:
            self._add(delivery)
        if not self.rows:
            return
        await self._session.execute(insert(LogEntry), self.rows)
        if self._salts:
            await self._session.execute(insert(Commitment), self._salts)
        self._session.add(TreeHead(size=self._tree.size, root=self._tree.root(), at=self._now))
        self._head.size, self._head.hashes = self._tree.size, self._tree.to_bytes()
        for delivery, reason in self._letters:
            await self._keep(delivery, reason)
        if self._erased:
            await _erase(self._session, self._erased)

    def _add(self, delivery: Delivery) -> None:
        event, topic = delivery.event, delivery.record.topic
        salt = secrets.token_bytes(_SALT_BYTES)
        if event is None:
            raw, reason = delivery.record.value, delivery.reason
            entry = of_unreadable(delivery.place, raw, reason, salt)
            self._add_derived("audit.unreadable", delivery, entry)
        elif event.id not in self._known.entries:
            erased = event.subject in self._known.erased
            entry = of_event(event, topic, None if erased else salt)
            self._write(event.id, event.type, delivery, entry)
            if event.type == "concern.erased" and entry.doubt is None:
                self._known.erased.add(event.subject)
                self._erased.add(event.subject)
        elif not same(event, topic, self._known):
            first, _ = self._known.entries[event.id]
            entry = of_conflict(event, delivery.place, first, delivery.record.value, salt)
            self._add_derived("audit.conflict", delivery, entry)

    def _add_derived(self, kind: str, delivery: Delivery, entry: Entry) -> None:
        entry_id = derived_id(kind, delivery)
        if entry_id not in self._known.entries:
            self._write(entry_id, kind, delivery, entry)

    def _write(self, entry_id: UUID, kind: str, delivery: Delivery, entry: Entry) -> None:
        row = self._row(entry_id, kind, delivery, entry)
        self.rows.append(row)
        seq: int = row["seq"]
        self._tree.append(row["leaf_hash"])
        self._known.entries[entry_id] = (seq, entry.payload)
        if entry.salt is not None and delivery.subject not in self._known.erased:
            self._known.salts[entry_id] = entry.salt
            subject = delivery.subject
            salt = {"event_id": entry_id, "subject": subject, "salt": entry.salt}
            self._salts.append(salt)
        if entry.doubt is not None:
            self._letters.append((delivery, entry.doubt))

    def _row(self, entry_id: UUID, kind: str, delivery: Delivery, entry: Entry) -> dict[str, Any]:
        # A conflict must not count as its producer's: the number belongs to the first of the two.
        event = None if kind == "audit.conflict" else delivery.event
        topic, partition, offset = delivery.place
        return {
            "seq": self._tree.size,
            "event_id": entry_id,
            "type": kind,
            "occurred_at": event.time if event else self._now,
            "recorded_at": self._now,
            "producer": event.producer if event else None,
            "producer_sequence": event.sequence if event else None,
            "subject": delivery.subject,
            "task_id": entry.task_id,
            "topic": topic,
            "partition": partition,
            "offset": offset,
            "payload": entry.payload,
            "leaf_hash": leaf_hash(entry.payload),
        }

    async def _keep(self, delivery: Delivery, reason: str) -> None:
        letter = new_dead_letter(SERVICE, delivery, reason, self._now)
        if delivery.subject not in self._known.erased:
            raw = pack(delivery.record)
            letter.raw = self._sealer.seal("dead_letter", raw, context=str(letter.id))
        await record_dead_letter(self._session, letter)


async def _erase(session: AsyncSession, subjects: set[UUID]) -> None:
    """What could still tie an entry to what was sealed goes; the entries and their proofs stay."""
    await session.execute(delete(Commitment).where(col(Commitment.subject).in_(subjects)))
    await session.execute(
        update(DeadLetter).where(col(DeadLetter.subject).in_(subjects)).values(raw=None)
    )


async def run_sequencer(runtime: Runtime) -> None:
    """Reads every topic for as long as the service lives; a batch that fails is tried for ever."""
    consumer = open_consumer(
        runtime.settings.bus.get_secret_value(),
        SERVICE,
        topics_for(SERVICE),
        partitions=PARTITIONS,
        client_id=SERVICE,
    )
    runtime.consumers.append(consumer)
    await consumer.start()
    failures: dict[
        tuple[str, int], int
    ] = {}  # counted apart: 36 that fail once are no long trouble
    async for batch in consumer.batches():
        place = (batch.topic, batch.partition)
        try:
            await append_batch(batch, runtime.sessions, runtime.sealer, runtime.clock)
        except Exception as error:  # noqa: BLE001 - to skip or to stop would leave a hole in the log
            attempt = failures[place] = failures.get(place, 0) + 1
            wait = min(_LONGEST_WAIT, 0.1 * 2**attempt)
            log.error(
                "batch waits", error=type(error).__name__, attempt=attempt, seconds=wait,
                topic=batch.topic, partition=batch.partition,
            )  # fmt: skip
            await consumer.again(batch, wait)
            continue
        failures.pop(place, None)
        runtime.doorbell.ring()
        await consumer.done(batch)
