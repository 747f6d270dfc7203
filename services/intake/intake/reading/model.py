"""What a submission is once it has been read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from intake.reading.coerce import FactValue
from intake.reading.issues import Issue

Role = Literal["child", "child_who_harmed"]
Said = Literal["accused_staff", "accused", "unclear", "not_said"]


@dataclass(frozen=True, slots=True)
class Reporter:
    role: str
    does_teaching_work: str
    account: str | None


@dataclass(frozen=True, slots=True)
class Subject:
    """One child. `ref` is counted by us; `client_ref` is the sender's and goes back to it only.

    carer_la: the authority where somebody lives who looks after the child and is no near relative.
    match_inputs: (kind, normalised) with kinds upn, nhs, name_dob, address: to be hashed, not kept.
    details: what identifies or narrates, for the seal that only escalation opens.
    """

    ref: str
    client_ref: str
    role: Role
    facts: Mapping[str, FactValue]
    dob: date | None
    home_la: str | None
    carer_la: str | None
    match_inputs: tuple[tuple[str, str], ...] = field(repr=False)
    details: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Suspect:
    """Somebody who may have to be kept out, and the staff numbers that are given for them.

    said: by the sender's word for their part: accused as one of the school's staff, accused as
    anybody, something that is not understood, or nothing of the kind.
    """

    said: Said
    numbers: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Submission:
    """contacts: the reporter's name and how to reach them, for the seal that only notify opens.

    raw: the whole body as JSON without media, for the seal; it still holds every claimed value.
    school_la: the authority that the sender names for the school; the register's counts.
    discovered_at: the claim when it is possible, else none; our clock rules either way.
    """

    urn: str | None
    school_la: str | None
    source_record_id: str | None
    received_at: datetime
    discovered_at: datetime | None
    occurred_at: datetime | None
    found_la: str | None
    reporter: Reporter
    subjects: tuple[Subject, ...]
    issues: tuple[Issue, ...]
    disclosure_request: str
    text_flags: tuple[str, ...]
    suspects: tuple[Suspect, ...] = field(repr=False)
    contacts: Mapping[str, str] = field(repr=False)
    raw: Any = field(repr=False)

    @property
    def strict_errors(self) -> tuple[dict[str, str], ...]:
        """What a sandbox client that asked for strict handling is told."""
        return tuple(issue.as_json() for issue in self.issues)
