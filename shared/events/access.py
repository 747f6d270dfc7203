"""Events of who read what, recorded before it is shown, and of who may act and who is told."""

from typing import Literal
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
    """A person asked that the payloads of the log's entries before `below` go, or confirmed it.

    asked_by_ref: of who confirms, the other person, who asked.
    """

    below: int
    actor_ref: str
    at: AwareDatetime
    asked_by_ref: str | None = None


class LogSearched(EventData):
    """An auditor was about to be shown, or given as a file, what a search of the log had found.

    authorities: those that the reader is limited to; empty: none. filters: by name a code, an id or
    a time; "unknown" where no entry has that value. after: the entry (seq) that it began behind.
    found: how many entries.
    """

    what: Literal["search", "export"]
    actor_ref: str
    role: str
    authorities: list[str]
    filters: dict[str, str]
    after: int
    found: int
    at: AwareDatetime


class LogRead(EventData):
    """An auditor was about to be shown one entry, its proof with it, or a concern's whole story.

    Of whole bundles it is told once an hour that the reader takes them. seq: of the one entry.
    """

    what: Literal["entry", "proof", "story", "bundles"]
    actor_ref: str
    role: str
    authorities: list[str]
    seq: int | None
    found: int
    at: AwareDatetime


class GrantChanged(EventData):
    """Somebody gave a client or a person leave to speak for a school, or withdrew it.

    holder_ref: of the person's account, or of the client. role: what the holder may be there.
    """

    grant_id: UUID
    urn: str
    role: str
    holder_ref: str
    actor_ref: str
    valid_from: AwareDatetime
    valid_to: AwareDatetime | None
    synthetic: bool
    at: AwareDatetime


class PostChanged(EventData):
    """Somebody said where a post of a school or a team is reached, or took that out again.

    It never holds the address. urn: of a school's post; route, and la unless for all: of a team's.
    holder_ref: of the account that alone reads the address; None where several people do.
    """

    post_id: UUID
    post: str
    urn: str | None
    route: str | None
    la: str | None
    holder_ref: str | None
    actor_ref: str
    synthetic: bool
    at: AwareDatetime
