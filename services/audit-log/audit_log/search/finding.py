"""The one query of entries: by terms of the index, in the log's order, page by page.

A page is bounded by what the index holds, so that what comes later cannot come in between. That a
filter's answer is whole is nobody's proof: only the whole log's is.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, ColumnElement, and_, any_, func, literal, select, union
from sqlalchemy.orm import aliased
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.following import follow
from audit_log.models import LogEntry, LogEvent
from audit_log.reading import newest_head
from audit_log.search.blocks import PAST_VIEW, has, walk
from audit_log.search.filters import Filters
from audit_log.search.readers import Reader, of_authorities, visible
from audit_log.search.tables import AlsoAbout, SearchTerm
from audit_log.watched import WatchCursor

# A request takes in no more than this many chunks of what is new; the watchman takes in the rest.
_CHUNKS = 20
# Entries that one statement looks at to count them.
_COUNTED: Final = 20_000


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
    seqs = await _numbers(session, reader, filters, after=after, below=end, limit=limit)
    found = await _entries(session, seqs)
    following: int | None = None
    if len(found) == limit:
        following = found[-1].seq
    elif end < below:
        following = max(after, end - 1)
    return Page(found, following, end)


async def _numbers(
    session: AsyncSession, reader: Reader, filters: Filters, *, after: int, below: int, limit: int
) -> Sequence[int]:
    """The seqs of the first that fit, in the log's order."""
    seq = col(LogEntry.seq)
    found: list[int] = []
    narrowed = _narrowed(session, reader, filters, after=after, below=below, enough=2 * limit)
    async for among in narrowed:
        fitting = select(seq).where(among, *_conditions(filters), *visible(reader))
        ordered = fitting.order_by(seq).limit(limit - len(found))
        found += (await session.execute(ordered, execution_options=PAST_VIEW)).scalars()
        if len(found) == limit:
            break
    return found


async def count(
    session: AsyncSession, reader: Reader, filters: Filters, *, after: int, below: int
) -> int:
    """Of all pages behind `after` together."""
    counted = 0
    narrowed = _narrowed(session, reader, filters, after=after, below=below, enough=_COUNTED)
    async for among in narrowed:
        counting = select(func.count()).select_from(LogEntry)
        counting = counting.where(among, *_conditions(filters), *visible(reader))
        counted += (await session.execute(counting, execution_options=PAST_VIEW)).scalar_one()
    return counted


async def _narrowed(
    session: AsyncSession, reader: Reader, filters: Filters, *, after: int, below: int, enough: int
) -> AsyncIterator[ColumnElement[bool]]:
    """Conditions by which few entries are looked at; what fits all of the search is among them."""
    seq = col(LogEntry.seq)
    terms = [[term] for term in filters.terms()]
    if filters.concern or _plain(reader, filters):
        yield and_(seq > after, seq < below, *(has(term, seq) for (term,) in terms))
        return
    if reader.authorities is not None:
        terms.append([f"la:{la}" for la in sorted(reader.authorities)])
    if not terms and not filters.times():  # somebody is kept out of some concern
        yield and_(seq > after, seq < below)
        return
    times = filters.times()
    async for seqs in walk(session, terms, times, after=after, below=below, enough=enough):
        yield seq == any_(literal(seqs, ARRAY(BigInteger)))


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
    return reader.whole and not (filters.terms() or filters.concern or filters.times())


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for name, first, following in filters.times():
        column = getattr(LogEntry, f"{name}_at")
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
