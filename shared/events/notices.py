"""Events of notices; notify produces them."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from shared.events.concerns import EventData


class NoticeSent(EventData):
    """The next machine on the way took the notice. It says nothing of a person having read it."""

    notice_id: UUID
    task_id: UUID | None
    case_id: UUID
    channel: Literal["email", "sms"]
    template: str
    recipient: str
    attempts: int
    at: AwareDatetime


class NoticeFailed(EventData):
    """A notice could not be delivered, or there was no one to send it to; a person must act.

    One that was only put off is tried on for some hours, and `notice.sent` may still follow.
    """

    notice_id: UUID
    task_id: UUID | None
    case_id: UUID
    channel: Literal["email", "sms"]
    template: str
    recipient: str
    attempts: int
    reason: str
    at: AwareDatetime
