"""What a heartbeat stands on: a school that is none, a client of its own, a post that is told."""

from typing import Final
from uuid import UUID, uuid5

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.heartbeat import HEARTBEAT_URN
from handrail.heartbeat import HEARTBEAT_CLIENT
from intake.models import GrantRow
from intake.schools import RegisteredSchool, import_schools
from notify.directory import DirectoryRow, import_directory
from shared.clock import Clock
from shared.sealing import account_ref

_IDS: Final = UUID("2d6f0a0c-9a75-4c0e-8d0c-6b5d1a7f4e21")


async def heartbeat_school(
    session: AsyncSession, la: str, client: str, secret: bytes, clock: Clock
) -> None:
    """In intake's tables; the caller commits. Repeating it changes nothing."""
    school = RegisteredSchool(HEARTBEAT_URN, la, "Heartbeat, not a school", None)
    await import_schools(session, [school])
    now = clock.now()
    grant = {
        "id": uuid5(_IDS, f"{client} {HEARTBEAT_URN}"),
        "client": client,
        "role": "mis",
        "urn": HEARTBEAT_URN,
        "valid_from": now,
        "given_by_ref": account_ref(secret, HEARTBEAT_CLIENT),
        "given_at": now,
        "sandbox": False,
        "synthetic": True,
    }
    await session.execute(
        insert(GrantRow).values(grant).on_conflict_do_nothing(index_elements=[col(GrantRow.id)])
    )


async def heartbeat_post(session: AsyncSession, email: str) -> None:
    """In notify's tables, likewise. The notices go there, marked as a drill."""
    post = DirectoryRow(kind="urn", urn=HEARTBEAT_URN, post="dsl", email=email)
    await import_directory(session, [post], synthetic=True)
