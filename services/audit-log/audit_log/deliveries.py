"""What the bus brought: a record, and the event read from it or the reason why none could be."""

import re
from dataclasses import dataclass
from uuid import UUID, uuid5

from shared.bus import Record
from shared.bus.cloudevents import Undecodable, from_record
from shared.events.envelope import Event

_DERIVED = UUID("6ad0b8b4-7f6e-5d0c-9a5f-2f3f1f7c3a10")
_PRODUCER = re.compile(r"[a-z0-9_-]{1,40}(/[a-z0-9_-]{1,40})?")
_MAX_SEQUENCE = 2**63 - 1
# What the headers that enter the envelope may weigh together: an entry must fit into its bundle.
_MAX_HEADERS = 16_384


@dataclass(frozen=True, slots=True)
class Delivery:
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


def read_record(record: Record) -> Delivery:
    try:
        event = from_record(record)
    except Undecodable as error:
        return Delivery(record, reason=error.reason_code)
    # What the columns could not hold, or what is no producer of ours, would stop the whole log.
    if not _PRODUCER.fullmatch(event.producer) or event.sequence > _MAX_SEQUENCE:
        return Delivery(record, reason="header-invalid")
    if len(b"".join([value for _, value in record.headers])) > _MAX_HEADERS:
        return Delivery(record, reason="header-too-large")
    return Delivery(record, event)


def derived_id(kind: str, delivery: Delivery) -> UUID:
    """The same for a second delivery of the record; nothing of its content enters it."""
    about = [kind, *map(str, delivery.place), str(len(delivery.record.value))]
    if delivery.event:
        about.append(str(delivery.event.id))
    return uuid5(_DERIVED, "\0".join(about))


def lost_id(topic: str, partition: int, first: int, following: int) -> UUID:
    """Of the entry that tells of offsets which the bus no longer has."""
    return uuid5(_DERIVED, "\0".join(map(str, ("audit.lost", topic, partition, first, following))))
