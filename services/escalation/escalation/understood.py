"""A case leaves the top of triage once all that could not be read of it has been read."""

from sqlalchemy import exists
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.deciding import Rules, lock_case, tasks_of
from escalation.history import remember
from escalation.planning import put_in_order
from shared.dead_letters import DeadLetter
from shared.events.catalogue import CONCERNS
from shared.events.envelope import Event


async def on_driven_again(session: AsyncSession, event: Event, rules: Rules) -> None:
    """After an event that was a dead letter has been applied."""
    if event.replay_of is None:
        return
    case = await lock_case(session, event.subject)
    if case is None or not case.unprocessed or await _another_is_unread(session, event):
        return
    case.unprocessed = False
    case.version += 1
    put_in_order(case, await tasks_of(session, case.id))
    remember(session, case.id, "understood", rules.clock.now())


async def _another_is_unread(session: AsyncSession, event: Event) -> bool:
    """What is only held behind another can be read, and comes by itself."""
    letters = exists().where(
        col(DeadLetter.subject) == event.subject,
        col(DeadLetter.topic) == CONCERNS.name,
        col(DeadLetter.event_id).is_distinct_from(event.replay_of),
        col(DeadLetter.replayed_at).is_(None),
        col(DeadLetter.reason) != "held",
    )
    return bool((await session.exec(select(letters))).one())
