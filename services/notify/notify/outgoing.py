"""Notices as rows: queued for the sender in the transaction of the event that caused them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import String, cast, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from notify.models import Notice, Post
from notify.recipients import REPORTER, Recipients
from shared.events.access import PostChanged
from shared.events.envelope import new_event_id
from shared.events.notices import NoticeFailed, NoticeSent
from shared.outbox import emit
from shared.telemetry import operator_alarm

SERVICE = "notify"


@dataclass(frozen=True, slots=True)
class About:
    """What a notice is about, as far as sending and listing it need to know."""

    event_id: UUID
    case_id: UUID
    task_id: UUID | None
    route: str | None
    la: str | None
    urn: str | None
    priority: str
    excluded_refs: Sequence[str]
    synthetic: bool


async def queue(
    session: AsyncSession, about: About, template: str, told: Recipients, now: datetime
) -> None:
    ids = [place.id for place in told.places]
    found = await session.execute(select(Post).where(col(Post.id).in_(ids)))
    rows = [
        _row(about, template, now, recipient=named(post), post_id=post.id, state="queued")
        for post in found.scalars()
    ]
    if told.reporter:
        rows.append(_row(about, template, now, recipient=REPORTER, post_id=None, state="queued"))
    await session.execute(insert(Notice).values(rows).on_conflict_do_nothing())


async def exclude(session: AsyncSession, about: About) -> None:
    """Whom a later event of the case excludes is kept from what waits already, and its list."""
    refs = list(about.excluded_refs)
    if not refs:
        return
    statement = update(Notice).where(
        col(Notice.case_id) == about.case_id, ~col(Notice.excluded_refs).contains(refs)
    )
    both = func.array_cat(col(Notice.excluded_refs), cast(refs, ARRAY(String)))
    await session.execute(statement.values(excluded_refs=both))


async def nobody(session: AsyncSession, about: About, template: str, now: datetime) -> None:
    """There is no one to tell. That is told at once, so that a person is found another way."""
    row = _row(about, template, now, recipient="none", post_id=None, state="failed")
    row |= {"last_code": "no_recipient", "ended_at": now}
    statement = insert(Notice).values(row).on_conflict_do_nothing().returning(col(Notice.id))
    if (await session.execute(statement)).scalar_one_or_none() is not None:
        operator_alarm("notice_without_recipient")
        tell_failed(session, Notice(**row), "no_recipient", now)


def named(post: Post) -> str:
    """The post by its school, or by its route and authority; never a person or an address."""
    where = (post.urn,) if post.kind == "urn" else (post.route, post.la)
    return " ".join(filter(None, (post.post, *where)))


def tell_sent(session: AsyncSession, notice: Notice, at: datetime) -> None:
    data = NoticeSent(**_said(notice, at))
    emit(session, "notice.sent", notice.case_id, data, producer=SERVICE, at=at)


def tell_failed(session: AsyncSession, notice: Notice, reason: str, at: datetime) -> None:
    data = NoticeFailed(**_said(notice, at), reason=reason)
    emit(session, "notice.failed", notice.case_id, data, producer=SERVICE, at=at)


def tell_post(
    session: AsyncSession,
    event: Literal["post.changed", "post.removed"],
    post: Post,
    actor_ref: str,
    at: datetime,
) -> None:
    """Puts into the caller's transaction that the log learns of it; never the address."""
    data = PostChanged(
        post_id=post.id,
        post=post.post,
        urn=post.urn,
        route=post.route,
        la=post.la,
        holder_ref=post.account_ref,
        actor_ref=actor_ref,
        synthetic=post.synthetic,
        at=at,
    )
    emit(session, event, post.id, data, producer=SERVICE, at=at)


def _said(notice: Notice, at: datetime) -> dict[str, Any]:
    return {
        "notice_id": notice.id,
        "task_id": notice.task_id,
        "case_id": notice.case_id,
        "channel": notice.channel,
        "template": notice.template,
        "recipient": notice.recipient,
        "attempts": notice.attempts,
        "at": at,
    }


def _row(
    about: About, template: str, now: datetime, *, recipient: str, post_id: UUID | None, state: str
) -> dict[str, Any]:
    return {
        "id": new_event_id(),
        "event_id": about.event_id,
        "case_id": about.case_id,
        "task_id": about.task_id,
        "route": about.route,
        "la": about.la,
        "priority": about.priority,
        "channel": "email",
        "template": template,
        "recipient": recipient,
        "post_id": post_id,
        "excluded_refs": list(about.excluded_refs),
        "synthetic": about.synthetic,
        "state": state,
        "attempts": 0,
        "token": 0,
        "told_overdue": False,
        "created_at": now,
        "next_attempt_at": now,
    }
