"""The register of schools, and the URNs that no real school has."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from intake.lookups import Remembered
from intake.models import School

RESERVED: Final = range(999001, 999100)
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
    """Remembers schools for some minutes: they move seldom, and concerns come often."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions
        self._known = Remembered(self._look, seconds=300, most=50_000)

    async def find(self, urn: str) -> RegisteredSchool | None:
        """The school, or None for a URN that is not in the register."""
        return await self._known.find(urn)

    async def _look(self, urn: str) -> RegisteredSchool | None:
        async with self._sessions() as session:
            row = await session.get(School, urn)
        if row is None:
            return None
        return RegisteredSchool(row.urn, row.la, row.name, row.phase, row.synthetic)
