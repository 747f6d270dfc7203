"""The tables of cases, the tasks that follow from them, their clocks and who may not see them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

import escalation.shift.models  # noqa: F401 - its table is one of these
from escalation import one_time_models as one_time_models  # noqa: PLC0414 - its table is ours
from shared.events.envelope import new_event_id

_INSTANT: Any = DateTime(timezone=True)


def _json() -> Any:
    return Field(sa_column=Column(JSONB(none_as_null=True), nullable=False))


class CaseFile(SQLModel, table=True):
    """One child, or child who harmed, of one concern; its id is the concern's.

    la: the authority whose hub serves the case. conflicted: posts at the school with a conflict.
    chronology: what `facts` counts of other cases, by the fact's name: the number that was `told`,
    and the `cases` that are known here.
    basis: what each decision rested on, oldest first, to be replayed (`handrail policy replay`);
    the last says by `kept` what `decision` was when it was taken.
    unprocessed: the concern could not be understood and is to be read by hand.
    disclosure: what the Education Safeguarding Team said to a request to tell others.
    erasure_asked_at: an erasure that a hold has stopped, and that its release carries out.
    outcome, decided_at: the decision that stands, none while the work is open again (`reopening`).
    answer_by: until when the hub is to say what it will do; first_answer_by, first_answered_at: of
    the first time, which a reopened case does not move.
    version: counts every change of the case or of its tasks.
    """

    __tablename__ = "case_file"
    # By how people say a case's reference: its last eight characters.
    __table_args__ = (
        Index("case_reference", text('"right"(id::text, 8)')),
        Index("case_heartbeat", "opened_at", postgresql_where=text("synthetic AND urn = '999099'")),
    )

    id: UUID = Field(primary_key=True)
    incident_id: UUID | None = Field(default=None, index=True)
    subject_ref: str | None = None
    subject_role: str = "child"
    urn: str | None = None
    school_la: str | None = None
    school_phase: str | None = None
    home_la: str | None = None
    found_la: str | None = None
    carer_la: str | None = None
    la: str | None = None
    priority: str
    unprocessed: bool = False
    quarantined: bool = False
    synthetic: bool = False
    facts: dict[str, Any] = _json()
    chronology: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JSONB(none_as_null=True), nullable=False)
    )
    decision: dict[str, Any] = _json()
    basis: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(JSONB(none_as_null=True), nullable=False)
    )
    data_issues: list[dict[str, str]] = _json()
    discovered_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    received_at: datetime = Field(sa_type=_INSTANT)
    opened_at: datetime = Field(sa_type=_INSTANT)
    reporter_ref: str | None = None
    exclude_school_staff: bool = False
    conflicted: list[str] = _json()
    rating: str | None = None
    outcome: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    decided_by_ref: str | None = None
    answer_by: datetime | None = Field(default=None, sa_type=_INSTANT)
    first_answer_by: datetime | None = Field(default=None, sa_type=_INSTANT)
    first_answered_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    entered_in_error_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    disclosure: str | None = None
    disclosure_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    held: bool = False
    erasure_asked_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    erased_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    version: int = 1


class Task(SQLModel, table=True):
    """What one route asks of one owner.

    kind: `duty` is what the rules asked; others follow from how the case goes (`follow_up`).
    rank, due_at: the order of a queue; see `ranking`. by: the deadline, None where it is due now.
    owner_role: whose it is; `team` is the queue's own work. read_only: the queue of the route sees
    it, but it awaits the school's call. owner_ref: the person whose personal duty it is.
    offered_to_ref: the colleague to whom whoever has it hands it over. paused_until: until when
    nobody is reminded of it.
    told_at, told_by_ref: the designated lead recorded that the person whose duty it is reported.
    closed_at: when nothing is left to be done about it.
    """

    __tablename__ = "task"
    __table_args__ = (
        Index(
            "task_queue",
            "route",
            "la",
            "rank",
            "due_at",
            "id",
            postgresql_where=text("closed_at IS NULL AND kind <> 'clock'"),
        ),
        Index("task_school", "urn", "rank", "id", postgresql_where=text("closed_at IS NULL")),
        Index("task_person", "owner_ref", postgresql_where=text("owner_ref IS NOT NULL")),
        Index(
            "task_held",
            "claimed_by_ref",
            postgresql_where=text("claimed_by_ref IS NOT NULL AND closed_at IS NULL"),
        ),
    )

    id: UUID = Field(default_factory=new_event_id, primary_key=True)
    case_id: UUID = Field(foreign_key="case_file.id", index=True)
    kind: str = "duty"
    route: str
    subject: str | None = None
    la: str | None = None
    urn: str | None = None
    priority: str
    rank: int = Field(sa_type=SmallInteger)
    due_at: datetime = Field(sa_type=_INSTANT)
    certainty: str
    opened_at: datetime = Field(sa_type=_INSTANT)
    by: datetime | None = Field(default=None, sa_type=_INSTANT)
    hard_by: datetime | None = Field(default=None, sa_type=_INSTANT)
    owner: str
    owner_role: str
    owner_ref: str | None = None
    channel: str
    contact: dict[str, str] = _json()
    script: str = ""
    because: list[dict[str, Any]] = _json()
    read_only: bool = False
    state: str = "open"
    claimed_by_ref: str | None = None
    claimed_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    offered_to_ref: str | None = None
    acknowledged_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    acknowledged_by_ref: str | None = None
    reference: str | None = None
    told_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    told_by_ref: str | None = None
    outcome: str | None = None
    closed_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    notice_failed: bool = False
    paused_until: datetime | None = Field(default=None, sa_type=_INSTANT)
    version: int = 1


class Timer(SQLModel, table=True):
    """An instant at which a task's state is looked at. A clock that has ended has no row."""

    __tablename__ = "timer"
    __table_args__ = (
        Index("timer_due", "due_at", "id"),
        Index("timer_task", "task_id"),
    )

    id: UUID = Field(default_factory=new_event_id, primary_key=True)
    task_id: UUID = Field(foreign_key="task.id")
    case_id: UUID
    kind: str
    due_at: datetime = Field(sa_type=_INSTANT)
    attempts: int = 0


