"""Sends what is queued: claims a notice, sends it outside any transaction, records the outcome."""

import asyncio
import json
import re
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import select, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from notify.delivery import Outcome, hand_over
from notify.message import link_to, once_link, reference_of, write
from notify.models import Notice, Post, ReporterContact, TaskLink
from notify.outgoing import tell_failed, tell_sent
from notify.recipients import Conflict, Place
from notify.settings import NotifySettings, Smtp
from shared.app import Runtime
from shared.bus.failpoint import reach
from shared.db import is_transient
from shared.outbox import commit
from shared.sealing import Opener, SealBroken
from shared.telemetry import operator_alarm

# Longer than sending can take; a notice claimed by a sender that died is free again after it.
LEASE: Final = timedelta(seconds=60)
# Before the second, third … attempt: mail that is away for a morning is caught up with. After the
# last one nobody tries any more.
BACK_OFF: Final = tuple(timedelta(seconds=n) for n in (5, 15, 60, 300, *(900 for _ in range(25))))
# From this attempt on, after 21 minutes, people are told meanwhile that they must ring.
OVERDUE_ATTEMPT: Final = 6
# concern.raised travels on another topic than the task and may come after it.
WAIT_FOR_CONTACT: Final = timedelta(seconds=60)
_IDLE_SECONDS: Final = 0.2
ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}", re.ASCII)

log = structlog.get_logger(__name__)


async def run_senders(runtime: Runtime) -> None:
    settings = _settings(runtime)
    await asyncio.gather(*(_send_for_ever(runtime) for _ in range(settings.senders)))


async def _send_for_ever(runtime: Runtime) -> None:
    while True:
        try:
            busy = await send_next(runtime)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("sender waits", error=type(error).__name__, seconds=1)
            await asyncio.sleep(1)
            continue
        if not busy:
            await asyncio.sleep(_IDLE_SECONDS)


async def send_next(runtime: Runtime) -> bool:
    """Deals with the most urgent notice that is due; False when there is none."""
    notice = await _claim(runtime)
    if notice is None:
        return False
    outcome = await _deliver(runtime, notice)
    await reach("notify.after-send")
    await _record(runtime, notice, outcome)
    return True


