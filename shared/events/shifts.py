"""Events of a queue that goes from one shift to the next; escalation produces them."""

from uuid import UUID

from pydantic import AwareDatetime

from shared.events.concerns import EventData


class ShiftHandedOver(EventData):
    """A shift took over a queue by name. cases: how many had unfinished work when it was given."""

    handover_id: UUID
    route: str
    to_route: str
    la: str
    given_by_ref: str
    taken_by_ref: str
    cases: int
    at: AwareDatetime


class ShiftUntaken(EventData):
    """A queue was given, and half an hour into the next shift nobody has taken it by name."""

    handover_id: UUID
    route: str
    to_route: str
    la: str
    given_by_ref: str
    given_at: AwareDatetime
    due_at: AwareDatetime
    at: AwareDatetime
