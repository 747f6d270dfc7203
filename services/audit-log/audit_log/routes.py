"""The log over REST: its root for anyone, and what is unaccounted for whoever watches."""

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.merkle import EMPTY_ROOT
from audit_log.readers import Reading
from audit_log.reading import newest_head
from audit_log.search.readers import reader_of
from audit_log.search.unheard import without_unheard
from audit_log.settings import waits_for
from audit_log.unaccounted import unaccounted
from shared.app import open_session, runtime_of
from shared.auth import Principal, public, requires

router = APIRouter(prefix="/v1/log", tags=["audit log"])

Session = Annotated[AsyncSession, Depends(open_session)]
Watcher = Annotated[Principal, Depends(requires("auditor", "operator"))]


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@router.get("/root", dependencies=[Depends(public())])
async def read_root(session: Reading) -> dict[str, Any]:
    """The newest head: how many entries the log has, and the root of the tree they make."""
    head = await newest_head(session)
    if head is None:
        return {"size": 0, "root": _b64(EMPTY_ROOT), "at": None}
    return {"size": head.size, "root": _b64(head.root), "at": head.at.isoformat()}


@router.get("/unaccounted")
async def read_unaccounted(
    who: Watcher, session: Session, reading: Reading, request: Request
) -> dict[str, Any]:
    """What should have been followed by something and was not. It must be empty."""
    runtime = runtime_of(request)
    found = await unaccounted(session, runtime.clock.now(), waits_for(runtime))
    if who.holds("auditor"):
        found = await without_unheard(reading, await reader_of(request, session, who), found)
    return found
