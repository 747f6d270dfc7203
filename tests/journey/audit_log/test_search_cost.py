"""A page of a search is read from indexes: no plan looks at the whole log."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.dialects import postgresql

from audit_log.search.filters import Filters
from audit_log.search.finding import numbers
from audit_log.search.readers import Reader
from tests.conftest import Database
from tests.journey.audit_log.conftest import Log

FILL = """
INSERT INTO audit_log.log_entry
SELECT n, gen_random_uuid(), 'task.opened', now(), now(), 'escalation', n, md5((n/20)::text)::uuid,
    NULL, 'handrail.cases.v1', 0, n, convert_to(repeat('x', 400), 'UTF8'), sha256(n::text::bytea)
FROM generate_series(0, 20000) n
"""
TERMS = """
INSERT INTO audit_log.search_term
SELECT t, n FROM generate_series(0, 20000) n, LATERAL unnest(ARRAY[
    'type:task.opened', 'service:escalation', 'rule:NAT-GEN-0' || (n % 9),
    'la:' || (ARRAY['821', '886', '926'])[1 + (n / 20) % 3]]) t
"""
PLACES = """
INSERT INTO audit_log.search_place
SELECT DISTINCT md5((n/20)::text)::uuid, 'la:' || (ARRAY['821', '886', '926'])[1 + (n / 20) % 3]
FROM generate_series(0, 20000) n
"""


DIALECT: Any = postgresql.dialect()  # type: ignore[no-untyped-call]
SOME = UUID("3f8b7c1e-5a0d-4c57-9d3e-0c6f5b1a2d44")
FILTERS = (
    Filters(),
    Filters(type="task.opened"),
    Filters(trace="0" * 32),
    Filters(la="886"),
    Filters(rule="NAT-GEN-01", type="task.opened", la="886"),
    Filters(concern=SOME),
)


async def test_a_page_is_read_from_indexes_and_never_from_the_whole_log(
    log: Log, database: Database
) -> None:
    """Of 20,000 entries no step of any plan touches more than some hundreds."""
    owner = await asyncpg.connect(database.superuser)
    for statement in (FILL, TERMS, PLACES, "VACUUM ANALYZE"):
        await owner.execute(statement)
    await owner.close()
    reader = await asyncpg.connect(database.log_role("reader"))
    await reader.execute("SET search_path = audit_log")  # where find() looks, past the view
    for filters in FILTERS:
        for who in (
            Reader("x", None),
            Reader("x", frozenset({"886"})),
            Reader("x", None, frozenset({SOME})),
        ):
            page = numbers(who, filters, after=100, below=20_000).limit(50)
            sql = page.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True})
            plan = await reader.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
            touched = max(rows(json.loads(plan)[0]["Plan"]))
            assert touched < 1000, (filters.asked(), who, plan)
    await reader.close()


def rows(node: dict[str, Any]) -> Iterator[float]:
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Join Filter", 0)
    yield (node["Actual Rows"] + removed) * node["Actual Loops"]
    for below in node.get("Plans", ()):
        yield from rows(below)
