"""What the demo begins with: reserved schools, their posts, the teams, one client."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from handrail.generator import SCHOOLS
from handrail.heartbeat import HEARTBEAT_CLIENT
from handrail.heartbeat_ground import heartbeat_post, heartbeat_school
from handrail.keys import secret_file
from handrail.migrations import SCHEMAS
from intake.models import GrantRow
from intake.schools import RegisteredSchool, import_schools
from notify.directory import DirectoryRow, import_directory
from shared.clock import Clock
from shared.db import make_engine, make_sessions
from shared.sealing import account_ref

MIS_CLIENT: Final = "demo-mis"
# Which clients the demo's issuer gives tokens to, and the school each is narrowed to.
CLIENTS: Final[dict[str, str | None]] = {MIS_CLIENT: None}
_TEAMS: Final = ("MASH", "EDT", "EST", "LADO", "PREVENT", "EARLY_HELP", "LA_ATTENDANCE")
_NAMES: Final = ("Demo Primary School", "Demo High School", "Demo Academy")
_PHASES: Final = ("Primary", "Secondary", "All-through")
_POSTS: Final = ("dsl", "deputy_dsl", "head", "chair")
# Ids made from names, so that a second start finds the rows of the first.
_IDS: Final = UUID("2d6f0a0c-9a75-4c0e-8d0c-6b5d1a7f4e21")


async def seed(dsn: Callable[[str, str], str], database: str, keys: Path, clock: Clock) -> None:
    """Adds what is missing; a second start changes nothing. `dsn` is (database, role) → DSN."""
    secret = secret_file(keys).read_text().encode()
    await _in(dsn(database, SCHEMAS["intake"].role), _schools_and_client, secret, clock)
    await _in(dsn(database, SCHEMAS["notify"].role), _directory, secret)


async def _in(dsn: str, work: Callable[..., Any], *more: Any) -> None:
    engine = make_engine(dsn, "handrail-seed", pool_size=1)
    try:
        async with make_sessions(engine)() as session:
            await work(session, *more)
            await session.commit()  # COMMIT POINT: a crash before it is mended by the next start
    finally:
        await engine.dispose()


async def _schools_and_client(session: AsyncSession, secret: bytes, clock: Clock) -> None:
    rows = [
        RegisteredSchool(urn, la, f"{name}, {la}", phase)
        for (urn, la), name, phase in zip(SCHOOLS.items(), _NAMES, _PHASES, strict=True)
    ]
    await import_schools(session, rows)
    now, giver = clock.now(), account_ref(secret, "demo-head")
    grants = [
        {
            "id": uuid5(_IDS, f"{MIS_CLIENT} {urn}"),
            "client": MIS_CLIENT,
            "role": "mis",
            "urn": urn,
            "valid_from": now,
            "given_by_ref": giver,
            "given_at": now,
            "sandbox": False,
            "synthetic": True,
        }
        for urn in SCHOOLS
    ]
    await session.execute(
        insert(GrantRow).values(grants).on_conflict_do_nothing(index_elements=[col(GrantRow.id)])
    )
    await heartbeat_school(session, SCHOOLS["999002"], HEARTBEAT_CLIENT, secret, clock)


async def _directory(session: AsyncSession, secret: bytes) -> None:
    posts = [
        DirectoryRow(
            kind="urn",
            urn=urn,
            post=post,
            email=f"{post.replace('_', '-')}@school-{urn}.example",
            account_ref=account_ref(secret, f"demo-{post}-{urn}"),
        )
        for urn in SCHOOLS
        for post in _POSTS
    ]
    teams = [
        DirectoryRow(
            kind="team",
            route=route,
            la=la,
            post="queue",
            email=f"{route.lower().replace('_', '-')}@authority-{la}.example",
        )
        for la in sorted(set(SCHOOLS.values()))
        for route in _TEAMS
    ]
    await import_directory(session, [*posts, *teams], synthetic=True)
    await heartbeat_post(session, "heartbeat@school-999099.example")
