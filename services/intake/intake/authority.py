"""For which school a caller may speak: the token says who it is, the grants say for whom."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from intake.lookups import Remembered
from intake.models import GrantRow
from intake.schools import Register, RegisteredSchool, is_reserved
from shared.auth import Principal, forbidden
from shared.auth.principal import SCHOOL_ROLES
from shared.clock import Clock
from shared.db import is_transient
from shared.sealing import account_ref

WRITE_SCOPE: Final = "concerns:write"
READ_SCOPE: Final = "concerns:read"
# A remembered grant only spares a query: the statement that stores looks at the row again, so a
# revoked one stores nothing from the moment its revocation commits, whatever a process remembers.
_REMEMBERED_SECONDS: Final = 20.0
_PATIENCE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class LiveGrant:
    """What intake remembers of a client's grant for one school."""

    id: UUID
    urn: str
    valid_from: datetime
    valid_to: datetime | None
    sandbox: bool
    synthetic: bool

    def holds_at(self, now: datetime) -> bool:
        return self.valid_from <= now and (self.valid_to is None or now < self.valid_to)


@dataclass(frozen=True, slots=True)
class Standing:
    """One submission's sender and school. grant: the row that must still hold when it is stored.

    urn: None in quarantine. school: also None for a URN that is not in the register.
    assumed: the sender named no school and has only this one.
    checked: false while the database cannot be asked; then nothing is stored, only advised.
    """

    who: Principal
    urn: str | None
    school: RegisteredSchool | None
    grant: LiveGrant | None
    synthetic: bool
    assumed: bool = False
    checked: bool = True

    @property
    def sandbox(self) -> bool:
        return self.grant is not None and self.grant.sandbox

    @property
    def la(self) -> str | None:
        return self.school.la if self.school else None


class Authority:
    """synthetic: whether this process may take drills from people, which only the demo's may."""

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        register: Register,
        clock: Clock,
        *,
        secret: bytes,
        synthetic: bool,
    ) -> None:
        self._sessions, self._register, self._clock = sessions, register, clock
        self._secret = secret
        self._synthetic = synthetic
        self._grants = Remembered(self._find, seconds=_REMEMBERED_SECONDS, most=50_000)

    async def standing(self, who: Principal, urn: str | None) -> Standing:
        """Raises 403 unless the caller may speak for that school, or for one to be found out."""
        if who.kind == "client" and WRITE_SCOPE not in who.scopes:
            raise forbidden()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                if who.kind == "person":
                    return await self._of_person(who, urn)
                return await self._of_client(who, urn)
        except Exception as error:
            if not is_transient(error):
                raise
            return Standing(who, urn, None, None, self._synthetic, checked=False)

    def forget(self) -> None:
        """After a change of grants in this process."""
        self._grants.forget()

    async def _of_person(self, who: Principal, urn: str | None) -> Standing:
        """A person's schools are the token's, less those where their grants have ended."""
        async with self._sessions() as session:
            now = await as_it_stands(session, who, self._secret, self._clock.now())
        named = sorted({grant.urn for grant in now.grants(*SCHOOL_ROLES) if grant.urn})  # type: ignore[arg-type]
        if not named or (urn is not None and urn not in named):
            raise forbidden()
        assumed = urn is None and len(named) == 1
        urn = named[0] if assumed else urn
        school = await self._register.find(urn) if urn else None
        synthetic = self._synthetic and (urn is None or is_reserved(urn))
        _keep_drills_apart(urn, synthetic=synthetic)
        return Standing(who, urn, school, None, synthetic, assumed)

    async def _of_client(self, who: Principal, urn: str | None) -> Standing:
        """A client's schools are its rows, given by each school; the token may only narrow them."""
        if urn is not None:
            grant, assumed = await self._grant(who, urn), False
        else:
            some = await self._some(who)
            grant, assumed = some[0] if some else None, len(some) == 1
            urn = grant.urn if grant and assumed else None
        if grant is None:
            raise forbidden()
        school = await self._register.find(urn) if urn else None
        if urn and not who.holds("mis", urn=urn, la=school.la if school else None):
            raise forbidden()
        _keep_drills_apart(urn, synthetic=grant.synthetic)
        return Standing(who, urn, school, grant, grant.synthetic, assumed)

    async def _grant(self, who: Principal, urn: str) -> LiveGrant | None:
        if not who.holds("mis", urn=urn):
            return None
        grant = await self._grants.find((who.client, urn))
        if grant and not grant.holds_at(self._clock.now()):
            self.forget()  # it has ended; another may be in its place
            grant = await self._grants.find((who.client, urn))
        return grant if grant and grant.holds_at(self._clock.now()) else None

    async def _find(self, key: tuple[str, str]) -> LiveGrant | None:
        client, urn = key
        return next(iter(await self._look(client, col(GrantRow.urn) == urn)), None)

    async def _some(self, who: Principal) -> list[LiveGrant]:
        """Grants for two schools, for one if it is the client's only one, or none."""
        named = {grant.urn for grant in who.grants("mis")}
        narrow = col(GrantRow.urn).is_not(None) if None in named else col(GrantRow.urn).in_(named)
        return await self._look(who.client, narrow)

    async def _look(self, client: str, narrow: Any) -> list[LiveGrant]:
        now = self._clock.now()
        statement = (
            select(GrantRow)
            .ext(distinct_on(col(GrantRow.urn)))
            .where(
                col(GrantRow.client) == client,
                col(GrantRow.role) == "mis",
                col(GrantRow.revoked_at).is_(None),
                col(GrantRow.valid_from) <= now,
                or_(col(GrantRow.valid_to).is_(None), col(GrantRow.valid_to) > now),
                narrow,
            )
            .order_by(col(GrantRow.urn), col(GrantRow.given_at).desc())
            .limit(2)
        )
        async with self._sessions() as session:
            found = (await session.execute(statement)).scalars().all()
        return [
            LiveGrant(g.id, g.urn or "", g.valid_from, g.valid_to, g.sandbox, g.synthetic)
            for g in found
        ]


async def as_it_stands(
    session: AsyncSession, who: Principal, secret: bytes, now: datetime
) -> Principal:
    """A person without the token's roles that a school gave them and that are no more in force.

    Where a school never gave one here, whoever issues the token is the one who knows its staff.
    """
    starts, ends = col(GrantRow.valid_from), col(GrantRow.valid_to)
    in_force = and_(
        col(GrantRow.revoked_at).is_(None), starts <= now, or_(ends.is_(None), ends > now)
    )
    rows = await session.execute(
        select(col(GrantRow.role), col(GrantRow.urn))
        .where(col(GrantRow.account_ref) == account_ref(secret, who.subject))
        .group_by(col(GrantRow.role), col(GrantRow.urn))
        .having(func.bool_and(~in_force))
    )
    ended = {(role, urn) for role, urn in rows}
    left = frozenset(grant for grant in who.roles if (grant.role, grant.urn) not in ended)
    return replace(who, roles=left)


def _keep_drills_apart(urn: str | None, *, synthetic: bool) -> None:
    """A drill is never for a real school, and nothing but drills is for the reserved ones."""
    if urn is not None and synthetic is not is_reserved(urn):
        raise forbidden()
