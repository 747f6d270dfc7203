"""The directory of posts, the notices on their way, and a concern's sealed contacts."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from shared import dead_letters, inbox, outbox

__all__ = ["Notice", "Post", "ReporterContact", "TaskLink", "dead_letters", "inbox", "outbox"]

State = Literal["queued", "sending", "sent", "failed"]


class Post(SQLModel, table=True):
    """Where a post of a school or a team is reached. Posts outlast the people who hold them.

    kind: urn (a school's post) or team (a queue's, by route and authority; without an authority it
    stands for every one). account_ref: the keyed hash of the holder's account; None is an address
    that several people read. synthetic: of the demo, and reached by synthetic concerns only.
    """

    __tablename__ = "post"
    __table_args__ = (
        UniqueConstraint(
            "kind", "urn", "route", "la", "post", "email", postgresql_nulls_not_distinct=True
        ),
    )

    id: UUID = Field(primary_key=True)
    kind: str
    urn: str | None = Field(default=None, index=True)
    route: str | None = Field(default=None, index=True)
    la: str | None = None
    post: str
    email: str
    account_ref: str | None = None
    synthetic: bool


class Notice(SQLModel, table=True):
    """One message to one recipient. It holds no address: that is looked up when it is sent.

    recipient: what names the recipient in events and lists, such as `dsl 999001`; post_id is None
    for the reporter, whose address is only ever in the sealed contacts, and where there was no one.
    token: changes with every claim, so that a sender which was taken for dead cannot report.
    told_overdue: people were told that it had not got through; it is tried on.
    """

    __tablename__ = "notice"
    __table_args__ = (
        # One event tells one recipient once; post_id is None for the reporter, and for no one.
        UniqueConstraint("event_id", "template", "post_id", postgresql_nulls_not_distinct=True),
        Index("ix_notice_due", "priority", "next_attempt_at", postgresql_where="ended_at IS NULL"),
        Index("ix_notice_task", "task_id"),
        Index("ix_notice_case", "case_id"),
        Index(
            "notice_heartbeat",
            "created_at",
            postgresql_where=text("synthetic AND recipient LIKE '% 999099'"),
        ),
    )

    id: UUID = Field(primary_key=True)
    event_id: UUID
    case_id: UUID
    task_id: UUID | None
    route: str | None
    la: str | None
    priority: str
    channel: str = "email"
    template: str
    recipient: str
    post_id: UUID | None
    excluded_refs: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    synthetic: bool
    state: str
    attempts: int = 0
    token: int = Field(default=0, sa_type=BigInteger)
    last_code: str | None = None
    told_overdue: bool = False
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    next_attempt_at: datetime = Field(sa_type=DateTime(timezone=True))
    ended_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class ReporterContact(SQLModel, table=True):
    """How to reach who raised a concern: sealed, and opened only in the moment of sending.

    erased_at leaves a mark, so that an event which comes late cannot bring the contact back. A hold
    that comes before the concern is kept in a row without a contact.
    """

    __tablename__ = "reporter_contact"

    concern_id: UUID = Field(primary_key=True)
    reporter_ref: str | None = None
    sealed: str | None = None
    held: bool = False
    erased_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class TaskLink(SQLModel, table=True):
    """The one-time link of a reporter's own task: sealed, and opened only to write it into a mail.

    It is the newest; ends_at: until when it opens.
    """

    __tablename__ = "task_link"

    task_id: UUID = Field(primary_key=True)
    case_id: UUID = Field(index=True)
    sealed: str
    ends_at: datetime = Field(sa_type=DateTime(timezone=True))
