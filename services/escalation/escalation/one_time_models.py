"""The table of one-time links; it holds nothing that could open one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, LargeBinary
from sqlmodel import Field, SQLModel


class OneTimeLink(SQLModel, table=True):
    """A link to one task for the person whose duty it is. id: the hash of its token."""

    __tablename__ = "one_time_link"

    id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    task_id: UUID = Field(index=True)
    ends_at: datetime = Field(sa_type=DateTime(timezone=True))
    used_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
