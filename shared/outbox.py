"""Events written in the transaction that makes them true: neither exists without the other."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import BigInteger, Column, DateTime, Identity, LargeBinary, text
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.events.catalogue import EVENTS, TOPIC_OF
from shared.events.concerns import EventData, ProducerClosed
from shared.events.envelope import new_event_id

# The key of events about a producer itself: stable, and no concern's.
_PRODUCERS = UUID("6f0c7b1e-58a4-4b0a-9d7e-2a1c3d4e5f60")


class OutboxRow(SQLModel, table=True):
    """An event that the bus has not acknowledged yet. The rows are a pending set, not a cursor.

    replay_of, replay_for: set where a dead letter's event is driven again for one consumer.
    """

    __tablename__ = "outbox"

    seq: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    event_id: UUID = Field(unique=True)
    topic: str
    subject: UUID
    type: str
    version: int
    producer: str
    sequence: int = Field(sa_type=BigInteger)
    occurred_at: datetime = Field(sa_type=DateTime(timezone=True))
    traceparent: str | None = None
    data: bytes = Field(sa_type=LargeBinary)
    replay_of: UUID | None = None
    replay_for: str | None = None


class Producer(SQLModel, table=True):
    """How many events a producer has made. The row is locked from the count to the commit."""

    __tablename__ = "producer"

    name: str = Field(primary_key=True)
    last_sequence: int = Field(default=0, sa_type=BigInteger)
    closed_sequence: int = Field(default=0, sa_type=BigInteger)


# Counted and written in one round trip: the counter is locked from here to the commit. What is the
# same in all of the events comes once, in the first.
_WRITE = text("""
WITH event AS (
    SELECT * FROM unnest(
        CAST(:event_id AS uuid[]), CAST(:topic AS text[]), CAST(:subject AS uuid[]),
        CAST(:type AS text[]), CAST(:version AS int[]), CAST(:occurred_at AS timestamptz[]),
        CAST(:traceparent AS text[]), CAST(:data AS bytea[]), CAST(:replay_of AS uuid[]),
        CAST(:replay_for AS text[])
    ) WITH ORDINALITY AS event(event_id, topic, subject, type, version, occurred_at, traceparent,
        data, replay_of, replay_for, nr)
), counter AS (
    INSERT INTO producer AS p (name, last_sequence, closed_sequence)
    SELECT :producer, count(*), 0 FROM event
    ON CONFLICT (name) DO UPDATE SET last_sequence = p.last_sequence + excluded.last_sequence
    RETURNING last_sequence
)
INSERT INTO outbox (event_id, topic, subject, type, version, producer, sequence, occurred_at,
    traceparent, data, replay_of, replay_for)
SELECT event_id, coalesce(topic, (CAST(:topic AS text[]))[1]), subject,
    coalesce(type, (CAST(:type AS text[]))[1]), coalesce(version, (CAST(:version AS int[]))[1]),
    :producer, last_sequence - (SELECT count(*) FROM event) + nr,
    coalesce(occurred_at, (CAST(:occurred_at AS timestamptz[]))[1]), traceparent, data, replay_of,
    replay_for
FROM event CROSS JOIN counter ORDER BY nr
""")
_OFTEN_ALIKE = ("topic", "type", "version", "occurred_at")
_NULLABLE = ("traceparent", "replay_of", "replay_for")
_COLUMNS = ("event_id", "subject", "data", *_OFTEN_ALIKE, *_NULLABLE)


def emit(
    session: AsyncSession,
    event_type: str,
    subject: UUID,
    data: EventData,
    *,
    producer: str,
    at: datetime,
    **columns: Any,
) -> UUID:
    """Adds an event to the session's transaction and returns its id.

    It is written by `commit`, last of all, so that the producer's counter is locked for as short a
    time as can be. `columns` may set traceparent, replay_of or replay_for.
    """
    kind = EVENTS[event_type]
    if not isinstance(data, kind.model):
        raise TypeError(f"{event_type} carries {kind.model.__name__}")
    row = {
        "event_id": new_event_id(),
        "topic": TOPIC_OF[event_type],
        "subject": subject,
        "type": event_type,
        "version": kind.version,
        "producer": producer,
        "occurred_at": at,
        "data": data.model_dump_json().encode(),
        **columns,
    }
    session.info.setdefault("outbox", []).append(row)
    event_id: UUID = row["event_id"]
    return event_id


async def commit(session: AsyncSession) -> None:
    """Writes the emitted events and commits. Only the edge (a request, a consumed batch) calls it.

    COMMIT POINT: before it nothing has happened; after it the effects and their events are durable,
    and a crash just after it loses nothing, because the relay finds the rows again.
    """
    pending = session.info.pop("outbox", [])
    if pending:
        # A pending UPDATE must not wait behind the counter's lock.
        await session.flush()
        by_producer: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in pending:
            by_producer[row["producer"]].append(row)
        # In one order everywhere, so that two transactions never wait for each other.
        for producer in sorted(by_producer):
            rows = by_producer[producer]
            columns = {name: _column(name, rows) for name in _COLUMNS}
            await session.execute(_WRITE, {"producer": producer, **columns})
    await session.commit()


def _column(name: str, rows: Sequence[dict[str, Any]]) -> list[Any]:
    """Of what may be null only a null stands for all: a gap is filled with nothing."""
    values = [row.get(name) for row in rows]
    first = values[0]
    alike = first is None if name in _NULLABLE else name in _OFTEN_ALIKE
    return values[:1] if alike and values.count(first) == len(values) else values


async def rollback(session: AsyncSession) -> None:
    """Forgets the transaction and the events emitted in it."""
    session.info.pop("outbox", None)
    await session.rollback()


@asynccontextmanager
async def savepoint(session: AsyncSession) -> AsyncIterator[None]:
    """Undoes the statements of the block, and the events emitted in it, if it raises."""
    events = session.info.setdefault("outbox", [])
    before = len(events)
    try:
        async with session.begin_nested():
            yield
    except BaseException:
        del events[before:]
        raise


_CLOSE = text(
    "UPDATE producer SET closed_sequence = last_sequence + 1 "
    "WHERE last_sequence > closed_sequence RETURNING name, last_sequence"
)


async def close_producers(session: AsyncSession, service: str, now: datetime) -> None:
    """Tells how far each producer has counted, so that a lost tail of events shows too.

    The event is the producer's next one, hence the count that the producer is closed at.
    """
    source = service.replace("-", "_")  # an event's name has no dash
    for name, last in (await session.execute(_CLOSE)).all():
        counted = ProducerClosed(producer=name, last_sequence=last, at=now)
        emit(
            session,
            f"{source}.producer_closed",
            uuid5(_PRODUCERS, name),
            counted,
            producer=name,
            at=now,
        )
    await commit(session)
