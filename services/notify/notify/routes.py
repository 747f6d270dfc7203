"""Notices and the directory over REST. No answer holds the address of a notice."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, and_, false, or_, select, true
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from notify.directory import (
    DirectoryRow,
    import_directory,
    posts,
    remove_post,
    same_post,
)
from notify.models import Notice, Post, State
from notify.outgoing import tell_post
from shared.app import open_session, runtime_of
from shared.auth import Principal, Role, forbidden, requires
from shared.errors import Problem
from shared.outbox import commit
from shared.sealing import account_ref

router = APIRouter(prefix="/v1", tags=["notify"])

Session = Annotated[AsyncSession, Depends(open_session)]
Watcher = Annotated[Principal, Depends(requires("operator", "manager"))]
Admin = Annotated[Principal, Depends(requires("admin"))]
DirectoryReader = Annotated[Principal, Depends(requires("admin", "dsl", "head"))]
Limit = Annotated[int, Query(ge=1, le=500)]


class NewPost(BaseModel):
    """account: the account that alone reads the address; leave it out where several people do."""

    model_config = ConfigDict(extra="forbid")

    post: DirectoryRow
    account: str | None = None


@router.get("/notices")
async def read_notices(
    *,
    who: Watcher,
    session: Session,
    request: Request,
    after: UUID | None = None,
    state: State | None = None,
    case_id: UUID | None = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """Oldest first. A manager sees the notices of their own route and authority."""
    me = account_ref(runtime_of(request).secret, who.subject)
    statement = (
        select(Notice)
        # Who is excluded from a case sees no trace of it here either.
        .where(_within(who), ~col(Notice.excluded_refs).contains([me]))
        .order_by(col(Notice.id))
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(col(Notice.id) > after)
    if state is not None:
        statement = statement.where(col(Notice.state) == state)
    if case_id is not None:
        statement = statement.where(col(Notice.case_id) == case_id)
    notices = (await session.execute(statement)).scalars().all()
    following = str(notices[-1].id) if len(notices) == limit else None
    return {"notices": [_shown_notice(notice) for notice in notices], "next": following}


@router.get("/directory")
async def read_directory(
    who: DirectoryReader, session: Session, after: UUID | None = None, limit: Limit = 100
) -> dict[str, Any]:
    """The whole directory for an admin; a DSL or a head sees the posts of their own school."""
    urns = None
    if not _of_all(who, "admin"):
        urns = [grant.urn for grant in who.grants("admin", "dsl", "head") if grant.urn is not None]
    found = await posts(session, urns, after, limit)
    following = str(found[-1].id) if len(found) == limit else None
    return {"posts": [_shown_post(post) for post in found], "next": following}


@router.post("/directory", status_code=201)
async def add_post(
    who: Admin, session: Session, request: Request, response: Response, new: NewPost
) -> dict[str, Any]:
    """Adds a post, or changes whose account reads it. Whether it is synthetic, the server says."""
    if not who.holds("admin", route=None, la=None, urn=new.post.urn):
        raise forbidden()
    runtime = runtime_of(request)
    reference = account_ref(runtime.secret, new.account) if new.account else None
    row = new.post.model_copy(update={"account_ref": reference})
    await import_directory(session, [row], synthetic=runtime.settings.synthetic)
    post = await same_post(session, row)
    shown = _shown_post(post)
    me = account_ref(runtime.secret, who.subject)
    tell_post(session, "post.changed", post, me, runtime.clock.now())
    # COMMIT POINT: from here on notices go to this address, and the log is told who said so.
    await commit(session)
    runtime.doorbell.ring()
    response.headers["Location"] = f"/v1/directory/{shown['id']}"
    return shown


@router.delete("/directory/{post_id}", status_code=204)
async def delete_post(who: Admin, session: Session, request: Request, post_id: UUID) -> None:
    """A notice to this post that is still on its way fails, and is told as failed."""
    if not _of_all(who, "admin"):
        raise forbidden()
    post = await remove_post(session, post_id)
    if post is None:
        raise Problem(404, "not-found", "The directory has no such post.")
    runtime = runtime_of(request)
    me = account_ref(runtime.secret, who.subject)
    tell_post(session, "post.removed", post, me, runtime.clock.now())
    # COMMIT POINT: from here on no notice goes to this address; the log is told who took it out.
    await commit(session)
    runtime.doorbell.ring()


def _of_all(who: Principal, role: Role) -> bool:
    """By a grant that nothing narrows: who is admin of one school is not of all."""
    return who.holds(role, route=None, la=None, urn=None)


def _within(who: Principal) -> ColumnElement[bool]:
    if _of_all(who, "operator"):
        return true()
    own = [
        and_(
            col(Notice.route) == grant.route,
            true() if grant.la is None else col(Notice.la) == grant.la,
        )
        for grant in who.grants("manager")
    ]
    return or_(false(), *own)


def _shown_notice(notice: Notice) -> dict[str, Any]:
    return {
        "id": str(notice.id),
        "case_id": str(notice.case_id),
        "task_id": str(notice.task_id) if notice.task_id else None,
        "route": notice.route,
        "la": notice.la,
        "priority": notice.priority,
        "channel": notice.channel,
        "template": notice.template,
        "recipient": notice.recipient,
        "state": notice.state,
        "attempts": notice.attempts,
        "last_code": notice.last_code,
        "synthetic": notice.synthetic,
        "created_at": notice.created_at.isoformat(),
        "ended_at": notice.ended_at.isoformat() if notice.ended_at else None,
    }


def _shown_post(post: Post) -> dict[str, Any]:
    return {
        "id": str(post.id),
        "kind": post.kind,
        "urn": post.urn,
        "route": post.route,
        "la": post.la,
        "post": post.post,
        "email": post.email,
        "personal": post.account_ref is not None,
        "synthetic": post.synthetic,
    }
