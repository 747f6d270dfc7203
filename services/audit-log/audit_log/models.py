"""The log's tables. Entries and heads are only ever added: triggers refuse anything else."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, LargeBinary
from sqlmodel import Field, SQLModel

from shared import dead_letters, inbox, outbox

__all__ = ["Commitment", "LogEntry", "LogHead", "TreeHead", "dead_letters", "inbox", "outbox"]


class LogEntry(SQLModel, table=True):
    """One leaf. `seq` counts from 0 without gaps; the other columns only help to find it.

    event_id: the event's own; for a conflict or an unreadable record one that is derived from the
    record's place, so that a second delivery adds nothing. partition, offset: where it came from.
    """

    __tablename__ = "log_entry"
    __table_args__ = (
        Index("ix_log_entry_subject", "subject", "type"),
        Index("ix_log_entry_task", "task_id", "type", postgresql_where="task_id IS NOT NULL"),
        Index("ix_log_entry_type", "type", "occurred_at"),
        Index("ix_log_entry_producer", "producer", "producer_sequence"),
    )

    seq: int = Field(
        sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    event_id: UUID = Field(unique=True)
    type: str
    occurred_at: datetime = Field(sa_type=DateTime(timezone=True))
    recorded_at: datetime = Field(sa_type=DateTime(timezone=True))
    producer: str | None
    producer_sequence: int | None = Field(sa_type=BigInteger)
    subject: UUID | None
    task_id: UUID | None
    topic: str
    partition: int
    offset: int = Field(sa_type=BigInteger)
    payload: bytes = Field(sa_type=LargeBinary)
    leaf_hash: bytes = Field(sa_type=LargeBinary)


class LogHead(SQLModel, table=True):
    """The one row that every append locks. hashes: the compact range of the tree so far."""

    __tablename__ = "log_head"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    size: int = Field(sa_type=BigInteger)
    hashes: bytes = Field(sa_type=LargeBinary)


class TreeHead(SQLModel, table=True):
    """The root of the tree after a batch."""

    __tablename__ = "tree_head"

    size: int = Field(
        sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    root: bytes = Field(sa_type=LargeBinary)
    at: datetime = Field(sa_type=DateTime(timezone=True))


class Commitment(SQLModel, table=True):
    """The salt of an entry's commitment. Deleted when its concern is erased; the tree stays."""

    __tablename__ = "commitment"

    event_id: UUID = Field(primary_key=True)
    subject: UUID | None = Field(index=True)
    salt: bytes = Field(sa_type=LargeBinary)
