"""What of intake's rows nothing will ask for again: old heartbeats. A submission is the record of
its idempotency key too, so those of schools stay as long as the submission."""

from typing import Final

from sqlalchemy import text

from shared.housekeeping import HEARTBEAT_URN

_OF_CONCERN: Final = (
    "amendment", "match", "outcome", "progress", "receipt", "receipt_notice",
)  # fmt: skip
_GONE: Final = ", ".join(
    f"{table}_gone AS (DELETE FROM {table} USING old_concern o WHERE {table}.concern_id = o.id)"  # noqa: S608 - our own names
    for table in _OF_CONCERN
)
HEARTBEATS: Final = text(f"""
WITH old AS (
    SELECT id FROM submission
    WHERE synthetic AND urn = '{HEARTBEAT_URN}' AND received_at < :before LIMIT :at_once
), old_concern AS (SELECT c.id FROM concern c JOIN old ON c.incident_id = old.id), {_GONE},
concern_gone AS (DELETE FROM concern USING old_concern o WHERE concern.id = o.id),
gone AS (DELETE FROM submission USING old WHERE submission.id = old.id RETURNING 1)
SELECT count(*) FROM gone
""")  # noqa: S608 - our own names
