"""What surrounds every event: the CloudEvents attributes, and the producer's gapless count."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import uuid_utils.compat


@dataclass(frozen=True, slots=True)
class Event:
    """One fact that happened.

    type: its name in the catalogue, such as `concern.raised`; version: of its data's schema.
    subject: the concern's id, and the key that keeps one concern's events in order.
    producer, sequence: who counted it and as which; a producer's counts have no gaps.
    data: JSON of the type's model.
    replay_of, replay_for: the event this one repeats, and the one consumer that is to apply it.
    """

    id: UUID
    type: str
    version: int
    subject: UUID
    time: datetime
    producer: str
    sequence: int
    traceparent: str | None
    data: bytes
    replay_of: UUID | None = None
    replay_for: str | None = None


def new_event_id() -> UUID:
    """A UUIDv7: unique, and sorted by the time it was made."""
    return uuid_utils.compat.uuid7()
