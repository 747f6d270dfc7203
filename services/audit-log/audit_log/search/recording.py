"""Tells the log who looked into it, before anything is shown; where it cannot, nothing is shown."""

from datetime import UTC
from typing import Literal
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.search.filters import Filters
from audit_log.search.finding import known_terms
from audit_log.search.readers import Reader
from audit_log.sequencer import SERVICE
from shared.app import Runtime
from shared.errors import Problem
from shared.events.access import LogRead, LogSearched
from shared.events.envelope import new_event_id
from shared.outbox import commit, emit

log = structlog.get_logger(__name__)

ROLE = "auditor"
UNKNOWN = "unknown"
# What a person may have typed; the other filters are of a closed list, an id or a time.
_TYPED = {"actor": "actor", "rule": "rule", "producer": "producer", "school": "urn"}
_COPYING = text("""
INSERT INTO log_copying (reader_ref, hour) VALUES (:ref, :hour)
ON CONFLICT DO NOTHING RETURNING hour
""")


async def record_search(
    session: AsyncSession,
    runtime: Runtime,
    reader: Reader,
    filters: Filters,
    *,
    what: Literal["search", "export"],
    after: int,
    found: int,
) -> None:
    """Under the concern that was asked for, so that its story tells who asked. Commits."""
    now = runtime.clock.now()
    try:
        data = LogSearched(
            what=what,
            actor_ref=reader.ref,
            role=ROLE,
            authorities=sorted(reader.authorities or ()),
            filters=await _told(session, filters),
            after=after,
            found=found,
            at=now,
        )
        subject = filters.concern or new_event_id()
        emit(session, "log.searched", subject, data, producer=SERVICE, at=now)
        await commit(session)
    except (SQLAlchemyError, OSError) as error:
        raise _closed(error) from None
    runtime.doorbell.ring()


async def record_read(
    session: AsyncSession,
    runtime: Runtime,
    reader: Reader,
    what: Literal["entry", "proof", "story"],
    *,
    concern: UUID | None,
    seq: int | None = None,
    found: int = 1,
) -> None:
    """COMMIT POINT: a crash just after it leaves a reading on record that nobody had, which is
    the right way round."""
    data = _read(runtime, reader, what, seq, found)
    try:
        subject = concern or new_event_id()
        emit(session, "log.read", subject, data, producer=SERVICE, at=data.at)
        await commit(session)
    except (SQLAlchemyError, OSError) as error:
        raise _closed(error) from None
    runtime.doorbell.ring()


async def record_bundles(session: AsyncSession, runtime: Runtime, reader: Reader) -> None:
    """Once an hour a reader: who follows the log would else make it grow by following it."""
    hour = runtime.clock.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    try:
        new = await session.execute(_COPYING, {"ref": reader.ref, "hour": hour})
        if new.first():
            data = _read(runtime, reader, "bundles", None, 0)
            emit(session, "log.read", new_event_id(), data, producer=SERVICE, at=data.at)
        await commit(session)
    except (SQLAlchemyError, OSError) as error:
        raise _closed(error) from None
    runtime.doorbell.ring()


def _read(
    runtime: Runtime,
    reader: Reader,
    what: Literal["entry", "proof", "story", "bundles"],
    seq: int | None,
    found: int,
) -> LogRead:
    return LogRead(
        what=what,
        actor_ref=reader.ref,
        role=ROLE,
        authorities=sorted(reader.authorities or ()),
        seq=seq,
        found=found,
        at=runtime.clock.now(),
    )


async def _told(session: AsyncSession, filters: Filters) -> dict[str, str]:
    """What no entry has yet could be a name that somebody typed: the log is told no more of it."""
    asked = filters.asked()
    typed = {name: f"{term}:{asked[name]}" for name, term in _TYPED.items() if name in asked}
    known = await known_terms(session, list(typed.values()))
    return asked | {name: UNKNOWN for name, term in typed.items() if term not in known}


def _closed(error: Exception) -> Problem:
    log.error("a reading could not be recorded", error=type(error).__name__)
    detail = "The reading cannot be recorded now, so nothing is shown. Try again soon."
    return Problem(503, "log-closed", detail, headers={"Retry-After": "5"})
