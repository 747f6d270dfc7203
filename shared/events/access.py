"""Events of who read what; whoever shows sealed details produces them, before showing them."""

from uuid import UUID

from pydantic import AwareDatetime

from shared.events.concerns import EventData


class DetailsRead(EventData):
    """A person was about to be shown a case's sealed details; reason is one of a closed list."""

    case_id: UUID
    actor_ref: str
    role: str
    reason: str
    at: AwareDatetime


class LogPruned(EventData):
    """A person asked that the payloads of the log's entries before `below` go, or confirmed it."""

    below: int
    actor_ref: str
    at: AwareDatetime
