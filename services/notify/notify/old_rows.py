"""What of notify's rows nothing will ask for again: old heartbeats, and links that are over."""

from typing import Final

from sqlalchemy import text

from shared.housekeeping import HEARTBEAT_URN

# A heartbeat is told to the post of its school.
HEARTBEATS: Final = text(f"""
WITH old AS (
    SELECT DISTINCT case_id FROM notice
    WHERE synthetic AND recipient LIKE '% {HEARTBEAT_URN}' AND created_at < :before LIMIT :at_once
),
contacts AS (DELETE FROM reporter_contact c USING old WHERE c.concern_id = old.case_id),
links AS (DELETE FROM task_link l USING old WHERE l.case_id = old.case_id),
notices AS (DELETE FROM notice n USING old WHERE n.case_id = old.case_id)
SELECT count(*) FROM old
""")  # noqa: S608 - our own names
LINKS: Final = text("""
WITH gone AS (
    DELETE FROM task_link WHERE task_id IN (
        SELECT task_id FROM task_link WHERE ends_at < :before LIMIT :at_once)
    RETURNING 1
)
SELECT count(*) FROM gone
""")
OLD: Final = (HEARTBEATS, LINKS)
