"""The one query of entries: by terms of the index, in the log's order, page by page.

A page is bounded by what the index holds, so that what comes later cannot come in between. That a
filter's answer is whole is nobody's proof: only the whole log's is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select, union
from sqlalchemy.orm import aliased
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.following import follow
from audit_log.models import LogEntry, LogEvent
from audit_log.reading import newest_head
from audit_log.search.filters import Filters
from audit_log.search.readers import Reader, of_authorities, visible
from audit_log.search.tables import AlsoAbout, SearchTerm
from audit_log.watched import WatchCursor

# A request takes in no more than this many chunks of what is new; the watchman takes in the rest.
_CHUNKS = 20
# A security-barrier view gives its rows in no order, so a page of it would read the whole log. The
# reader may see the numbers in the table itself, and the entries by their numbers in the view.
_PAST_VIEW: Final = {"schema_translate_map": {None: "audit_log"}}


@dataclass(frozen=True)
class Page:
    """next: the seq to go on behind, or None. looked_at: entries before it are in the answer."""

    entries: Sequence[LogEntry]
    next: int | None
    looked_at: int


async def catch_up(session: AsyncSession) -> None:
    """Brings the index up to the log's newest entry, as far as one request may. Commits."""
    for _ in range(_CHUNKS):
        if not await follow(session):
            break


async def find(
    session: AsyncSession,
    reader: Reader,
    filters: Filters,
    *,
    after: int,
    below: int,
    limit: int,
) -> Page:
    """below: the first seq that is of no interest, such as the size of a tree."""
    indexed = (await session.execute(select(col(WatchCursor.next_seq)))).scalar_one()
    # Of a reader from whom nothing is kept, what is not asked for by terms needs no index.
    end = below if _plain(reader, filters) else min(below, indexed)
    statement = numbers(reader, filters, after=after, below=end).limit(limit)
    seqs = await session.execute(statement, execution_options=_PAST_VIEW)
    found = await _entries(session, seqs.scalars().all())
    following: int | None = None
    if len(found) == limit:
        following = found[-1].seq
    elif end < below:
        following = max(after, end - 1)
    return Page(found, following, end)


def numbers(reader: Reader, filters: Filters, *, after: int, below: int) -> Select[tuple[int]]:
    """The seqs that fit, in the log's order."""
    seq = col(LogEntry.seq)
    statement: Select[tuple[int]] = _matching(select(seq), reader, filters)
    return statement.where(seq > after, seq < below).order_by(seq)


async def count(
    session: AsyncSession, reader: Reader, filters: Filters, *, after: int, below: int
) -> int:
    """Of all pages behind `after` together."""
    seq = col(LogEntry.seq)
    counting = _matching(select(func.count()).select_from(LogEntry), reader, filters)
    counting = counting.where(seq > after, seq < below)
    counted = await session.execute(counting, execution_options=_PAST_VIEW)
    return int(counted.scalar_one())


async def _entries(session: AsyncSession, seqs: Sequence[int]) -> Sequence[LogEntry]:
    statement = select(LogEntry).where(col(LogEntry.seq).in_(seqs)).order_by(col(LogEntry.seq))
    return (await session.execute(statement)).scalars().all()


async def size_of(session: AsyncSession) -> int:
    head = await newest_head(session)
    return head.size if head else 0


async def one(session: AsyncSession, reader: Reader, seq: int) -> LogEntry | None:
    """None also where the reader may not know of it."""
    statement = select(LogEntry).where(col(LogEntry.seq) == seq, *visible(reader))
    return (await session.execute(statement)).scalar_one_or_none()


async def by_event(session: AsyncSession, reader: Reader, event_id: UUID) -> LogEntry | None:
    event = await session.get(LogEvent, event_id)
    return await one(session, reader, event.seq) if event else None


async def known_terms(session: AsyncSession, terms: Sequence[str]) -> set[str]:
    """Those that some entry has."""
    statement = select(col(SearchTerm.term)).where(col(SearchTerm.term).in_(terms)).distinct()
    return set((await session.execute(statement)).scalars())


def _plain(reader: Reader, filters: Filters) -> bool:
    return reader.whole and not filters.terms() and filters.concern is None


def _matching(statement: Select, reader: Reader, filters: Filters) -> Select:  # type: ignore[type-arg]
    for term in filters.terms():
        has = aliased(SearchTerm)
        statement = statement.join(
            has, and_(col(has.term) == term, col(has.seq) == col(LogEntry.seq))
        )
    return statement.where(*visible(reader), *_conditions(filters))


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for column, first, following in (
        (col(LogEntry.occurred_at), filters.occurred_from, filters.occurred_to),
        (col(LogEntry.recorded_at), filters.recorded_from, filters.recorded_to),
    ):
        if first:
            conditions.append(column >= first)
        if following:
            conditions.append(column < following)
    if filters.concern:
        own = aliased(LogEntry)
        about = union(
            select(col(own.seq)).where(col(own.subject) == filters.concern),
            select(col(AlsoAbout.seq)).where(col(AlsoAbout.subject) == filters.concern),
        )
        conditions.append(col(LogEntry.seq).in_(about))
    if filters.la:
        conditions.append(of_authorities([filters.la]))
    return conditions
