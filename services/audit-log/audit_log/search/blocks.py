"""Which entries a search can mean, block by block: the bits of its terms, the span of its times.

A block is 256 entries in the log's order, as a bundle is. Of a term a block is one row with a bit
for each entry: many entries of one term are hardly more than one, and several terms are an AND. A
block's span of times tells whether it can hold what a search by time asks for. They are walked here
and not in one large query, for which PostgreSQL now and then chose to read the whole log.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, Select, Text, and_, cast, func, literal, select
from sqlalchemy.orm import aliased
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.search.tables import BLOCK, SearchBlock, SearchTerm

# Name of the time, from, to.
Times = Sequence[tuple[str, datetime | None, datetime | None]]
# A security-barrier view gives its rows in no order, so a page of it would read the whole log. The
# reader may see the numbers in the table itself, and the entries by their numbers in the view.
PAST_VIEW: Final = {"schema_translate_map": {None: "audit_log"}}
_ROWS: Final = 64
_ALL: Final = "1" * BLOCK
_RAREST_FIRST: Final = (
    "trace", "incident", "actor", "urn", "la", "rule", "producer", "type", "service",
)  # fmt: skip


async def walk(
    session: AsyncSession,
    terms: Sequence[Sequence[str]],
    times: Times,
    *,
    after: int,
    below: int,
    enough: int,
) -> AsyncIterator[list[int]]:
    """Seqs between, in their order, in lists of `enough` and a block's more at most.

    terms: of each at least one is theirs. times: only blocks without any such entry are left out.
    """
    found: list[int] = []
    first, last = (after + 1) // BLOCK, (below - 1) // BLOCK
    while True:
        statement = _blocks(terms, times, first, last).limit(_ROWS)
        rows = (await session.execute(statement, execution_options=PAST_VIEW)).all()
        for block, bits in rows:
            seqs = (block * BLOCK + nr for nr, bit in enumerate(bits) if bit == "1")
            found += [seq for seq in seqs if after < seq < below]
            if len(found) >= enough:
                yield found
                found = []
        if len(rows) < _ROWS:
            break
        first = rows[-1].block + 1
    if found:
        yield found


def has(term: str, seq: Any) -> ColumnElement[bool]:
    """Whether that entry has the term: for few entries that are known by other means."""
    found = aliased(SearchTerm)
    bit = func.get_bit(col(found.bits), cast(seq % BLOCK, Integer))
    block = seq // BLOCK
    return select(1).where(col(found.term) == term, col(found.block) == block, bit == 1).exists()


def _blocks(terms: Sequence[Sequence[str]], times: Times, first: int, last: int) -> Select[Any]:
    """Block, and its bits as text."""
    if not terms:
        block: Any = col(SearchBlock.block)
        bits: Any = literal(_ALL)
        statement: Select[Any] = select(block, bits.label("bits"))
        return statement.where(block >= first, block <= last, *_spans(times)).order_by(block)
    rarest, *others = sorted(terms, key=_commonness)
    source = _source(rarest, first, last)
    block, bits = source.c.block, source.c.bits
    # Each of the others is looked up by its key, block by block: a join leaves PostgreSQL free to
    # read all of a common term for each row of a rare one.
    for any_of in others:
        bits = bits.op("&")(_bits_of(any_of, block))
    statement = select(block, cast(bits, Text).label("bits"))
    statement = statement.where(func.strpos(cast(bits, Text), "1") > 0)
    if times:
        inside = select(and_(*_spans(times))).where(col(SearchBlock.block) == block)
        statement = statement.where(inside.scalar_subquery())
    return statement.order_by(block)


def _commonness(any_of: Sequence[str]) -> tuple[int, int]:
    return len(any_of), _RAREST_FIRST.index(any_of[0].partition(":")[0])


def _bits_of(any_of: Sequence[str], block: Any) -> Any:
    """NULL where the block has none of them, and so is what it is put together with."""
    term = aliased(SearchTerm)
    found = select(func.bit_or(col(term.bits)))
    return found.where(col(term.term).in_(any_of), col(term.block) == block).scalar_subquery()


def _source(any_of: Sequence[str], first: int, last: int) -> Any:
    block, bits = col(SearchTerm.block), col(SearchTerm.bits)
    between = (block >= first, block <= last)
    if len(any_of) == 1:
        one = select(block, bits).where(col(SearchTerm.term) == any_of[0], *between)
        return one.subquery()
    every = func.bit_or(bits).label("bits")
    some = select(block, every).where(col(SearchTerm.term).in_(any_of), *between).group_by(block)
    return some.subquery()


def _spans(times: Times) -> list[ColumnElement[bool]]:
    conditions = []
    for name, start, following in times:
        if start:
            conditions.append(getattr(SearchBlock, f"{name}_last") >= start)
        if following:
            conditions.append(getattr(SearchBlock, f"{name}_first") < following)
    return conditions