async def _claim(runtime: Runtime) -> Notice | None:
    """COMMIT POINT: a crash just after it delays the notice by the lease, and loses nothing."""
    now = runtime.clock.now()
    due = (
        select(col(Notice.id))
        .where(col(Notice.ended_at).is_(None), col(Notice.next_attempt_at) <= now)
        .order_by(col(Notice.priority), col(Notice.next_attempt_at))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    claim = (
        update(Notice)
        .where(col(Notice.id) == due.scalar_subquery())
        .values(
            state="sending",
            attempts=Notice.attempts + 1,
            token=Notice.token + 1,
            next_attempt_at=now + LEASE,
        )
        .returning(Notice)
    )
    async with runtime.sessions() as session:
        notice = (await session.execute(claim)).scalar_one_or_none()
        await session.commit()
    return notice


async def _deliver(runtime: Runtime, notice: Notice) -> Outcome:
    settings = _settings(runtime)
    address = await _address(runtime, notice)
    if isinstance(address, Outcome):
        return address
    message = write(
        notice.template,
        notice_id=notice.id,
        reference=reference_of(notice.task_id, notice.case_id),
        link=link_to(settings.public_url, notice.task_id, notice.case_id),
        once=await _once(runtime, notice),
        synthetic=notice.synthetic,
        mail_from=settings.mail_from,
        to=address,
        at=runtime.clock.now(),
    )
    return await hand_over(message, Smtp(settings.smtp_url.get_secret_value()))


async def _record(runtime: Runtime, notice: Notice, outcome: Outcome) -> None:
    """COMMIT POINT: the outcome and the event that tells of it, together.

    A crash between the server's yes and this commit sends the notice a second time: twice is
    better than never. Both bear the same Message-ID, by which a mailbox can drop the second.
    """
    now = runtime.clock.now()
    if outcome.kind == "later" and notice.attempts > len(BACK_OFF):
        outcome = Outcome("never", outcome.code)
    overdue = outcome.kind == "later" and notice.attempts >= OVERDUE_ATTEMPT
    told = notice.told_overdue
    async with runtime.sessions() as session:
        mine = (
            update(Notice)
            .where(
                col(Notice.id) == notice.id,
                col(Notice.token) == notice.token,
                col(Notice.ended_at).is_(None),
            )
            .values(told_overdue=told or overdue, **_changes(notice, outcome, now))
            .returning(col(Notice.id))
        )
        if (await session.execute(mine)).scalar_one_or_none() is None:
            return  # claimed by another since: that one reports
        if outcome.kind == "sent":
            tell_sent(session, notice, now)
        elif outcome.kind == "never" or (overdue and not told):
            tell_failed(session, notice, outcome.code or "failed", now)
            log.error("notice failed", notice_id=str(notice.id), code=outcome.code)
            operator_alarm("notice_failed")
        await commit(session)
    runtime.doorbell.ring()


def _changes(notice: Notice, outcome: Outcome, now: datetime) -> dict[str, Any]:
    if outcome.kind == "later":
        waiting = outcome.code == "contact_awaited"
        pause = timedelta(seconds=1) if waiting else BACK_OFF[notice.attempts - 1]
        attempts = notice.attempts - 1 if waiting else notice.attempts
        return {
            "state": "queued",
            "last_code": outcome.code,
            "attempts": attempts,
            "next_attempt_at": now + pause,
        }
    state = "sent" if outcome.kind == "sent" else "failed"
    return {"state": state, "last_code": outcome.code, "ended_at": now}


async def _address(runtime: Runtime, notice: Notice) -> str | Outcome:
    """Looked up for every attempt, so that a corrected directory helps a notice still waiting, and
    who has come to hold a post, or to be excluded, since it was queued is not told."""
    async with runtime.sessions() as session:
        if notice.post_id is not None:
            post = await session.get(Post, notice.post_id)
            if post is None:
                return Outcome("never", "no_recipient")
            place = Place(post.id, post.kind, post.post, post.account_ref)
            allowed = Conflict(excluded=frozenset(notice.excluded_refs)).allows(place)
            return post.email if allowed else Outcome("never", "no_recipient")
        return await _reporters_address(session, runtime, notice)


async def _reporters_address(
    session: AsyncSession, runtime: Runtime, notice: Notice
) -> str | Outcome:
    contact = await session.get(ReporterContact, notice.case_id)
    if contact is None or (contact.sealed is None and contact.erased_at is None):
        late = runtime.clock.now() - notice.created_at > WAIT_FOR_CONTACT
        return Outcome("never", "no_recipient") if late else Outcome("later", "contact_awaited")
    if contact.sealed is None:
        return Outcome("never", "erased")
    if contact.reporter_ref in notice.excluded_refs:
        return Outcome("never", "no_recipient")
    try:
        address = _opened(runtime.opener, contact)
    except SealBroken:
        return Outcome("never", "seal_broken")
    return address or await _post_of(session, contact, notice)


async def _post_of(
    session: AsyncSession, contact: ReporterContact, notice: Notice
) -> str | Outcome:
    """A reporter who left no e-mail address may hold a post that has one."""
    held = (
        select(col(Post.email))
        .where(
            col(Post.account_ref) == contact.reporter_ref,
            col(Post.account_ref).is_not(None),
            col(Post.synthetic) == notice.synthetic,
        )
        .order_by(col(Post.id))
        .limit(1)
    )
    email: str | None = (await session.execute(held)).scalar_one_or_none()
    return email or Outcome("never", "no_recipient")


async def _once(runtime: Runtime, notice: Notice) -> str | None:
    """The one-time link of a reporter's own task, in clear for this one mail alone."""
    if notice.post_id is not None or notice.task_id is None or runtime.opener is None:
        return None
    async with runtime.sessions() as session:
        link = await session.get(TaskLink, notice.task_id)
    if link is None or link.ends_at <= runtime.clock.now():
        return None
    try:
        token = runtime.opener.open("contacts", link.sealed, context=str(link.task_id))
    except SealBroken:
        log.error("a one-time link does not open", notice_id=str(notice.id))
        return None
    return once_link(_settings(runtime).public_url, token.decode())


def _opened(opener: Opener | None, contact: ReporterContact) -> str | None:
    """The reporter's e-mail address, where there is one; held in memory for this one sending."""
    if opener is None or contact.sealed is None:
        raise SealBroken
    plain = opener.open("contacts", contact.sealed, context=str(contact.concern_id))
    try:
        members = json.loads(plain)
        reporter = members.get("reporter", members)
        candidates = [reporter.get("email"), reporter.get("contact")]
    except (ValueError, AttributeError):
        return None
    found = (c.strip() for c in candidates if isinstance(c, str))
    return next((address for address in found if ADDRESS.fullmatch(address)), None)


def _settings(runtime: Runtime) -> NotifySettings:
    assert isinstance(runtime.settings, NotifySettings)  # noqa: S101 - create_app takes no other
    return runtime.settings
