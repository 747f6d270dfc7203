"""Who may speak for a school: given and withdrawn by its head or DSL, and looked up by intake."""

import asyncio
from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from intake.desk import PRODUCER
from intake.models import GrantRow
from shared.auth import Principal, forbidden
from shared.db import is_transient
from shared.events.access import GrantChanged
from shared.outbox import emit
from shared.sealing import account_ref, match_key

_PATIENCE_SECONDS = 1.0
_BY_HEAD = frozenset({"mis", "reporter", "dsl", "deputy_dsl"})
_BY_DSL = frozenset({"mis", "reporter", "deputy_dsl"})


class GrantAsked(BaseModel):
    """A client, or a person's account; never both. staff_ref: the school's number for the person.

    Whoever asks is who the token says, and a drill's client is made by us, so neither is here.
    """

    model_config = ConfigDict(extra="forbid")

    role: Literal["mis", "reporter", "dsl", "deputy_dsl", "head", "chair"]
    urn: str = Field(pattern=r"^[0-9]{6}$")
    client: str | None = Field(default=None, min_length=1, max_length=255)
    account: str | None = Field(default=None, min_length=1, max_length=255)
    staff_ref: str | None = Field(default=None, min_length=1, max_length=200)
    valid_from: AwareDatetime | None = None
    valid_to: AwareDatetime | None = None
    sandbox: bool = False

    @model_validator(mode="after")
    def _one_holder(self) -> "GrantAsked":
        client = self.role == "mis"
        if (self.client is not None) is not client or (self.account is not None) is client:
            raise ValueError("a mis grant names a client, any other an account")
        if client and self.staff_ref is not None:
            raise ValueError("a client has no staff number")
        return self


def may_grant(who: Principal, urn: str, role: str | None = None) -> bool:
    """role None: may see the school's grants. Nobody may give what would outrank themselves.

    An admin of one authority alone gets nothing here: whose the school is, is not looked up.
    """
    if who.holds("admin", route=None, la=None, urn=urn):
        return True
    if who.holds("head", urn=urn):
        return role is None or role in _BY_HEAD
    return who.holds("dsl", urn=urn) and (role is None or role in _BY_DSL)


def new_grant(
    asked: GrantAsked, who: Principal, now: datetime, secret: bytes, *, synthetic: bool
) -> GrantRow:
    if not may_grant(who, asked.urn, asked.role) or (asked.sandbox and not who.holds("admin")):
        raise forbidden()
    return GrantRow(
        id=uuid4(),
        client=asked.client,
        account_ref=account_ref(secret, asked.account) if asked.account else None,
        staff_ref=_staff_key(secret, asked.staff_ref) if asked.staff_ref else None,
        role=asked.role,
        urn=asked.urn,
        valid_from=asked.valid_from or now,
        valid_to=asked.valid_to,
        given_by_ref=account_ref(secret, who.subject),
        given_at=now,
        sandbox=asked.sandbox,
        synthetic=synthetic,
    )


def shown(grant: GrantRow) -> dict[str, Any]:
    """Accounts are shown as references only: a list of grants is not a list of people."""
    return {
        "grant_id": str(grant.id),
        "client": grant.client,
        "account_ref": grant.account_ref,
        "role": grant.role,
        "urn": grant.urn,
        "valid_from": grant.valid_from.isoformat(),
        "valid_to": grant.valid_to and grant.valid_to.isoformat(),
        "given_by_ref": grant.given_by_ref,
        "given_at": grant.given_at.isoformat(),
        "revoked_at": grant.revoked_at and grant.revoked_at.isoformat(),
        "sandbox": grant.sandbox,
        "synthetic": grant.synthetic,
    }


def tell(
    session: AsyncSession,
    event: Literal["grant.given", "grant.withdrawn"],
    grant: GrantRow,
    who: Principal,
    now: datetime,
    *,
    secret: bytes,
) -> None:
    """Puts into the caller's transaction that the log learns of it; references only."""
    data = GrantChanged(
        grant_id=grant.id,
        urn=grant.urn or "",
        role=grant.role,
        holder_ref=grant.account_ref or account_ref(secret, grant.client or ""),
        actor_ref=account_ref(secret, who.subject),
        valid_from=grant.valid_from,
        valid_to=grant.valid_to,
        synthetic=grant.synthetic,
        at=now,
    )
    emit(session, event, grant.id, data, producer=PRODUCER, at=now)


async def grants_of(session: AsyncSession, urn: str) -> list[GrantRow]:
    rows = await session.execute(
        select(GrantRow).where(col(GrantRow.urn) == urn).order_by(col(GrantRow.given_at))
    )
    return list(rows.scalars())


async def revoke(
    session: AsyncSession,
    grant_id: UUID,
    who: Principal,
    now: datetime,
    secret: bytes,
) -> bool:
    """False when the caller knows of no such grant. Revoking again changes nothing."""
    grant = await session.get(GrantRow, grant_id, with_for_update=True)
    if grant is None or not may_grant(who, grant.urn or "", grant.role):
        return False
    if grant.revoked_at is None:
        grant.revoked_at, grant.revoked_by_ref = now, account_ref(secret, who.subject)
        tell(session, "grant.withdrawn", grant, who, now, secret=secret)
    return True


def _staff_key(secret: bytes, number: str) -> str:
    return match_key(secret, "staff", number.strip().casefold())


async def accounts_of(
    sessions: async_sessionmaker[AsyncSession],
    urn: str | None,
    numbers: Collection[str],
    secret: bytes,
) -> dict[str, set[str]]:
    """Every account reference behind each staff number that the school has told us of.

    Those of withdrawn grants too: who is accused may just have lost theirs.
    """
    if not numbers or urn is None:
        return {}
    keys = {number: _staff_key(secret, number) for number in numbers}
    refs = {number: account_ref(secret, number) for number in numbers}
    statement = select(col(GrantRow.staff_ref), col(GrantRow.account_ref)).where(
        col(GrantRow.urn) == urn,
        col(GrantRow.account_ref).is_not(None),
        or_(
            col(GrantRow.staff_ref).in_(keys.values()), col(GrantRow.account_ref).in_(refs.values())
        ),
    )
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), sessions() as session:
            rows = (await session.execute(statement)).all()
    except Exception as error:
        if not is_transient(error):
            raise
        return {}  # not known to be anybody: all colleagues are kept out
    found: dict[str, set[str]] = {}
    for number in numbers:
        behind = {ref for key, ref in rows if keys[number] == key or refs[number] == ref}
        if behind:
            found[number] = {ref for ref in behind if ref}
    return found
