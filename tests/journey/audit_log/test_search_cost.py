"""A page of a search is read from indexes: no plan looks at the whole log."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import event

from audit_log.search.filters import Filters
from audit_log.search.finding import find
from audit_log.search.readers import Reader
from shared.db import make_engine, make_sessions
from tests.conftest import Database
from tests.journey.audit_log.conftest import Log

FILL = """
INSERT INTO audit_log.log_entry
SELECT n, gen_random_uuid(), 'task.opened', now() + n * interval '1 s', now() + n * interval '1 s',
    'escalation', n, md5((n/20)::text)::uuid,
    NULL, 'handrail.cases.v1', 0, n, convert_to(repeat('x', 400), 'UTF8'), sha256(n::text::bytea)
FROM generate_series(0, 20000) n
"""
TERMS = """
INSERT INTO audit_log.search_term
SELECT t, n >> 8, bit_or(set_bit(repeat('0', 256)::bit(256), n & 255, 1))
FROM generate_series(0, 20000) n, LATERAL unnest(ARRAY[
    'type:task.opened', 'service:escalation', 'rule:NAT-GEN-0' || (n % 9),
    'la:' || (ARRAY['821', '886', '926'])[1 + (n / 20) % 3]]) t
GROUP BY 1, 2
"""
BLOCKS = """
INSERT INTO audit_log.search_block
SELECT seq >> 8, min(occurred_at), max(occurred_at), min(recorded_at), max(recorded_at)
FROM audit_log.log_entry GROUP BY 1
"""
INDEXED = "UPDATE audit_log.watch_cursor SET next_seq = 20001"
PLACES = """
INSERT INTO audit_log.search_place
SELECT DISTINCT md5((n/20)::text)::uuid, 'la:' || (ARRAY['821', '886', '926'])[1 + (n / 20) % 3]
FROM generate_series(0, 20000) n
"""


LATE = datetime.now(UTC) + timedelta(seconds=18_000)
SOME = UUID("3f8b7c1e-5a0d-4c57-9d3e-0c6f5b1a2d44")
FILTERS = (
    Filters(),
    Filters(type="task.opened"),
    Filters(trace="0" * 32),
    Filters(la="886"),
    Filters(rule="NAT-GEN-01", type="task.opened", la="886"),
    Filters(concern=SOME),
    Filters(occurred_from=LATE),
    Filters(recorded_from=LATE, recorded_to=LATE + timedelta(minutes=5), type="task.opened"),
    Filters(recorded_to=LATE - timedelta(days=300)),
)


async def test_a_page_is_read_from_indexes_and_never_from_the_whole_log(
    log: Log, database: Database
) -> None:
    """Of 20,000 entries no step of any plan touches a third.

    Its 79 blocks are one page, which PostgreSQL reads whole to find one: 79 times at most.
    """
    owner = await asyncpg.connect(database.superuser)
    for statement in (FILL, TERMS, BLOCKS, PLACES, INDEXED, "VACUUM ANALYZE"):
        await owner.execute(statement)
    await owner.close()
    engine = make_engine(database.log_role("reader"), "test", pool_size=1)
    asked: list[tuple[str, Any]] = []

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def _note(*told: Any) -> None:
        asked.append((told[2], told[3]))

    reader = await asyncpg.connect(database.log_role("reader"))
    for filters in FILTERS:
        for who in (
            Reader("x", None),
            Reader("x", frozenset({"886"})),
            Reader("x", frozenset({"886", "926"})),
            Reader("x", None, frozenset({SOME})),
        ):
            asked.clear()
            async with make_sessions(engine)() as session:
                await find(session, who, filters, after=100, below=20_000, limit=50)
            assert len(asked) < 6, (filters.asked(), who)
            for sql, values in asked[1:]:
                plan = await reader.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *values)
                touched = max(rows(json.loads(plan)[0]["Plan"]))
                assert touched < 79 * 80, (filters.asked(), who, plan)
    await reader.close()
    await engine.dispose()


def rows(node: dict[str, Any]) -> Iterator[float]:
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Join Filter", 0)
    yield (node["Actual Rows"] + removed) * node["Actual Loops"]
    for below in node.get("Plans", ()):
        yield from rows(below)
