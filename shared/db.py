"""Connections to PostgreSQL with the time limits that every service works under."""

import socket
from collections.abc import Iterator
from typing import Any, Final

import asyncpg
from sqlalchemy import URL, event, make_url, text
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

# A stuck statement or transaction must end by itself: a stalled concern is worse than an error.
SESSION_LIMITS = {
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
    "transaction_timeout": "30s",
    "timezone": "UTC",
}

# The server's limits above end nothing where the server is gone without a word (a fail-over, a
# firewall): then what was sent stays unacknowledged, and ours says after ten seconds that the
# connection is lost. The system's own limit is a quarter of an hour, in which no clock would fire.
_CUT_MILLISECONDS = 10_000
_ASK_SECONDS = 5
CONNECT_SECONDS: Final = 5.0
# Who waits longer than this for one of the pool's connections is told to come again.
_POOL_SECONDS = 5.0

# SQLSTATE classes that say "not now" rather than "never": connection lost, serialisation failure or
# deadlock, resources used up, lock not available, server shutting down or starting.
_TRANSIENT_CLASSES = ("08", "40", "53", "55", "57")


def server_settings(application: str) -> dict[str, str]:
    return {**SESSION_LIMITS, "application_name": application}


def sqlalchemy_url(dsn: str) -> URL:
    return make_url(dsn).set(drivername="postgresql+asyncpg")


def make_engine(dsn: str, application: str, pool_size: int = 8) -> AsyncEngine:
    engine = create_async_engine(
        sqlalchemy_url(dsn),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=_POOL_SECONDS,
        hide_parameters=True,  # an error's text would hold what somebody submitted
        connect_args={
            "server_settings": server_settings(application),
            "timeout": CONNECT_SECONDS,
        },
    )
    event.listen(engine.sync_engine, "connect", _notice_cuts)
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def notice_cuts(connection: asyncpg.Connection) -> None:
    """Whoever waits on a connection that is cut is told within seconds: TCP itself asks for it.

    Of a connection in the file system nothing is asked: its server cannot be cut off.
    """
    own = connection._transport.get_extra_info("socket")  # it has no other way
    if own is None or own.family not in (socket.AF_INET, socket.AF_INET6):
        return
    own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", _ASK_SECONDS),
        ("TCP_KEEPINTVL", max(1, _ASK_SECONDS // 2)),
        ("TCP_USER_TIMEOUT", _CUT_MILLISECONDS),
    ):
        if hasattr(socket, name):  # not every system that a demo runs on has them
            own.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _notice_cuts(connection: Any, _: object) -> None:
    notice_cuts(connection.driver_connection)


def _refuse_closed(connection: Any, _: object, __: object) -> None:
    """A connection that the server has ended is never handed out: the pool then opens another.

    The driver has noticed by itself. To ask the server first, as `pool_pre_ping` does, costs three
    round trips each time, a tenth of the way of a concern.
    """
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError


def make_sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    return async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)


async def connect(dsn: str, application: str) -> asyncpg.Connection:
    """One dedicated connection with the session limits, for work that the pool would slow down."""
    connection = await asyncpg.connect(
        dsn, server_settings=server_settings(application), timeout=CONNECT_SECONDS
    )
    notice_cuts(connection)
    return connection


# A query that meets a connection the server has just ended raises the second of these.
_LOST = (asyncpg.InterfaceError, asyncpg.InternalClientError)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = getattr(seen, "orig", None) or seen.__cause__


def is_transient(error: BaseException) -> bool:
    """Whether trying the same work again later can succeed without anyone changing anything."""
    for cause in _causes(error):
        sqlstate: Any = getattr(cause, "sqlstate", None)
        if isinstance(sqlstate, str):
            return sqlstate.startswith(_TRANSIENT_CLASSES)
        if isinstance(cause, DBAPIError) and cause.connection_invalidated:
            return True
        if isinstance(cause, (OSError, TimeoutError, PoolExhausted, *_LOST)):
            return True
    return isinstance(error, OperationalError | InterfaceError)


async def not_durable(session: AsyncSession) -> list[str]:
    """Names the settings under which a commit would not survive a crash; empty when sound."""
    wrong = []
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        value = (
            await session.execute(text("SELECT current_setting(:name)"), {"name": name})
        ).scalar_one()
        if value == "off" or (name == "synchronous_commit" and value == "local"):
            wrong.append(name)
    if (await session.execute(text("SELECT pg_is_in_recovery()"))).scalar_one():
        wrong.append("in_recovery")
    return wrong
