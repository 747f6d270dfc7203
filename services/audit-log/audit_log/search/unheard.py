"""Takes out of the list of what is unaccounted for what its reader must not hear of."""

from typing import Any

from sqlalchemy import select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.models import LogEntry
from audit_log.search.readers import Reader, visible
from audit_log.unaccounted import KINDS, counts


async def without_unheard(
    session: AsyncSession, reader: Reader, found: dict[str, Any]
) -> dict[str, Any]:
    """Counts too; of a reader from whom something is kept they are of what is listed."""
    if reader.whole:
        return found
    seqs = [item["seq"] for kind in KINDS for item in found[kind]["listed"] if "seq" in item]
    statement = select(col(LogEntry.seq)).where(col(LogEntry.seq).in_(seqs), *visible(reader))
    seen = set((await session.execute(statement)).scalars())
    told = dict(found)
    for kind in KINDS:
        listed = [i for i in found[kind]["listed"] if "seq" not in i or i["seq"] in seen]
        told[kind] = {"count": len(listed), "listed": listed}
    return told | {"count": sum(counts(told).values())}
