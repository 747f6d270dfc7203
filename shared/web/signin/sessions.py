"""Server-side sessions: begun at sign-in, found by a cookie, ended at once by a sign-out."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import Grant, Principal
from shared.web.signin import box
from shared.web.signin.models import WebHeld, WebSession

IDLE: Final = timedelta(hours=1)
LONGEST: Final = timedelta(hours=12)
# How long an ended session is remembered, to give back what was typed under it.
REMEMBERED: Final = timedelta(days=1)
_SEEN_EVERY: Final = timedelta(minutes=1)
_WHAT: Final = "session"

Sessions = async_sessionmaker[AsyncSession]


@dataclass(frozen=True, slots=True)
class Session:
    """secret: what the cookie holds. name: how the page greets them, and by which
    a shift is taken over; for nothing else."""

    secret: str
    principal: Principal
    name: str
    live: bool

    @property
    def csrf(self) -> str:
        """The token of every form of this session; nobody without the cookie can make it."""
        return box.derived(self.secret, "csrf").hex()


async def begin(
    sessions: Sessions, who: Principal, name: str, now: datetime, longest: timedelta = LONGEST
) -> Session:
    """A session with an id of its own: one that a browser brought along is never taken up."""
    secret = box.new_secret()
    row = WebSession(
        id=box.hashed(secret),
        sealed=box.seal(secret, _WHAT, _written(who) | {"name": name}),
        started_at=now,
        seen_at=now,
        ends_at=now + longest,
    )
    async with sessions() as session:
        session.add(row)
        # COMMIT POINT: a crash just after it leaves a session whose cookie nobody has.
        await session.commit()
    return Session(secret, who, name, live=True)


async def find(
    sessions: Sessions, secret: str, now: datetime, *, used: bool = True
) -> Session | None:
    """The session of the cookie; not `live` when it has run out, which says only whose it was."""
    if not box.is_secret(secret):
        return None
    key = box.hashed(secret)
    async with sessions() as session:
        row = (
            await session.execute(
                select(
                    col(WebSession.sealed), col(WebSession.seen_at), col(WebSession.ends_at)
                ).where(col(WebSession.id) == key)
            )
        ).one_or_none()
        if row is None:
            return None
        sealed, seen_at, ends_at = row
        live = now < ends_at and now - seen_at < IDLE
        if used and live and now - seen_at >= _SEEN_EVERY:
            await session.execute(
                update(WebSession).where(col(WebSession.id) == key).values(seen_at=now)
            )
            # COMMIT POINT: a crash just after it costs nothing.
            await session.commit()
    content = box.unseal(secret, _WHAT, sealed)
    if content is None:
        return None
    return Session(secret, _read(content), content["name"], live)


async def live_among(sessions: Sessions, secrets: Collection[str], now: datetime) -> set[str]:
    """Which of these cookies still open a live session."""
    keys = {box.hashed(secret): secret for secret in secrets if box.is_secret(secret)}
    live = (
        select(col(WebSession.id))
        .where(col(WebSession.id).in_(keys))
        .where(col(WebSession.ends_at) > now, col(WebSession.seen_at) > now - IDLE)
    )
    async with sessions() as session:
        return {keys[key] for key in (await session.execute(live)).scalars()}


async def end(sessions: Sessions, secret: str) -> None:
    key = box.hashed(secret)
    async with sessions() as session:
        await session.execute(delete(WebSession).where(col(WebSession.id) == key))
        await session.execute(delete(WebHeld).where(col(WebHeld.browser) == key))
        # COMMIT POINT: from here on the old cookie opens nothing, whoever holds it.
        await session.commit()


async def sweep(sessions: Sessions, now: datetime) -> None:
    async with sessions() as session:
        gone = col(WebSession.ends_at) < now - REMEMBERED
        await session.execute(delete(WebSession).where(gone))
        await session.execute(delete(WebHeld).where(col(WebHeld.ends_at) < now))
        # COMMIT POINT: a crash just after it costs nothing.
        await session.commit()


def _written(who: Principal) -> dict[str, Any]:
    return {
        "subject": who.subject,
        "client": who.client,
        "kind": who.kind,
        "roles": [asdict(grant) for grant in who.roles],
        "scopes": sorted(who.scopes),
    }


def _read(content: dict[str, Any]) -> Principal:
    return Principal(
        subject=content["subject"],
        client=content["client"],
        kind=content["kind"],
        roles=frozenset(Grant(**grant) for grant in content["roles"]),
        scopes=frozenset(content["scopes"]),
    )
