"""What of escalation's rows nothing will ask for again: old heartbeats, and links that are over."""

from typing import Final

from sqlalchemy import text

from shared.housekeeping import HEARTBEAT_URN

# What refers to the case goes in the same statement; it is checked at its end.
OF_CASE: Final = (
    "case_event", "case_link", "disagreement", "early_hold", "exclusion", "sealed_detail", "task",
    "timer",
)  # fmt: skip
_GONE: Final = ", ".join(
    f"{table}_gone AS (DELETE FROM {table} USING old WHERE {table}.case_id = old.id)"  # noqa: S608 - our own names
    for table in OF_CASE
)
HEARTBEATS: Final = text(f"""
WITH old AS (
    SELECT id FROM case_file c
    WHERE synthetic AND urn = '{HEARTBEAT_URN}' AND opened_at < :before
        AND NOT EXISTS (SELECT FROM task t WHERE t.case_id = c.id AND t.closed_at IS NULL)
    LIMIT :at_once
), {_GONE}, gone AS (DELETE FROM case_file USING old WHERE case_file.id = old.id RETURNING 1)
SELECT count(*) FROM gone
""")  # noqa: S608 - our own names
# Until then whoever comes by one is told that it is too old, or used.
LINKS: Final = text("""
WITH gone AS (
    DELETE FROM one_time_link WHERE id IN (
        SELECT id FROM one_time_link WHERE ends_at < :before LIMIT :at_once)
    RETURNING 1
)
SELECT count(*) FROM gone
""")
OLD: Final = (HEARTBEATS, LINKS)
