"""The register of schools, and the URNs that no real school has."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from intake.models import School

RESERVED: Final = range(999001, 999100)
_REMEMBERED_SECONDS: Final = 300.0
_REMEMBERED: Final = 50_000
_BATCH: Final = 1000


def is_reserved(urn: str) -> bool:
    """Whether the URN is set aside for demonstrations and drills."""
    return urn.isdigit() and int(urn) in RESERVED


@dataclass(frozen=True, slots=True)
class RegisteredSchool:
    urn: str
    la: str
    name: str
    phase: str | None
    synthetic: bool = False


async def import_schools(session: AsyncSession, rows: Iterable[RegisteredSchool]) -> int:
    """Adds and renews schools; the caller commits. A school that left the register stays known."""
    values = [
        {
            "urn": row.urn,
            "la": row.la,
            "name": row.name,
            "phase": row.phase,
            "synthetic": is_reserved(row.urn),
        }
        for row in rows
    ]
    for start in range(0, len(values), _BATCH):
        statement = insert(School).values(values[start : start + _BATCH])
        renewed = {name: statement.excluded[name] for name in ("la", "name", "phase", "synthetic")}
        await session.execute(
            statement.on_conflict_do_update(index_elements=[col(School.urn)], set_=renewed)
        )
    return len(values)


class Register:
    """Looks schools up and remembers them for minutes: they move seldom, concerns come often."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions
        self._known: dict[str, tuple[float, RegisteredSchool | None]] = {}

    async def find(self, urn: str) -> RegisteredSchool | None:
        """The school, or None for a URN that is not in the register."""
        now = time.monotonic()
        known = self._known.get(urn)
        if known and now - known[0] < _REMEMBERED_SECONDS:
            return known[1]
        async with self._sessions() as session:
            rows: Any = await session.execute(select(School).where(col(School.urn) == urn))
            row = rows.scalar_one_or_none()
        school = row and RegisteredSchool(row.urn, row.la, row.name, row.phase, row.synthetic)
        if school is not None:  # one that is not there yet may be imported any moment
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[urn] = now, school
        return school
