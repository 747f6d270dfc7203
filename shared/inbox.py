"""The consumer's side: every event takes effect once, in order, and none is ever skipped."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import DateTime, select, text
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel import Field, SQLModel, col
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.bus import Batch, Record
from shared.bus.cloudevents import Undecodable, from_record
from shared.bus.failpoint import reach
from shared.clock import Clock
from shared.db import is_transient
from shared.dead_letters import (
    DeadLetter,
    Erased,
    Seal,
    close_dead_letter,
    keep_sealed,
    new_dead_letter,
    record_dead_letter,
)
from shared.events.catalogue import EVENTS
from shared.events.envelope import Event
from shared.outbox import commit, rollback, savepoint

log = structlog.get_logger(__name__)


class InboxRow(SQLModel, table=True):
    """An event that has taken effect for this consumer; a second delivery finds it and stops."""

    __tablename__ = "inbox"

    consumer: str = Field(primary_key=True)
    event_id: UUID = Field(primary_key=True)
    received_at: datetime = Field(sa_type=DateTime(timezone=True))


# Written out: each batch has another number of rows, and building a statement for each number took
# longer than carrying it out. One round trip for both questions.
_MARK = text("""
WITH marked AS (
    INSERT INTO inbox (consumer, event_id, received_at)
    SELECT CAST(:consumer AS text), id, CAST(:at AS timestamptz)
    FROM unnest(CAST(:ids AS uuid[])) AS id
    ON CONFLICT DO NOTHING RETURNING event_id
), blocked AS (
    SELECT DISTINCT subject FROM dead_letter
    WHERE consumer = CAST(:consumer AS text) AND replayed_at IS NULL
      AND subject = ANY(CAST(:subjects AS uuid[]))
)
SELECT event_id, NULL AS subject FROM marked UNION ALL SELECT NULL, subject FROM blocked
""")


class Poison(Exception):
    """Raised by a handler for an event that can never be applied; `code` is never a value."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


Handler = Callable[[AsyncSession, Event], Awaitable[None]]
# What a service does, in the same transaction, about a record that no handler could apply.
OnPoison = Callable[[AsyncSession, Record, Event | None, str], Awaitable[None]]


async def _nothing(_: AsyncSession, __: Record, ___: Event | None, ____: str) -> None:
    """A dead letter and its event are enough."""


@dataclass(frozen=True)
class Subscription:
    """What a service does with the events it hears.

    handlers: by event type; types not consumed here are in `ignored`, any other is poison.
    raising: types that only raise, and so are never held behind a dead letter of the concern.
    seal: seals a dead letter's bytes for its id; of an `erased` concern none are kept.
    """

    service: str
    handlers: Mapping[str, Handler]
    ignored: frozenset[str]
    seal: Seal
    clock: Clock
    raising: frozenset[str] = frozenset()
    on_poison: OnPoison = _nothing
    erased: Erased | None = None
    back_off: tuple[float, float] = (0.1, 30.0)


@dataclass
class Delivery:
    """One record with the event read from it, or the reason why none could be."""

    record: Record
    event: Event | None = None
    reason: str | None = None

    @property
    def subject(self) -> UUID | None:
        if self.event:
            return self.event.subject
        try:
            return UUID((self.record.key or b"").decode())
        except ValueError:
            return None


def _read(record: Record) -> Delivery:
    try:
        return Delivery(record, from_record(record))
    except Undecodable as error:
        return Delivery(record, reason=error.reason_code)


async def apply(batch: Batch, sessions: async_sessionmaker[AsyncSession], to: Subscription) -> None:
    """Applies one partition's batch in one transaction; a bad record is isolated, not skipped.

    COMMIT POINT at the end of `_attempt`: before it nothing of the batch has happened and it comes
    again; after it a second delivery is dropped by the inbox, so the offset may follow at leisure.
    """
    deliveries = [_read(record) for record in batch.records]
    try:
        await _attempt(deliveries, sessions, to, _apply_plainly)
    except Exception as error:
        if is_transient(error):
            raise
        log.warning("batch is taken apart", error=type(error).__name__, count=len(deliveries))
        await _attempt(deliveries, sessions, to, _apply_isolated)


