"""The tables of sign-ins; every service with pages has them in its own database."""

from datetime import datetime

from sqlalchemy import DateTime, LargeBinary
from sqlmodel import Field, SQLModel


class WebSession(SQLModel, table=True):
    """Who is signed in, sealed under the cookie. id: the hash of what the cookie holds.

    seen_at moves at most once a minute. A row stays for a day after its end, so that a form sent
    too late can still be given back to the person who typed it; a sign-out deletes it at once.
    """

    __tablename__ = "web_session"

    id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    sealed: bytes = Field(sa_type=LargeBinary)
    started_at: datetime = Field(sa_type=DateTime(timezone=True))
    seen_at: datetime = Field(sa_type=DateTime(timezone=True))
    ends_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)


class WebHeld(SQLModel, table=True):
    """A form that waits, sealed, for the browser that sent it when its sign-in had run out.

    id: the hash of the handle in the address. browser: the hash of the cookie it is for.
    """

    __tablename__ = "web_held"

    id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    browser: bytes = Field(sa_type=LargeBinary, index=True)
    sealed: bytes = Field(sa_type=LargeBinary)
    ends_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)
