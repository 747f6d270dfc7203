"""Keeps what entries are found by, entry by entry, in the transaction that follows the log."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import select, text
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.models import LogEntry
from audit_log.search.tables import SubjectPlace
from audit_log.search.terms import Found, read_terms

_TERMS = text("""
INSERT INTO search_term (term, seq)
SELECT * FROM unnest(CAST(:terms AS text[]), CAST(:seqs AS bigint[])) ON CONFLICT DO NOTHING
""")
_PLACES = text("""
INSERT INTO search_place (subject, place)
SELECT * FROM unnest(CAST(:subjects AS uuid[]), CAST(:values AS text[]))
ON CONFLICT DO NOTHING RETURNING subject, place
""")
_BARS = text("""
INSERT INTO search_bar (subject, bar)
SELECT * FROM unnest(CAST(:subjects AS uuid[]), CAST(:values AS text[])) ON CONFLICT DO NOTHING
""")
_ALSO = text("""
INSERT INTO search_also (subject, seq)
SELECT * FROM unnest(CAST(:subjects AS uuid[]), CAST(:seqs AS bigint[])) ON CONFLICT DO NOTHING
""")
# Topics overtake each other: what was logged before a concern was placed is found there as well.
_EARLIER = text("""
INSERT INTO search_term (term, seq)
SELECT new.place, entry.seq
FROM unnest(CAST(:subjects AS uuid[]), CAST(:values AS text[])) AS new(subject, place)
JOIN log_entry entry ON entry.subject = new.subject AND entry.seq < :before
ON CONFLICT DO NOTHING
""")
# Who raised a concern is asked of the concern alone; nobody searches by it.
_SEARCHED = ("la:", "urn:", "incident:")


async def index(session: AsyncSession, entries: Sequence[LogEntry]) -> None:
    """The caller commits. Doing it again changes nothing."""
    found = [(entry, read_terms(entry.payload)) for entry in entries]
    before = entries[0].seq
    places = {(e.subject, place) for e, f in found if e.subject for place in f.places}
    new = [
        (row.subject, row.place)
        for row in await session.execute(_PLACES, _pairs(places))
        if row.place.startswith(_SEARCHED)
    ]
    await session.execute(_EARLIER, {**_pairs(new), "before": before})
    bars = {(e.subject, bar) for e, f in found if e.subject for bar in f.bars}
    await session.execute(_BARS, _pairs(bars))
    also = [(subject, e.seq) for e, f in found for subject in sorted(f.also)]
    if also:
        subjects, seqs = zip(*also, strict=True)
        await session.execute(_ALSO, {"subjects": list(subjects), "seqs": list(seqs)})
    await _add_terms(session, found)


async def _add_terms(session: AsyncSession, found: Sequence[tuple[LogEntry, Found]]) -> None:
    where = await _known_places(session, {e.subject for e, _ in found if e.subject})
    terms = [
        (term, entry.seq)
        for entry, of in found
        for term in sorted(of.own | where.get(entry.subject, frozenset()))
    ]
    names, seqs = zip(*terms, strict=True)
    await session.execute(_TERMS, {"terms": list(names), "seqs": list(seqs)})


async def _known_places(
    session: AsyncSession, subjects: set[UUID]
) -> dict[UUID | None, frozenset[str]]:
    statement = select(SubjectPlace).where(col(SubjectPlace.subject).in_(subjects))
    where: dict[UUID | None, frozenset[str]] = {}
    for row in (await session.execute(statement)).scalars():
        if row.place.startswith(_SEARCHED):
            where[row.subject] = where.get(row.subject, frozenset()) | {row.place}
    return where


def _pairs(rows: Iterable[tuple[UUID | None, str]]) -> dict[str, list[object]]:
    """In one order everywhere, so that two transactions never wait for each other."""
    ordered = sorted(rows, key=str)
    return {"subjects": [row[0] for row in ordered], "values": [row[1] for row in ordered]}
