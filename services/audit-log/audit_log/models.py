"""The log's tables. What is in the tree is only ever added to: the database refuses anything else.

`log_entry`, `log_event`, `log_tile`, `tree_head`, `checkpoint`, `cosignature`, `erased_subject` and
`prune_step` only grow. `bus_offset` and `log_lock` alone change with each batch; what is in
`watched.py` is made from the entries and can be made again.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, LargeBinary, SmallInteger
from sqlmodel import Field, SQLModel

from audit_log import watched
from audit_log.search import tables as search_tables
from shared import dead_letters, inbox, outbox

__all__ = [
    "BusOffset", "Checkpoint", "Commitment", "Cosignature", "ErasedSubject", "LogEntry", "LogEvent",
    "LogLock", "LogTile", "PruneStep", "TreeHead", "dead_letters", "inbox", "outbox",
    "search_tables", "watched",
]  # fmt: skip

_FIXED = {"autoincrement": False}


class LogEntry(SQLModel, table=True):
    """One leaf. `seq` counts from 0 without gaps; the other columns only help to find it.

    Partitioned by ranges of seq, so that old payloads can be pruned; nothing about it may be unique
    across partitions, which is why `log_event` knows the ids. partition, offset: its place on the
    bus. event_id: the event's own; for a conflict or an unreadable record one that is derived from
    the record's place, so that a second delivery adds nothing.
    """

    __tablename__ = "log_entry"
    __table_args__ = (
        Index("ix_log_entry_subject", "subject", "seq"),
        Index("ix_log_entry_occurred", "occurred_at", postgresql_using="brin"),
        {"postgresql_partition_by": "RANGE (seq)"},
    )

    seq: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs=_FIXED)
    event_id: UUID
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


class LogEvent(SQLModel, table=True):
    """Which event is which entry: narrow and whole, so that it outlives pruned entries."""

    __tablename__ = "log_event"

    event_id: UUID = Field(primary_key=True)
    seq: int = Field(sa_type=BigInteger)


class LogTile(SQLModel, table=True):
    """A full tile: 256 hashes of its level. root: their subtree's, a hash of the level above."""

    __tablename__ = "log_tile"

    level: int = Field(sa_type=SmallInteger, primary_key=True, sa_column_kwargs=_FIXED)
    index: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs=_FIXED)
    root: bytes = Field(sa_type=LargeBinary)
    hashes: bytes = Field(sa_type=LargeBinary)


class TreeHead(SQLModel, table=True):
    """The tree after a batch. range: the roots of its perfect subtrees, the largest first."""

    __tablename__ = "tree_head"

    size: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs=_FIXED)
    root: bytes = Field(sa_type=LargeBinary)
    range: bytes = Field(sa_type=LargeBinary)
    at: datetime = Field(sa_type=DateTime(timezone=True))


class Checkpoint(SQLModel, table=True):
    """A head that was signed. note: the signed note, byte for byte."""

    __tablename__ = "checkpoint"

    size: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs=_FIXED)
    note: str
    at: datetime = Field(sa_type=DateTime(timezone=True))


class Cosignature(SQLModel, table=True):
    """A witness's signature line for a checkpoint. witness: the name in its key."""

    __tablename__ = "cosignature"

    size: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs=_FIXED)
    witness: str = Field(primary_key=True)
    line: str
    at: datetime = Field(sa_type=DateTime(timezone=True))


class BusOffset(SQLModel, table=True):
    """How far each partition of the bus is in the log; moved in the transaction that appends."""

    __tablename__ = "bus_offset"

    topic: str = Field(primary_key=True)
    partition: int = Field(primary_key=True, sa_column_kwargs=_FIXED)
    next_offset: int = Field(sa_type=BigInteger)


class LogLock(SQLModel, table=True):
    """The one row that every append locks: seq is one count, whatever brings the events."""

    __tablename__ = "log_lock"

    id: int = Field(primary_key=True, sa_column_kwargs=_FIXED)


class Commitment(SQLModel, table=True):
    """The salt of an entry's commitment. Deleted when its concern is erased; the tree stays."""

    __tablename__ = "commitment"

    event_id: UUID = Field(primary_key=True)
    subject: UUID | None = Field(index=True)
    salt: bytes = Field(sa_type=LargeBinary)


class ErasedSubject(SQLModel, table=True):
    """A concern whose erasure is in the log: what still comes of it gets no salt that is kept."""

    __tablename__ = "erased_subject"

    subject: UUID = Field(primary_key=True)
    seq: int = Field(sa_type=BigInteger)


class PruneStep(SQLModel, table=True):
    """One of the two who had the entries before `below` pruned. step: `asked` or `pruned`."""

    __tablename__ = "prune_step"

    below: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs=_FIXED)
    step: str = Field(primary_key=True)
    actor_ref: str
    at: datetime = Field(sa_type=DateTime(timezone=True))