class QueueChange(SQLModel, table=True):
    """A task was made or changed, or something of its case that its row shows; a trigger says so.

    Open desks are told of it (`live`); it is kept for minutes."""

    __tablename__ = "queue_change"

    seq: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    task_id: UUID
    route: str
    la: str | None = None
    at: datetime = Field(
        sa_column=Column(
            DateTime(timezone=True), server_default=text("clock_timestamp()"), index=True
        )
    )


class Disagreement(SQLModel, table=True):
    """A school that disagrees with the hub, at one step of the ladder. by: until when it is to be
    answered; a case has one unsettled disagreement at most."""

    __tablename__ = "disagreement"
    __table_args__ = (
        Index(
            "disagreement_unsettled",
            "case_id",
            unique=True,
            postgresql_where=text("settled_at IS NULL"),
        ),
    )

    id: UUID = Field(default_factory=new_event_id, primary_key=True)
    case_id: UUID = Field(foreign_key="case_file.id", index=True)
    stage: int = Field(sa_type=SmallInteger)
    opened_at: datetime = Field(sa_type=_INSTANT)
    by: datetime = Field(sa_type=_INSTANT)
    answered_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    answered_by_ref: str | None = None
    settled_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    settled_by_ref: str | None = None


class Exclusion(SQLModel, table=True):
    """An account, by its keyed hash, to which the case does not exist."""

    __tablename__ = "exclusion"

    case_id: UUID = Field(foreign_key="case_file.id", primary_key=True)
    account_ref: str = Field(primary_key=True, index=True)


class EarlyHold(SQLModel, table=True):
    """A hold that was heard of before its case: it counts once that is opened."""

    __tablename__ = "early_hold"

    case_id: UUID = Field(primary_key=True)
    held: bool
    at: datetime = Field(sa_type=_INSTANT)
    actor_ref: str


class CaseLink(SQLModel, table=True):
    """`kind:keyed hash` of what tells the child or its household: cases may share one."""

    __tablename__ = "case_link"

    case_id: UUID = Field(foreign_key="case_file.id", primary_key=True)
    match_key: str = Field(primary_key=True, index=True)


class LinkDecision(SQLModel, table=True):
    """A person's last word on whether two cases belong together. case_id is the lesser of the two;
    state: confirmed or undone."""

    __tablename__ = "link_decision"

    case_id: UUID = Field(foreign_key="case_file.id", primary_key=True)
    other_id: UUID = Field(foreign_key="case_file.id", primary_key=True, index=True)
    state: str
    at: datetime = Field(sa_type=_INSTANT)
    actor_ref: str


class SealedDetail(SQLModel, table=True):
    """What the school told of the people, as it came: one for the concern, one an amendment."""

    __tablename__ = "sealed_detail"

    id: UUID = Field(primary_key=True)
    case_id: UUID = Field(foreign_key="case_file.id", index=True)
    received_at: datetime = Field(sa_type=_INSTANT)
    sealed: str


class CaseEvent(SQLModel, table=True):
    """The case's own history. detail: codes only; what a person wrote is sealed."""

    __tablename__ = "case_event"

    id: UUID = Field(default_factory=new_event_id, primary_key=True)
    case_id: UUID = Field(foreign_key="case_file.id", index=True)
    at: datetime = Field(sa_type=_INSTANT)
    kind: str
    actor_ref: str | None = None
    detail: dict[str, Any] = _json()
    sealed_note: str | None = None
