"""Where schools read what became of their concerns."""

import re
from typing import Annotated, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from intake.authority import READ_SCOPE
from intake.desk import desk_of
from intake.outcomes import feed
from intake.status import receipt, seen_concern
from shared.app import open_session
from shared.auth import Principal, requires
from shared.errors import Problem

router = APIRouter(prefix="/v1")

Reader = Annotated[
    Principal, Depends(requires("mis", "reporter", "dsl", "deputy_dsl", "head", "chair"))
]
Client = Annotated[Principal, Depends(requires("mis", scope=READ_SCOPE))]
Session = Annotated[AsyncSession, Depends(open_session)]
_PAGE: Final = 100
_CURSOR = re.compile(r"(\d{1,19})-(\d{1,19})")


@router.get("/concerns/{concern_id}")
async def get_concern(
    concern_id: UUID, request: Request, who: Reader, session: Session
) -> Response:
    runtime = desk_of(request).runtime
    now = runtime.clock.now()
    concern, submission = await seen_concern(session, who, concern_id, runtime.secret, now)
    return _json(await receipt(session, concern, submission))


@router.get("/outcomes")
async def get_outcomes(
    request: Request,
    who: Client,
    session: Session,
    after: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    """The feed, oldest first; ask again with `next` until `outcomes` is empty, then now and then.

    Nothing is skipped: a row becomes visible only once no earlier one can still appear. But what a
    school's grant hides is passed over: once it is renewed, read again from the start.
    """
    cursor = _CURSOR.fullmatch(after or "0-0")
    if cursor is None:
        raise Problem(400, "bad-cursor", "`after` is the `next` of an earlier answer.")
    here = int(cursor[1]), int(cursor[2])
    now = desk_of(request).runtime.clock.now()
    outcomes, there = await feed(session, who, here, now, _PAGE)
    following = f"{there[0]}-{there[1]}"
    link = {"Link": f'</v1/outcomes?after={following}>; rel="next"'}
    return _json({"outcomes": outcomes, "next": following}, link)


def _json(body: object, headers: dict[str, str] | None = None) -> Response:
    headers = {"Cache-Control": "no-store", **(headers or {})}
    return Response(orjson.dumps(body), 200, headers, "application/json")
