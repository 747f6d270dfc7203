"""One batch on its way into the log: which of it is new, as which entries. No database in here."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from audit_log.canonical import Entry, of_conflict, of_event, of_lost, of_unreadable
from audit_log.copyform import Row
from audit_log.deliveries import Delivery, derived_id, lost_id
from audit_log.known import Known, KnownEntry, same
from audit_log.merkle import leaf_hash
from audit_log.storing import Salt
from shared.events.envelope import Event

_SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Prepared:
    """A delivery with the entry that it becomes if nothing speaks against it.

    delivery: None of what never came. odd: more than the log's own rows must be written for it.
    """

    delivery: Delivery | None
    entry_id: UUID
    kind: str
    subject: UUID | None
    entry: Entry
    odd: bool = False


def prepare(delivery: Delivery) -> Prepared:
    event, salt = delivery.event, secrets.token_bytes(_SALT_BYTES)
    if event is None:
        entry = of_unreadable(delivery.place, delivery.record.value, delivery.reason, salt)
        entry_id, kind = derived_id("audit.unreadable", delivery), "audit.unreadable"
    else:
        entry = of_event(event, delivery.record.topic, salt)
        entry_id, kind = event.id, event.type
    odd = entry.doubt is not None or kind == "concern.erased"
    return Prepared(delivery, entry_id, kind, delivery.subject, entry, odd)


def _without_salt(one: Prepared) -> Prepared:
    """Of what comes after the erasure no salt is kept, and so none is committed to."""
    if one.delivery is None or one.delivery.event is None:
        return one
    return replace(one, entry=of_event(one.delivery.event, one.delivery.record.topic, None))


@dataclass
class Appending:
    """first: the seq of the first row. rows: to be copied into the log. salts: (event id, subject,
    salt) of their commitments.

    letters: what a person must look at, and why. erased: the concerns whose erasure is among the
    rows, with its seq. alarms: for the operator once the rows are durable.
    """

    first: int
    known: Known
    now: datetime
    rows: list[Row] = field(default_factory=list)
    salts: list[Salt] = field(default_factory=list)
    letters: list[tuple[Delivery, str]] = field(default_factory=list)
    erased: dict[UUID, int] = field(default_factory=dict)
    alarms: list[str] = field(default_factory=list)

    def add(self, one: Prepared) -> None:
        """The event as an entry; nothing where it is there already, a conflict where another is."""
        delivery = one.delivery
        if one.entry_id not in self.known.entries:
            self._write(_without_salt(one) if one.subject in self.known.erased else one)
        elif (
            delivery
            and delivery.event
            and not same(delivery.event, delivery.record.topic, self.known)
        ):
            self._add_conflict(delivery, delivery.event)

    def add_new(self, prepared: Sequence[Prepared]) -> list[Row]:
        """Events that nothing speaks against, if only the log holds none of them; their rows."""
        rows: list[Row] = []
        now, add = self.now, rows.append
        # Written out, for every event of the log passes through here.
        for seq, one in enumerate(prepared, self.first + len(self.rows)):
            delivery, entry, payload = one.delivery, one.entry, one.entry.payload
            assert delivery is not None  # noqa: S101 - both are there: what is odd is added singly
            assert delivery.event is not None  # noqa: S101
            record, event = delivery.record, delivery.event
            add((
                seq, one.entry_id, one.kind, event.time, now, event.producer, event.sequence,
                one.subject, entry.task_id, record.topic, record.partition, record.offset, payload,
                sha256(b"\0" + payload).digest(),
            ))  # fmt: skip
            if entry.salt is not None:
                self.salts.append((one.entry_id, one.subject, entry.salt))
        self.rows += rows
        return rows

    def add_lost(self, topic: str, partition: int, first: int, following: int) -> None:
        """Offsets that the bus does not have any more, and that never came."""
        entry = of_lost(topic, partition, first, following)
        row_id = lost_id(topic, partition, first, following)
        about = Prepared(None, row_id, "audit.lost", None, entry)
        self._row(about, (topic, partition, first))
        self.alarms.append(f"log_offsets_lost:{topic}")

    def _add_conflict(self, delivery: Delivery, event: Event) -> None:
        entry_id = derived_id("audit.conflict", delivery)
        if entry_id in self.known.entries:
            return
        first, salt = self.known.entries[event.id].seq, secrets.token_bytes(_SALT_BYTES)
        entry = of_conflict(event, delivery.place, first, delivery.record.value, salt)
        self._write(Prepared(delivery, entry_id, "audit.conflict", delivery.subject, entry))

    def _write(self, one: Prepared) -> None:
        entry, subject, seq = one.entry, one.subject, self.first + len(self.rows)
        assert one.delivery is not None  # noqa: S101 - what never came is added elsewhere
        self._row(one, one.delivery.place)
        if entry.salt is not None and subject not in self.known.erased:
            self.known.salts[one.entry_id] = entry.salt
            self.salts.append((one.entry_id, subject, entry.salt))
        if entry.doubt is not None:
            self.letters.append((one.delivery, entry.doubt))
        elif one.kind == "concern.erased" and subject and subject not in self.known.erased:
            self.known.erased.add(subject)
            self.erased[subject] = seq
            self.salts = [salt for salt in self.salts if salt[1] != subject]

    def _row(self, one: Prepared, place: tuple[str, int, int]) -> None:
        seq = self.first + len(self.rows)
        row = _row(one, seq, place, self.now)
        self.rows.append(row)
        self.known.entries[one.entry_id] = KnownEntry(seq, row[-1], one.entry.payload)


def _row(one: Prepared, seq: int, place: tuple[str, int, int], now: datetime) -> Row:
    entry, kind = one.entry, one.kind
    about = (one.subject, entry.task_id, *place, entry.payload, leaf_hash(entry.payload))
    # A conflict must not count as its producer's: the number belongs to the first of the two.
    event = one.delivery.event if one.delivery and kind != "audit.conflict" else None
    if event is None:
        return (seq, one.entry_id, kind, now, now, None, None, *about)
    return (
        seq, one.entry_id, kind, event.time, now, event.producer, event.sequence, *about,
    )  # fmt: skip
