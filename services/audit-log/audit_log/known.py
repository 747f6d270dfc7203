"""What a batch brings, and what the log knows of it already."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.canonical import of_event, without_commitment
from audit_log.models import Commitment, LogEntry
from shared.bus import Record
from shared.bus.cloudevents import Undecodable, from_record
from shared.events.envelope import Event

_DERIVED = UUID("6ad0b8b4-7f6e-5d0c-9a5f-2f3f1f7c3a10")
_PRODUCER = re.compile(r"[a-z0-9_-]{1,40}(/[a-z0-9_-]{1,40})?")
_MAX_SEQUENCE = 2**63 - 1


@dataclass(frozen=True)
class Delivery:
    """One record with the event read from it, or the reason why none could be."""

    record: Record
    event: Event | None = None
    reason: str = ""

    @property
    def place(self) -> tuple[str, int, int]:
        return self.record.topic, self.record.partition, self.record.offset

    @property
    def subject(self) -> UUID | None:
        """Of what cannot be read the key still says whose it is, and so when it is erased."""
        if self.event:
            return self.event.subject
        try:
            return UUID((self.record.key or b"").decode())
        except ValueError:
            return None


@dataclass
class Known:
    """What the log holds already of the events in a batch; grows with the batch."""

    entries: dict[UUID, tuple[int, bytes]]
    salts: dict[UUID, bytes]
    erased: set[UUID]


def read_record(record: Record) -> Delivery:
    try:
        event = from_record(record)
    except Undecodable as error:
        return Delivery(record, reason=error.reason_code)
    # What the columns could not hold, or what is no producer of ours, would stop the whole log.
    if not _PRODUCER.fullmatch(event.producer) or event.sequence > _MAX_SEQUENCE:
        return Delivery(record, reason="header-invalid")
    return Delivery(record, event)


def derived_id(kind: str, delivery: Delivery) -> UUID:
    """The same for a second delivery of the record; nothing of its content enters it."""
    about = [kind, *map(str, delivery.place), str(len(delivery.record.value))]
    if delivery.event:
        about.append(str(delivery.event.id))
    return uuid5(_DERIVED, "\0".join(about))


def same(event: Event, topic: str, known: Known) -> bool:
    _, payload = known.entries[event.id]
    salt = known.salts.get(event.id)
    again = of_event(event, topic, salt).payload
    if salt is None:
        return without_commitment(again) == without_commitment(payload)
    return again == payload


async def look_up(session: AsyncSession, deliveries: Sequence[Delivery]) -> Known:
    ids = {d.event.id for d in deliveries if d.event}
    ids |= {derived_id("audit.conflict", d) for d in deliveries if d.event}
    ids |= {derived_id("audit.unreadable", d) for d in deliveries if not d.event}
    subjects = {d.subject for d in deliveries if d.subject}
    entries = await session.execute(
        select(col(LogEntry.event_id), col(LogEntry.seq), col(LogEntry.payload)).where(
            col(LogEntry.event_id).in_(ids)
        )
    )
    salts = await session.execute(
        select(col(Commitment.event_id), col(Commitment.salt)).where(
            col(Commitment.event_id).in_(ids)
        )
    )
    erased = await session.execute(
        select(col(LogEntry.subject)).where(
            col(LogEntry.type) == "concern.erased", col(LogEntry.subject).in_(subjects)
        )
    )
    return Known(
        {row[0]: (row[1], row[2]) for row in entries},
        {row[0]: row[1] for row in salts},
        {subject for subject in erased.scalars() if subject},
    )
