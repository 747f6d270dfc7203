"""The feed from which a school's system learns what became of the concerns it raised."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import Principal

Cursor = tuple[int, int]

# Rows of a transaction that still runs, or of any that began after it, are not shown yet: one of
# them could commit with a lower cursor than a row already read. Transactions here end in seconds.
_FEED: Final = text(
    """
    SELECT o.xact, o.seq, o.concern_id, o.kind, o.at, o.detail
    FROM outcome o
    JOIN concern c ON c.id = o.concern_id
    JOIN submission s ON s.id = c.incident_id
    WHERE o.client = :client
      AND (o.xact, o.seq) > (:xact, :seq)
      AND o.xact < (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint
      AND NOT s.private AND c.erased_at IS NULL
      AND (CAST(:urns AS text[]) IS NULL OR s.urn = ANY(CAST(:urns AS text[])))
      AND EXISTS (SELECT FROM grant_row g
                  WHERE g.client = :client AND g.role = 'mis' AND g.revoked_at IS NULL
                    AND (g.urn = s.urn OR s.urn IS NULL)
                    AND g.valid_from <= :now AND (g.valid_to IS NULL OR g.valid_to > :now))
    ORDER BY o.xact, o.seq LIMIT :page
    """
)


async def feed(
    session: AsyncSession, who: Principal, after: Cursor, now: datetime, page: int
) -> tuple[list[dict[str, Any]], Cursor]:
    """At most a page, and the cursor to go on from. A school's URN in the token narrows it."""
    named = {grant.urn for grant in who.grants("mis")}
    urns = None if None in named else sorted(urn for urn in named if urn)
    values = {
        "client": who.client,
        "xact": after[0],
        "seq": after[1],
        "urns": urns,
        "now": now,
        "page": page,
    }
    rows = (await session.execute(_FEED, values)).all()
    outcomes = [
        {
            "concern_id": str(row.concern_id),
            "kind": row.kind,
            "at": row.at.isoformat(),
            **row.detail,
        }
        for row in rows
    ]
    return outcomes, (rows[-1].xact, rows[-1].seq) if rows else after
