"""What entries are found by: made from the entries, off the path that appends them.

None of it is in the tree or proves anything, and all of it can be made again. It holds codes, ids
and keyed hashes only.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index
from sqlalchemy.dialects.postgresql import BIT
from sqlmodel import Column, Field, SQLModel

# Entries in a block, and bits in a row of it.
BLOCK: Final = 256


class SearchTerm(SQLModel, table=True):
    """Which entries of a block have this `name:value`: bit n is that of `block * 256 + n`.

    It is what an entry says itself, or where its concern belongs.
    """

    __tablename__ = "search_term"

    term: str = Field(primary_key=True)
    block: int = Field(
        sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    bits: str = Field(sa_column=Column(BIT(BLOCK), nullable=False))


class SearchBlock(SQLModel, table=True):
    """The earliest and the latest times of a block's entries."""

    __tablename__ = "search_block"

    block: int = Field(
        sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    occurred_first: datetime = Field(sa_type=DateTime(timezone=True))
    occurred_last: datetime = Field(sa_type=DateTime(timezone=True))
    recorded_first: datetime = Field(sa_type=DateTime(timezone=True))
    recorded_last: datetime = Field(sa_type=DateTime(timezone=True))


class SubjectPlace(SQLModel, table=True):
    """Where a concern belongs: `la:…`, `urn:…`, `incident:…`, and `reporter:…` who raised it."""

    __tablename__ = "search_place"
    __table_args__ = (Index("ix_search_place_place", "place", "subject"),)

    subject: UUID = Field(primary_key=True)
    place: str = Field(primary_key=True)


class SubjectBar(SQLModel, table=True):
    """Who is kept out of a concern: `ref:` an account, `post:` one of its school, or `staff`."""

    __tablename__ = "search_bar"
    __table_args__ = (Index("ix_search_bar_bar", "bar", "subject"),)

    subject: UUID = Field(primary_key=True)
    bar: str = Field(primary_key=True)


class AlsoAbout(SQLModel, table=True):
    """A concern that an entry is about besides its own."""

    __tablename__ = "search_also"

    subject: UUID = Field(primary_key=True)
    seq: int = Field(
        sa_type=BigInteger,
        primary_key=True,
        index=True,
        sa_column_kwargs={"autoincrement": False},
    )


class Copying(SQLModel, table=True):
    """A reader took whole bundles in this hour, which is told in the log once an hour."""

    __tablename__ = "log_copying"

    reader_ref: str = Field(primary_key=True)
    hour: datetime = Field(sa_type=DateTime(timezone=True), primary_key=True)
