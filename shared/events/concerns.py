"""Events of a concern's life at the school's side; intake produces them."""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class EventData(BaseModel):
    """Facts only. What identifies or narrates a person travels in members named `sealed_…`."""

    # A newer producer may add an optional member: an older consumer must not choke on it.
    model_config = ConfigDict(frozen=True, extra="ignore")


class DataIssue(EventData):
    """pointer: a JSON pointer into the submission; issue: a code, never the value."""

    pointer: str
    issue: str


FactValue = str | int | bool | list[str] | None


class ConcernRaised(EventData):
    """A school has raised a concern about one child, or about a child who harmed.

    subject_ref: `child-1`, … as counted here, not as the client named it.
    decision: the advice given at once, as in the answer to the POST.
    reporter_ref, excluded_refs: keyed hashes of accounts; excluded ones must never see the case.
    carer_la: where somebody lives who looks after the child and is no near relative.
    school_phase: the school's phase of education, in the words of the register of schools; None
    where the school is not known.
    exclude_school_staff: the accused is not identified, so all staff but the reporter are excluded.
    excluded_roles: posts of the school in conflict, by what was said of any child of the incident.
    match_keys: `kind:keyed hash`, by which concerns are linked: about the same child (upn, nhs,
    name_dob) or household (address).
    """

    concern_id: UUID
    incident_id: UUID
    subject_ref: str
    subject_role: Literal["child", "child_who_harmed"]
    received_at: AwareDatetime
    discovered_at: AwareDatetime | None
    urn: str | None
    school_la: str | None
    home_la: str | None
    found_la: str | None
    synthetic: bool
    quarantined: bool
    facts: dict[str, FactValue]
    decision: dict[str, Any]
    data_issues: list[DataIssue]
    reporter_ref: str | None
    excluded_refs: list[str]
    exclude_school_staff: bool
    match_keys: list[str]
    sealed_details: str
    sealed_contacts: str
    excluded_roles: list[str] = Field(default_factory=list)
    carer_la: str | None = None
    school_phase: str | None = None


class ConcernAmended(EventData):
    """More was said about a concern. It can only raise what was decided.

    excluded_refs, exclude_school_staff, excluded_roles: who is to be kept out besides, as in
    concern.raised; for every concern of the incident, and nobody is let in again.
    carer_la: as in concern.raised, where it was said only now.
    """

    concern_id: UUID
    received_at: AwareDatetime
    facts: dict[str, FactValue]
    decision: dict[str, Any]
    data_issues: list[DataIssue]
    sealed_details: str
    excluded_refs: list[str] = Field(default_factory=list)
    exclude_school_staff: bool = False
    excluded_roles: list[str] = Field(default_factory=list)
    carer_la: str | None = None


class ConcernErased(EventData):
    """Every owner deletes what it holds of the people in this concern, at once."""

    concern_id: UUID
    erased_at: AwareDatetime
    actor_ref: str


class ConcernHeld(EventData):
    """A hold stops retention and erasure until it is released."""

    concern_id: UUID
    held: bool
    at: AwareDatetime
    actor_ref: str


class ConcernEnteredInError(EventData):
    """A named person says that this concern was submitted about the wrong child."""

    concern_id: UUID
    at: AwareDatetime
    actor_ref: str
    sealed_reason: str


class ProducerClosed(EventData):
    """A producer's count so far, so that a lost tail can be seen too."""

    producer: str
    last_sequence: int
    at: AwareDatetime
