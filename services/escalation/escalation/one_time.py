"""One-time links: a teacher without an account comes by one to the duty that is theirs alone.

The token goes out sealed, for notify to write into one mail; here only its hash is kept. It is 256
random bits, so a look-up by the hash gives nothing away and guessing is hopeless.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.announcing import PRODUCER
from escalation.models import CaseFile, Task
from escalation.one_time_models import OneTimeLink
from shared.errors import Problem
from shared.events.cases import TaskLinkMade
from shared.outbox import emit
from shared.sealing import Sealer, account_ref
from shared.web.signin.box import hashed, new_secret

_OWNER: Final = "reporter"
_ASK: Final = (
    "If you have an account, sign in and look at your tasks. Otherwise ask the designated "
    "safeguarding lead of your school, who can send you a new link. If a child is in danger ring "
    "999 now, and for your own report to the police ring 101: neither waits for a link."
)


@dataclass(frozen=True)
class Links:
    """Makes the links, in the transaction that opens the task; the edge commits."""

    sealer: Sealer
    hours: int

    def make(
        self,
        session: AsyncSession,
        case: CaseFile,
        task: Task,
        excluded: Sequence[str],
        now: datetime,
        *,
        again: bool = False,
    ) -> None:
        """For a duty of the reporter's own; for any other task nothing.

        again: a lead asked for it, so that it is sent by itself and not with the task's notice.
        """
        if task.owner_role != _OWNER:
            return
        token = new_secret()
        # Never over before the duty is due: a long weekend is longer than the setting.
        ends_at = max(now + timedelta(hours=self.hours), task.by or now)
        session.add(OneTimeLink(id=hashed(token), task_id=task.id, ends_at=ends_at))
        data = TaskLinkMade(
            task_id=task.id,
            case_id=case.id,
            at=now,
            ends_at=ends_at,
            again=again,
            route=task.route,
            la=task.la,
            urn=task.urn,
            priority=task.priority,
            excluded_refs=sorted(excluded),
            synthetic=case.synthetic,
            sealed_link=self.sealer.seal("contacts", token.encode(), context=str(task.id)),
        )
        emit(session, "task.link_made", case.id, data, producer=PRODUCER, at=now)


async def usable(session: AsyncSession, token: str, now: datetime) -> OneTimeLink:
    """The link, where it still opens; otherwise a refusal that says how to go on."""
    link = await session.get(OneTimeLink, hashed(token))
    if link is None:
        raise Problem(404, "link-unknown", f"This link is not known here. {_ASK}")
    if link.used_at is not None:
        raise _used(link.task_id)
    if link.ends_at <= now:
        raise Problem(410, "link-over", f"This link is too old. {_ASK}")
    return link


async def use(session: AsyncSession, secret: bytes, link: OneTimeLink, now: datetime) -> Task:
    """Takes it up, once of all who press at the same time; the edge commits.

    Where the concern named no account, the task is from now on that of whoever holds the link.
    """
    mine = (
        update(OneTimeLink)
        .where(
            col(OneTimeLink.id) == link.id,
            col(OneTimeLink.used_at).is_(None),
            col(OneTimeLink.ends_at) > now,
        )
        .values(used_at=now)
        .returning(col(OneTimeLink.task_id))
    )
    if (await session.exec(mine)).one_or_none() is None:
        raise _used(link.task_id)
    task = await session.get(Task, link.task_id, with_for_update=True)
    if task is None or task.state != "open":
        detail = "There is nothing left to do here: it is on record as done, or was taken back."
        raise Problem(410, "link-over", detail)
    task.owner_ref = task.owner_ref or account_ref(secret, f"one-time:{task.id}")
    return task


def _used(task_id: UUID) -> Problem:
    """task_id is for us: a page shows none of a problem's members."""
    detail = f"This link has been used already. {_ASK}"
    return Problem(410, "link-used", detail, task_id=task_id)
