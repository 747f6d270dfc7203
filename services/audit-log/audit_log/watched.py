"""What the reconciler keeps, made from the entries in their order; it can be made again from them.

It is not in the tree, proves nothing, and holds ids, posts and times only.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index
from sqlmodel import Field, SQLModel


class WatchCursor(SQLModel, table=True):
    """How far the entries have been looked at. One row, locked by whoever looks on."""

    __tablename__ = "watch_cursor"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    next_seq: int = Field(sa_type=BigInteger)


class WatchedConcern(SQLModel, table=True):
    """raised_at is null while its case is known and its raising, on another topic, is not yet."""

    __tablename__ = "watched_concern"
    __table_args__ = (
        Index(
            "ix_watched_concern_open",
            "raised_at",
            postgresql_where="raised_at IS NOT NULL AND NOT accounted",
        ),
    )

    subject: UUID = Field(primary_key=True)
    raised_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    raised_seq: int | None = Field(default=None, sa_type=BigInteger)
    accounted: bool = False


class WatchedTask(SQLModel, table=True):
    """opened_at is null while only what followed it is known. told: some notice of it ended."""

    __tablename__ = "watched_task"
    __table_args__ = (
        Index(
            "ix_watched_task_open",
            "opened_at",
            postgresql_where="opened_at IS NOT NULL AND NOT answered AND (urgent OR failed "
            "OR NOT told)",
        ),
        Index("ix_watched_task_subject", "subject"),
    )

    task_id: UUID = Field(primary_key=True)
    subject: UUID | None = None
    opened_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    opened_seq: int | None = Field(default=None, sa_type=BigInteger)
    route: str | None = None
    la: str | None = None
    owner: str | None = None
    owner_role: str | None = None
    urgent: bool = False
    told: bool = False
    failed: bool = False
    answered: bool = False


class WatchedDecision(SQLModel, table=True):
    """A decision about a case, once for each route whose work it ended."""

    __tablename__ = "watched_decision"

    subject: UUID = Field(primary_key=True)
    route: str = Field(primary_key=True)
    seq: int = Field(
        sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False}
    )


class WatchedProducer(SQLModel, table=True):
    """highest: the highest number that has come; closed: the highest it said to have given."""

    __tablename__ = "watched_producer"

    name: str = Field(primary_key=True)
    highest: int = Field(sa_type=BigInteger)
    closed: int = Field(sa_type=BigInteger)
    closed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class WatchedRepeat(SQLModel, table=True):
    """An entry whose producer had given its number to another event before."""

    __tablename__ = "watched_repeat"

    seq: int = Field(
        sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    producer: str
    number: int = Field(sa_type=BigInteger)
    since: datetime = Field(sa_type=DateTime(timezone=True))


class WatchedHold(SQLModel, table=True):
    """A concern on hold: its entries are not pruned. seq: of the entry that says so."""

    __tablename__ = "watched_hold"

    subject: UUID = Field(primary_key=True)
    seq: int = Field(sa_type=BigInteger)


class WatchedGap(SQLModel, table=True):
    """Numbers, first to last, that have not come although higher ones have. since: from when."""

    __tablename__ = "watched_gap"

    producer: str = Field(primary_key=True)
    first: int = Field(
        sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    last: int = Field(sa_type=BigInteger)
    since: datetime = Field(sa_type=DateTime(timezone=True))