async def _attempt(
    deliveries: Sequence[Delivery],
    sessions: async_sessionmaker[AsyncSession],
    to: Subscription,
    apply_one: Callable[[AsyncSession, Delivery, Subscription, set[UUID]], Awaitable[None]],
) -> None:
    async with sessions() as session:
        try:
            fresh, blocked = await _mark(session, deliveries, to)
            for delivery in deliveries:
                if delivery.event is None:
                    await apply_one(session, delivery, to, blocked)
                elif delivery.event.id in fresh:
                    fresh.remove(delivery.event.id)  # the batch may hold it twice
                    await apply_one(session, delivery, to, blocked)
            await reach("consumer.before-commit")
            await commit(session)
        except BaseException:
            await rollback(session)
            raise


async def _mark(
    session: AsyncSession, deliveries: Sequence[Delivery], to: Subscription
) -> tuple[set[UUID], set[UUID]]:
    """Marks the events as received; returns those not marked before, and concerns that are blocked.

    Blocked is a concern with a dead letter still open: its later events wait behind that.
    """
    asked = {
        "consumer": to.service,
        "at": to.clock.now(),
        "ids": sorted({d.event.id for d in deliveries if d.event}),
        "subjects": sorted({d.subject for d in deliveries if d.subject}),
    }
    rows = (await session.execute(_MARK, asked)).all()
    fresh = {event_id for event_id, _ in rows if event_id}
    return fresh, {subject for _, subject in rows if subject}


async def _apply_plainly(
    session: AsyncSession, delivery: Delivery, to: Subscription, blocked: set[UUID]
) -> None:
    """Calls the handler; anything out of the ordinary raises and the batch is taken apart."""
    event = delivery.event
    if event is None:
        raise Poison(delivery.reason or "undecodable")
    if event.replay_for not in (None, to.service):
        return
    # What is ignored changes nothing, so it has nothing to wait for either.
    if event.type in to.handlers or event.type not in to.ignored:
        behind = event.subject in blocked and event.type not in to.raising
        if behind and await _waits(session, event):
            raise Poison("held")
        await _handle(session, event, to)
    if event.replay_of is not None:
        await close_dead_letter(session, to.service, event.replay_of, to.clock.now())


async def _waits(session: AsyncSession, event: Event) -> bool:
    """Whether it stays behind. What is driven again does while what held it up fails again."""
    if event.replay_of is None:
        return True
    mine = col(DeadLetter.event_id) == event.replay_of
    held_before = select(DeadLetter).where(mine, col(DeadLetter.reason) == "held").exists()
    # What cannot be read, or is erased, will never be driven: then waiting would have no end.
    first = select(DeadLetter).where(
        ~mine,
        col(DeadLetter.subject) == event.subject,
        col(DeadLetter.replayed_at).is_(None),
        col(DeadLetter.reason) != "held",
        col(DeadLetter.raw).is_not(None),
    )
    return bool((await session.execute(select(held_before & first.exists()))).scalar_one())


async def _handle(session: AsyncSession, event: Event, to: Subscription) -> None:
    handler = to.handlers.get(event.type)
    if handler is None:
        raise Poison("unknown_type")
    known = EVENTS.get(event.type)
    # A later version may mean something else by the same members.
    if known is not None and event.version != known.version:
        raise Poison("unknown_version")
    await handler(session, event)


async def _apply_isolated(
    session: AsyncSession, delivery: Delivery, to: Subscription, blocked: set[UUID]
) -> None:
    """Like `_apply_plainly`, but what is poison becomes a dead letter and blocks its concern."""
    try:
        async with savepoint(session):
            await _apply_plainly(session, delivery, to, blocked)
            return
    except Exception as error:
        if is_transient(error):
            raise
        reason = error.code if isinstance(error, Poison) else f"failed:{type(error).__name__}"
    if delivery.subject:
        blocked.add(delivery.subject)
    now = to.clock.now()
    if delivery.event and delivery.event.replay_of:
        await close_dead_letter(session, to.service, delivery.event.replay_of, now)
    letter = new_dead_letter(to.service, delivery, reason, now)
    await keep_sealed(session, letter, delivery.record, to.seal, to.erased)
    if await record_dead_letter(session, letter) and reason != "held":
        await _deal_with(session, delivery, to, reason)


async def _deal_with(
    session: AsyncSession, delivery: Delivery, to: Subscription, reason: str
) -> None:
    """What no handler could apply may fail here too: then only its key is looked at.

    One record must never stop a partition. The dead letter stands whatever happens here.
    """
    bare = replace(delivery.record, value=b"", headers=())
    for record, event in ((delivery.record, delivery.event), (bare, None)):
        try:
            async with savepoint(session):
                await to.on_poison(session, record, event, reason)
                return
        except Exception as error:
            if is_transient(error):
                raise
            log.error("poison not dealt with", error=type(error).__name__, reason=reason)
