"""What notify does when it hears of concerns, cases and tasks: it decides who is to be told."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from notify.models import Notice, Post, ReporterContact, TaskLink
from notify.outgoing import About, exclude, nobody, queue
from notify.recipients import Conflict, Place, Recipients, first, following, owner_post
from shared.clock import Clock
from shared.dead_letters import DeadLetter
from shared.events.cases import CaseOpened, TaskLinkMade, TaskOpened, TaskReminded
from shared.events.concerns import ConcernErased, ConcernHeld, ConcernRaised, EventData
from shared.events.envelope import Event
from shared.inbox import Handler, Poison

Data = TypeVar("Data", bound=EventData)
# Whose queue reads by hand what could not be processed.
_READS_BY_HAND = "MASH"


@dataclass(frozen=True)
class Handlers:
    """One method for each event that notify consumes."""

    clock: Clock

    def by_type(self) -> Mapping[str, Handler]:
        return {
            "concern.raised": _with(ConcernRaised, self.concern_raised),
            "concern.erased": _with(ConcernErased, self.concern_erased),
            "concern.held": _with(ConcernHeld, self.concern_held),
            "case.opened": _with(CaseOpened, self.case_opened),
            "task.link_made": _with(TaskLinkMade, self.task_link_made),
            "task.opened": _with(TaskOpened, self.task_opened),
            "task.reminded": _with(TaskReminded, self.task_reminded),
        }

    async def concern_raised(
        self, session: AsyncSession, event: Event, concern: ConcernRaised
    ) -> None:
        told = {"reporter_ref": concern.reporter_ref, "sealed": concern.sealed_contacts}
        await session.execute(
            insert(ReporterContact)
            .values(concern_id=event.subject, held=False, **told)
            .on_conflict_do_update(
                index_elements=["concern_id"],
                set_=told,
                # A hold may have come first and stands; what is erased never comes back.
                where=col(ReporterContact.erased_at).is_(None),
            )
        )

    async def concern_erased(
        self, session: AsyncSession, event: Event, erased: ConcernErased
    ) -> None:
        contact = await session.get(ReporterContact, event.subject)
        if contact is not None and contact.held:
            # Erasing is final and the two orders contradict each other: a person must look.
            raise Poison("erased-while-held")
        gone = {"sealed": None, "reporter_ref": None, "erased_at": erased.erased_at}
        await session.execute(
            insert(ReporterContact)
            .values(concern_id=event.subject, held=False, **gone)
            .on_conflict_do_update(index_elements=["concern_id"], set_=gone)
        )
        await session.execute(delete(TaskLink).where(col(TaskLink.case_id) == event.subject))
        await session.execute(
            update(DeadLetter).where(col(DeadLetter.subject) == event.subject).values(raw=None)
        )

    async def concern_held(self, session: AsyncSession, event: Event, held: ConcernHeld) -> None:
        """Also of a concern that has not been heard of yet, so that it counts from then on."""
        await session.execute(
            insert(ReporterContact)
            .values(concern_id=event.subject, held=held.held)
            .on_conflict_do_update(index_elements=["concern_id"], set_={"held": held.held})
        )

    async def case_opened(self, session: AsyncSession, event: Event, case: CaseOpened) -> None:
        """Who is told of a case learns it through its tasks, but for one nobody could process."""
        if not case.unprocessed:
            return
        places = await _places(session, None, _READS_BY_HAND, case.la, case.synthetic)
        told = Recipients(tuple(place for place in places if place.post == "queue"))
        about = About(
            event_id=event.id,
            case_id=case.case_id,
            task_id=None,
            route=_READS_BY_HAND,
            la=case.la,
            urn=None,
            priority=case.priority,
            excluded_refs=(),
            synthetic=case.synthetic,
        )
        await self._tell(session, about, "case_unprocessed", told)

    async def task_link_made(self, session: AsyncSession, event: Event, made: TaskLinkMade) -> None:
        """It goes out with the task's notices to the reporter, or by itself where it was asked."""
        new = {"sealed": made.sealed_link, "ends_at": made.ends_at}
        await session.execute(delete(TaskLink).where(col(TaskLink.ends_at) <= made.at))
        await session.execute(
            insert(TaskLink)
            .values(task_id=made.task_id, case_id=made.case_id, **new)
            .on_conflict_do_update(index_elements=["task_id"], set_=new)
        )
        if made.again:
            told = Recipients(reporter=True)
            await self._tell(session, _about(event, made), "task_link", told)

    async def task_opened(self, session: AsyncSession, event: Event, task: TaskOpened) -> None:
        places = await _places(session, task.urn, task.route, task.la, task.synthetic)
        owner = task.owner_role or task.owner
        told = first(owner, task.owner_ref, task.priority, places, _conflict(task))
        await self._tell(session, _about(event, task), "task_opened", told)

    async def task_reminded(self, session: AsyncSession, event: Event, task: TaskReminded) -> None:
        places = await _places(session, task.urn, task.route, task.la, task.synthetic)
        conflict, about = _conflict(task), _about(event, task)
        before = await _told(session, task.task_id)
        posts = {post for post in before if post is not None}
        again = tuple(p for p in places if p.id in posts and conflict.allows(p))
        same = Recipients(again, reporter=None in before)
        if task.step == "reminder" and same:
            await self._tell(session, about, "task_reminder", same)
        else:  # also where all who were told before may not know of it any more
            owner = task.owner_role or task.owner
            told = following(owner, task.owner_ref, places, conflict, posts)
            await self._tell(session, about, "task_passed_on", told)

    async def _tell(
        self, session: AsyncSession, about: About, template: str, told: Recipients
    ) -> None:
        now = self.clock.now()
        await exclude(session, about)
        if told:
            await queue(session, about, template, told, now)
        else:
            await nobody(session, about, template, now)


