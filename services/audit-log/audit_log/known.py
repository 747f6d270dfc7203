"""What the log knows already of a batch's events: a second delivery is told from a forgery here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.canonical import of_event, without_commitment
from audit_log.deliveries import Delivery, derived_id
from audit_log.merkle import leaf_hash
from audit_log.models import Commitment, LogEntry, LogEvent
from audit_log.reading import leaf_hashes
from shared.events.envelope import Event


@dataclass(frozen=True, slots=True)
class KnownEntry:
    """payload: None where it was pruned."""

    seq: int
    leaf: bytes
    payload: bytes | None


@dataclass
class Known:
    """What the log holds of the events in a batch; grows with the batch."""

    entries: dict[UUID, KnownEntry] = field(default_factory=dict)
    salts: dict[UUID, bytes] = field(default_factory=dict)
    erased: set[UUID] = field(default_factory=set)


def same(event: Event, topic: str, known: Known) -> bool:
    """Whether the event is the one in the log, as far as what was erased since lets it be told."""
    entry, salt = known.entries[event.id], known.salts.get(event.id)
    again = of_event(event, topic, salt).payload
    if salt is not None:
        return leaf_hash(again) == entry.leaf
    if entry.payload is None:
        return True
    return without_commitment(again) == without_commitment(entry.payload)


async def look_up(
    session: AsyncSession, deliveries: Sequence[Delivery], known: Iterable[UUID]
) -> Known:
    """known: which of the batch's own ids the log has; a conflict with one may be in it as well."""
    ids = set(known)
    ids |= {derived_id("audit.conflict", d) for d in deliveries if d.event and d.event.id in ids}
    rows = await session.execute(
        select(LogEvent, col(LogEntry.leaf_hash), col(LogEntry.payload))
        .join(LogEntry, col(LogEntry.seq) == col(LogEvent.seq), isouter=True)
        .where(col(LogEvent.event_id).in_(ids))
    )
    found = Known()
    for event, leaf, payload in rows.all():
        kept = leaf or (await leaf_hashes(session, event.seq, 1))[0]
        found.entries[event.event_id] = KnownEntry(event.seq, kept, payload)
    salts = await session.execute(select(Commitment).where(col(Commitment.event_id).in_(ids)))
    found.salts = {row.event_id: row.salt for row in salts.scalars()}
    return found
