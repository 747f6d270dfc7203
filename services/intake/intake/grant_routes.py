"""Giving, listing and withdrawing what clients and people may do for a school."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from intake.authority import as_it_stands
from intake.desk import desk_of
from intake.grants import GrantAsked, grants_of, may_grant, new_grant, revoke, shown, tell
from intake.schools import is_reserved
from shared.app import open_session
from shared.auth import Principal, forbidden, requires
from shared.errors import Problem
from shared.outbox import commit

router = APIRouter(prefix="/v1/grants")

Session = Annotated[AsyncSession, Depends(open_session)]
Urn = Annotated[str, Query(pattern=r"^[0-9]{6}$")]


async def _granter(
    request: Request,
    who: Annotated[Principal, Depends(requires("head", "dsl", "admin"))],
    session: Session,
) -> Principal:
    """A lead whose own grant has ended gives none, to themselves least of all."""
    runtime = desk_of(request).runtime
    return await as_it_stands(session, who, runtime.secret, runtime.clock.now())


Granter = Annotated[Principal, Depends(_granter)]


@router.get("")
async def list_grants(urn: Urn, who: Granter, session: Session) -> Response:
    if not may_grant(who, urn):
        raise forbidden()
    grants = [shown(grant) for grant in await grants_of(session, urn)]
    return Response(orjson.dumps({"grants": grants}), media_type="application/json")


@router.post("", status_code=201)
async def give(asked: GrantAsked, request: Request, who: Granter, session: Session) -> Response:
    desk = desk_of(request)
    now, secret = desk.runtime.clock.now(), desk.runtime.secret
    # Only the demo's own processes make drill clients, and only for the reserved schools.
    synthetic = is_reserved(asked.urn)
    if synthetic and not desk.synthetic:
        raise forbidden()
    grant = new_grant(asked, who, now, secret, synthetic=synthetic)
    session.add(grant)
    tell(session, "grant.given", grant, who, now, secret=secret)
    # COMMIT POINT: from here on the grant counts, and the log is told who gave it.
    await commit(session)
    desk.runtime.doorbell.ring()
    body = orjson.dumps(shown(grant))
    where = {"Location": f"/v1/grants/{grant.id}"}
    return Response(body, 201, where, "application/json")


@router.delete("/{grant_id}", status_code=204)
async def withdraw(grant_id: UUID, request: Request, who: Granter, session: Session) -> Response:
    desk = desk_of(request)
    now, secret = desk.runtime.clock.now(), desk.runtime.secret
    if not await revoke(session, grant_id, who, now, secret):
        raise Problem(404, "not-found", "There is no such grant, or you may not know of it.")
    # COMMIT POINT: from here on no process stores anything under this grant; the log is told.
    await commit(session)
    desk.authority.forget()
    desk.runtime.doorbell.ring()
    return Response(status_code=204)
