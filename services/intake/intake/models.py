"""Intake's tables. Nothing in them names a person: identifiers are keyed, texts are sealed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlmodel import Field, SQLModel

_INSTANT = DateTime(timezone=True)
# Erased means SQL's null, not JSON's.
_ERASABLE = JSONB(none_as_null=True)
# Only ever read whole: to take twenty kilobytes apart on each insert would be for nothing.
_KEPT_AS_IT_IS = JSON(none_as_null=True)


class Submission(SQLModel, table=True):
    """What one request brought: the incident, and the record that makes its key idempotent.

    key_ref, source_ref: keyed hashes of the Idempotency-Key and of the source record's id, which a
    vendor may build from a name. body_ref: the same of the body without media; null once erased.
    excluded_refs, excluded_roles, exclude_school_staff: who must see no trace of it.
    private: never shown to a `mis` client, because someone at the school is accused or conflicted.
    sealed_raw: the body without media, sealed to those who may read details.
    """

    __tablename__ = "submission"
    __table_args__ = (
        # A null URN (quarantine) is a value here: a retry in quarantine is still a retry.
        Index("submission_key", "client", text("coalesce(urn, '')"), "key_ref", unique=True),
        Index(
            "submission_heartbeat",
            "received_at",
            postgresql_where=text("synthetic AND urn = '999099'"),
        ),
    )

    id: UUID = Field(primary_key=True)
    client: str
    urn: str | None
    key_ref: str
    body_ref: str | None
    source_ref: str | None
    received_at: datetime = Field(sa_type=_INSTANT)
    school_la: str | None
    submitted_by: str | None
    reporter_ref: str | None
    excluded_refs: list[str] = Field(sa_type=JSONB)
    excluded_roles: list[str] = Field(sa_type=JSONB)
    exclude_school_staff: bool
    private: bool
    quarantined: bool
    synthetic: bool
    data_issues: list[dict[str, str]] = Field(sa_type=JSONB)
    dropped_media: int
    sealed_raw: str | None


class Concern(SQLModel, table=True):
    """One child's part of an incident, or a child's who harmed, with the advice given at once.

    facts and decision are those of the submission and never change; what was said later is in
    `amendment`. Both are null once the concern is erased: the row stays as the tombstone.
    """

    __tablename__ = "concern"

    id: UUID = Field(primary_key=True)
    incident_id: UUID = Field(index=True)
    subject_ref: str
    subject_role: str
    home_la: str | None
    found_la: str | None
    carer_la: str | None
    facts: dict[str, Any] | None = Field(sa_type=_ERASABLE)
    decision: dict[str, Any] | None = Field(sa_type=_KEPT_AS_IT_IS)
    held: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    entered_in_error_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    erased_at: datetime | None = Field(default=None, sa_type=_INSTANT)


class Amendment(SQLModel, table=True):
    """What was said later, and the decision from then on; it is never below the one before."""

    __tablename__ = "amendment"
    __table_args__ = (
        Index("amendment_body", "concern_id", "body_ref", unique=True),
        Index("amendment_order", "concern_id", "number", unique=True),
    )

    id: UUID = Field(primary_key=True)
    concern_id: UUID
    number: int
    body_ref: str
    received_at: datetime = Field(sa_type=_INSTANT)
    facts: dict[str, Any] | None = Field(sa_type=_ERASABLE)
    decision: dict[str, Any] | None = Field(sa_type=_KEPT_AS_IT_IS)
    data_issues: list[dict[str, str]] = Field(sa_type=JSONB)
    sealed_raw: str | None


class Match(SQLModel, table=True):
    """Keyed hashes by which concerns about the same child are linked."""

    __tablename__ = "match"

    concern_id: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    key: str = Field(index=True)


class Receipt(SQLModel, table=True):
    """What the school sees of one task: who has it (a post, never a person) and how far it is.

    What is null is not known yet: the task was raised or acknowledged before its opening was heard.
    """

    __tablename__ = "receipt"

    task_id: UUID = Field(primary_key=True)
    concern_id: UUID = Field(index=True)
    route: str
    la: str | None
    priority: str | None = None
    certainty: str | None = None
    owner: str | None = None
    channel: str | None = None
    state: str
    opened_at: datetime = Field(sa_type=_INSTANT)
    due_by: datetime | None = Field(default=None, sa_type=_INSTANT)
    hard_by: datetime | None = Field(default=None, sa_type=_INSTANT)
    acknowledged_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    reference_given: bool = False


class ReceiptNotice(SQLModel, table=True):
    """Whether those who owe a task were told of it; recipient is a post or a team."""

    __tablename__ = "receipt_notice"

    notice_id: UUID = Field(primary_key=True)
    concern_id: UUID = Field(index=True)
    task_id: UUID | None
    channel: str
    recipient: str
    state: str
    at: datetime = Field(sa_type=_INSTANT)


class Progress(SQLModel, table=True):
    """How far the hub is with a concern as a whole.

    outcome, decided_at: of the decision that stands; earlier_outcome: of one that does not, since
    the case was opened again at reopened_at.
    """

    __tablename__ = "progress"

    concern_id: UUID = Field(primary_key=True)
    priority: str | None = None
    opened_at: datetime = Field(sa_type=_INSTANT)
    claimed_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    decided_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    outcome: str | None = None
    reopened_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    earlier_outcome: str | None = None


class OutcomeRow(SQLModel, table=True):
    """The feed that a school's system reads forward.

    A cursor on `seq` alone would skip a row that commits late, so the feed is ordered by the
    writing transaction first and ends below the oldest transaction that still runs.
    """

    __tablename__ = "outcome"
    __table_args__ = (
        Index("outcome_feed", "client", "xact", "seq"),
        Index("outcome_concern", "concern_id"),
    )

    seq: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    xact: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger, nullable=False, server_default=text("(pg_current_xact_id()::text)::bigint")
        ),
    )
    client: str
    concern_id: UUID
    kind: str
    at: datetime = Field(sa_type=_INSTANT)
    detail: dict[str, Any] = Field(sa_type=JSONB)


class School(SQLModel, table=True):
    """The register of schools: authority, phase and name come from here, not from the client."""

    __tablename__ = "school"

    urn: str = Field(primary_key=True)
    la: str
    name: str
    phase: str | None
    synthetic: bool = False


class GrantRow(SQLModel, table=True):
    """Who may do what for which school, given by that school and revocable at once.

    account_ref: the keyed hash of a person's account; of client and account_ref one is given.
    staff_ref: the same of the number the school's own system knows that person by.
    sandbox: may ask for strict handling, under which nothing is stored.
    synthetic: set by us, never asked for; its concerns are drills, for reserved schools only.
    """

    __tablename__ = "grant_row"
    __table_args__ = (
        Index("grant_client", "client"),
        Index("grant_account", "account_ref"),
        Index("grant_school", "urn"),
    )

    id: UUID = Field(primary_key=True)
    client: str | None
    account_ref: str | None
    staff_ref: str | None = None
    role: str
    route: str | None = None
    la: str | None = None
    urn: str | None
    valid_from: datetime = Field(sa_type=_INSTANT)
    valid_to: datetime | None = Field(default=None, sa_type=_INSTANT)
    given_by_ref: str
    given_at: datetime = Field(sa_type=_INSTANT)
    revoked_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    revoked_by_ref: str | None = None
    sandbox: bool = False
    synthetic: bool = False
