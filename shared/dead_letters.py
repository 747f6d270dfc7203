"""What could not be applied: kept whole and sealed, told as an event, open until dealt with."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID, uuid4

import orjson
import structlog
from sqlalchemy import BigInteger, DateTime, UniqueConstraint, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel, col
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.bus import Record
from shared.events.cases import DeadLetterRecorded, DeadLetterSettled
from shared.events.envelope import Event
from shared.outbox import emit

log = structlog.get_logger(__name__)

Seal = Callable[[bytes, str], str]
# Whether a concern has been erased.
Erased = Callable[[AsyncSession, UUID], Awaitable[bool]]


class DeadLetter(SQLModel, table=True):
    """A record that could not be applied, kept whole and sealed until a person has dealt with it.

    raw: the record's headers and value, sealed for `dead_letter` in the context of its own id.
    replayed_at: when it was applied after all, or a person had read it by hand.
    """

    __tablename__ = "dead_letter"
    __table_args__ = (UniqueConstraint("consumer", "topic", "partition", "offset"),)

    id: UUID = Field(primary_key=True)
    consumer: str
    topic: str
    partition: int
    offset: int = Field(sa_type=BigInteger)
    event_id: UUID | None = None
    event_type: str | None = None
    subject: UUID | None = Field(default=None, index=True)
    reason: str
    raw: str | None
    length: int
    recorded_at: datetime = Field(sa_type=DateTime(timezone=True))
    replayed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class Undeliverable(Protocol):
    """A record, the event read from it if one could be, and the concern it is about if known."""

    @property
    def record(self) -> Record: ...
    @property
    def event(self) -> Event | None: ...
    @property
    def subject(self) -> UUID | None: ...


def pack(record: Record) -> bytes:
    """The record whole, as bytes to seal; `unpack` gives it back."""
    return orjson.dumps(
        {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "key": None if record.key is None else record.key.hex(),
            "value": record.value.hex(),
            "headers": [[name, value.hex()] for name, value in record.headers],
        }
    )


def unpack(packed: bytes) -> Record:
    members = orjson.loads(packed)
    return Record(
        topic=members["topic"],
        key=None if members["key"] is None else bytes.fromhex(members["key"]),
        value=bytes.fromhex(members["value"]),
        headers=tuple((name, bytes.fromhex(value)) for name, value in members["headers"]),
        partition=members["partition"],
        offset=members["offset"],
    )


def new_dead_letter(
    service: str, delivery: Undeliverable, reason: str, now: datetime
) -> DeadLetter:
    record, event = delivery.record, delivery.event
    return DeadLetter(
        id=uuid4(),
        consumer=service,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        event_id=event.id if event else None,
        event_type=event.type if event else None,
        subject=delivery.subject,
        reason=reason,
        raw=None,
        length=len(record.value),
        recorded_at=now,
    )


async def keep_sealed(
    session: AsyncSession, letter: DeadLetter, record: Record, seal: Seal, erased: Erased | None
) -> None:
    """Keeps the record in the letter, but nothing of a concern that was erased before it came."""
    if letter.subject and erased and await erased(session, letter.subject):
        return
    letter.raw = seal(pack(record), str(letter.id))


async def record_dead_letter(session: AsyncSession, letter: DeadLetter) -> bool:
    """Keeps the letter and tells of it as an event; False if this record was kept before."""
    recorded = await session.execute(
        insert(DeadLetter)
        .values(letter.model_dump())
        .on_conflict_do_nothing()
        .returning(col(DeadLetter.id))
    )
    if recorded.scalar_one_or_none() is None:
        return False
    log.error(
        "dead letter", dead_letter_id=str(letter.id), topic=letter.topic, reason=letter.reason
    )
    emit(
        session,
        "dead_letter.recorded",
        letter.subject or letter.id,
        DeadLetterRecorded(
            dead_letter_id=letter.id,
            consumer=letter.consumer,
            topic=letter.topic,
            partition=letter.partition,
            offset=letter.offset,
            reason=letter.reason,
            length=letter.length,
            at=letter.recorded_at,
        ),
        producer=letter.consumer,
        at=letter.recorded_at,
    )
    return True


async def close_dead_letter(
    session: AsyncSession, service: str, event_id: UUID, now: datetime
) -> None:
    """The event has been driven again; if it failed again, a new letter stands for it."""
    await session.execute(
        update(DeadLetter)
        .where(
            col(DeadLetter.consumer) == service,
            col(DeadLetter.event_id) == event_id,
            col(DeadLetter.replayed_at).is_(None),
        )
        .values(replayed_at=now)
    )


async def settle(
    session: AsyncSession, letter_id: UUID, actor_ref: str, now: datetime
) -> Literal["settled", "closed_before", "held", "unknown"]:
    """Closes what a person has read by hand because it can never be replayed.

    What is only held behind it is never settled: it can be replayed from then on.
    """
    letter = await session.get(DeadLetter, letter_id, with_for_update=True)
    if letter is None:
        return "unknown"
    if letter.replayed_at is not None:
        return "closed_before"
    if letter.reason == "held":
        return "held"
    letter.replayed_at = now
    emit(
        session,
        "dead_letter.settled",
        letter.subject or letter.id,
        DeadLetterSettled(
            dead_letter_id=letter.id, consumer=letter.consumer, actor_ref=actor_ref, at=now
        ),
        producer=letter.consumer,
        at=now,
    )
    return "settled"


async def open_dead_letters(session: AsyncSession) -> int:
    """How many dead letters no one has dealt with yet."""
    statement = select(func.count()).where(col(DeadLetter.replayed_at).is_(None))
    return int((await session.execute(statement)).scalar_one())
