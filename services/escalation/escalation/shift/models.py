"""The table of queues that one shift has given to the next."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shared.events.envelope import new_event_id

_INSTANT: Any = DateTime(timezone=True)


class Handover(SQLModel, table=True):
    """A queue as one shift left it. cases: ids of those with unfinished tasks then. It is the
    giver's until somebody of the next shift takes it by name; one of a queue waits at most.

    due_at: when it is late, which is told once (`late_told_at`). given_by, taken_by: names, sealed.
    """

    __tablename__ = "handover"
    __table_args__ = (
        Index(
            "handover_waiting",
            "route",
            "to_route",
            "la",
            unique=True,
            postgresql_where=text("taken_at IS NULL"),
        ),
    )

    id: UUID = Field(default_factory=new_event_id, primary_key=True)
    route: str
    to_route: str
    la: str
    given_at: datetime = Field(sa_type=_INSTANT)
    given_by_ref: str
    given_by: str
    due_at: datetime = Field(sa_type=_INSTANT)
    late_told_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    cases: list[str] = Field(sa_column=Column(JSONB(none_as_null=True), nullable=False))
    taken_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    taken_by_ref: str | None = None
    taken_by: str | None = None