async def is_erased(session: AsyncSession, concern_id: UUID) -> bool:
    contact = await session.get(ReporterContact, concern_id)
    return contact is not None and contact.erased_at is not None


def _with(
    model: type[Data], handle: Callable[[AsyncSession, Event, Data], Awaitable[None]]
) -> Handler:
    async def handler(session: AsyncSession, event: Event) -> None:
        try:
            data = model.model_validate_json(event.data)
        except ValidationError:
            raise Poison("not-of-its-type") from None
        await handle(session, event, data)

    return handler


def _conflict(task: TaskOpened | TaskReminded) -> Conflict:
    return Conflict(
        excluded=frozenset(task.excluded_refs),
        all_school_staff=task.exclude_school_staff,
        posts=frozenset(owner_post(role) for role in task.conflicted_roles),
    )


def _about(event: Event, task: TaskOpened | TaskReminded | TaskLinkMade) -> About:
    return About(
        event_id=event.id,
        case_id=task.case_id,
        task_id=task.task_id,
        route=task.route,
        la=task.la,
        urn=task.urn,
        priority=task.priority,
        excluded_refs=tuple(task.excluded_refs),
        synthetic=task.synthetic,
    )


async def _places(
    session: AsyncSession, urn: str | None, route: str, la: str | None, synthetic: bool
) -> list[Place]:
    """The school's posts and the team's. A drill reaches only the demo's posts, and no real one."""
    school = (col(Post.kind) == "urn") & (col(Post.urn) == urn)
    here = or_(col(Post.la) == la, col(Post.la).is_(None))
    team = (col(Post.kind) == "team") & (col(Post.route) == route) & here
    rows = await session.execute(
        select(Post)
        .where(col(Post.synthetic) == synthetic, or_(school, team))
        .order_by(col(Post.id))
    )
    posts = rows.scalars().all()
    own = {post.post for post in posts if post.kind == "team" and post.la is not None}
    return [
        Place(post.id, post.kind, post.post, post.account_ref)
        for post in posts
        if post.kind == "urn" or post.la is not None or post.post not in own
    ]


async def _told(session: AsyncSession, task_id: UUID) -> set[UUID | None]:
    """The posts that were told of the task; None is the reporter."""
    rows = await session.execute(
        select(col(Notice.post_id), col(Notice.recipient)).where(col(Notice.task_id) == task_id)
    )
    return {post_id for post_id, recipient in rows if recipient != "none"}
