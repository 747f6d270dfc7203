"""Keeps what entries are found by, entry by entry, in the transaction that follows the log."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import select, text
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.models import LogEntry
from audit_log.search.tables import SubjectPlace
from audit_log.search.terms import Found, read_terms

# Bits are only ever added, so that the same again changes nothing.
_ADD_BITS = """
INSERT INTO search_term AS known (term, block, bits)
SELECT new.term, new.seq >> 8,
    bit_or(set_bit(CAST(repeat('0', 256) AS bit(256)), CAST(new.seq & 255 AS integer), 1))
FROM ({new}) AS new (term, seq) GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (term, block) DO UPDATE SET bits = known.bits | excluded.bits
WHERE known.bits <> known.bits | excluded.bits
"""
_TERMS = text(
    _ADD_BITS.format(
        new="SELECT * FROM unnest(CAST(:terms AS text[]), CAST(:seqs AS bigint[]))",
    )
)
_SPANS = text("""
INSERT INTO search_block AS known
    (block, occurred_first, occurred_last, recorded_first, recorded_last)
SELECT seq >> 8, min(occurred_at), max(occurred_at), min(recorded_at), max(recorded_at)
FROM log_entry WHERE seq >= :first AND seq <= :last GROUP BY 1 ORDER BY 1
ON CONFLICT (block) DO UPDATE SET
    occurred_first = least(known.occurred_first, excluded.occurred_first),
    occurred_last = greatest(known.occurred_last, excluded.occurred_last),
    recorded_first = least(known.recorded_first, excluded.recorded_first),
    recorded_last = greatest(known.recorded_last, excluded.recorded_last)
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
_EARLIER = text(
    _ADD_BITS.format(
        new="""
SELECT placed.place, entry.seq
FROM unnest(CAST(:subjects AS uuid[]), CAST(:values AS text[])) AS placed (subject, place)
JOIN log_entry entry ON entry.subject = placed.subject AND entry.seq < :before
""",
    )
)
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
    await session.execute(_SPANS, {"first": before, "last": entries[-1].seq})
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
