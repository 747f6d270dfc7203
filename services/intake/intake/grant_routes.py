"""Giving, listing and withdrawing what clients and people may do for a school."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from intake.authority import withdrawn_from
from intake.desk import desk_of
from intake.grants import GrantAsked, grants_of, may_grant, new_grant, revoke, shown
from intake.schools import is_reserved
from shared.app import open_session
from shared.auth import Principal, forbidden, requires
from shared.errors import Problem
from shared.outbox import commit
from shared.sealing import account_ref

router = APIRouter(prefix="/v1/grants")

Granter = Annotated[Principal, Depends(requires("head", "dsl", "admin"))]
Session = Annotated[AsyncSession, Depends(open_session)]
Urn = Annotated[str, Query(pattern=r"^[0-9]{6}$")]


async def _withdrawn(request: Request, who: Granter, session: Session) -> frozenset[str]:
    """A lead whose own grant was withdrawn gives none, to themselves least of all."""
    secret = desk_of(request).runtime.secret
    return await withdrawn_from(session, account_ref(secret, who.subject))


Withdrawn = Annotated[frozenset[str], Depends(_withdrawn)]


@router.get("")
async def list_grants(urn: Urn, who: Granter, session: Session, withdrawn: Withdrawn) -> Response:
    if urn in withdrawn or not may_grant(who, urn):
        raise forbidden()
    grants = [shown(grant) for grant in await grants_of(session, urn)]
    return Response(orjson.dumps({"grants": grants}), media_type="application/json")


@router.post("", status_code=201)
async def give(
    asked: GrantAsked, request: Request, who: Granter, session: Session, withdrawn: Withdrawn
) -> Response:
    desk = desk_of(request)
    now, secret = desk.runtime.clock.now(), desk.runtime.secret
    # Only the demo's own processes make drill clients, and only for the reserved schools.
    synthetic = is_reserved(asked.urn)
    if asked.urn in withdrawn or (synthetic and not desk.synthetic):
        raise forbidden()
    grant = new_grant(asked, who, now, secret, synthetic=synthetic)
    session.add(grant)
    await commit(session)
    body = orjson.dumps(shown(grant))
    where = {"Location": f"/v1/grants/{grant.id}"}
    return Response(body, 201, where, "application/json")


@router.delete("/{grant_id}", status_code=204)
async def withdraw(
    grant_id: UUID, request: Request, who: Granter, session: Session, withdrawn: Withdrawn
) -> Response:
    desk = desk_of(request)
    now, secret = desk.runtime.clock.now(), desk.runtime.secret
    if not await revoke(session, grant_id, who, now, secret, withdrawn=withdrawn):
        raise Problem(404, "not-found", "There is no such grant, or you may not know of it.")
    # COMMIT POINT: from here on no process stores anything under this grant.
    await commit(session)
    desk.authority.forget()
    return Response(status_code=204)
