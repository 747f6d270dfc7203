"""What a shift that is taken over changes in a case: the night's work ends, the day's goes on.

A call that nobody has confirmed yet (`P0`, open) ends for nobody: whoever was asked to make it
still has to say that it was made. So does the school's own call, until the other team has heard.
"""

from collections.abc import Collection

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.acknowledge import DECIDED
from escalation.announcing import tell_task_ended
from escalation.claim import awaits_school, set_free
from escalation.clearing import cancel_timers
from escalation.deciding import Rules
from escalation.follow_up import FollowUp, open_follow_up
from escalation.history import remember
from escalation.models import CaseFile, Task, Timer
from escalation.planning import HANDED_OVER
from escalation.shift.models import Handover

_BECAUSE = {
    "rule": "R-EMG-04",
    "title": "What the night team began goes on in the morning",
    "cite": "Luton, keeping children safe in education: out of hours",
    "facts": {},
}


async def take_over(
    session: AsyncSession, case: CaseFile, handover: Handover, taker_ref: str, rules: Rules
) -> None:
    """Between two queues the giver's tasks end, once there is one for the taker to go on with."""
    now = rules.clock.now()
    case.version += 1
    remember(session, case.id, "shift_taken", now, actor_ref=taker_ref, to=handover.to_route)
    if handover.route == handover.to_route:
        await _let_go(session, case, handover, taker_ref, rules)
        return
    rows = await session.exec(
        select(Task)
        .where(col(Task.case_id) == case.id, col(Task.closed_at).is_(None))
        .order_by(col(Task.id))
        .with_for_update()
    )
    tasks = [task for task in rows if task.la in (handover.la, None)]
    # What is to be decided. A clock only runs, and a disagreement is its own hub's to answer.
    work = [task for task in tasks if task.kind in DECIDED]
    given = [task for task in work if task.route == handover.route]
    takers = next((task for task in work if task.route == handover.to_route), None)
    if given and takers is None:
        asked = FollowUp(
            kind="handover",
            route=handover.to_route,
            la=handover.la,
            priority=min(_left(task) for task in given),
            team=True,
            script="Go on with what the other team began; its notes are in the case.",
            because=_BECAUSE,
        )
        takers = await open_follow_up(session, case, asked, rules)
    # The hub that goes on has heard of it in writing, or by the school's own call.
    heard = takers is not None and takers.kind == "duty" and not awaits_school(takers)
    ending = [
        task for task in given if not _unconfirmed(task) and (heard or not awaits_school(task))
    ]
    for task in ending:
        task.state, task.outcome, task.closed_at = "done", HANDED_OVER, now
        tell_task_ended(session, task, now, "handed_over")
        task.version += 1
    if takers is not None:
        await _go_on(session, ending, takers)
    await cancel_timers(session, [task.id for task in ending])


async def _let_go(
    session: AsyncSession, case: CaseFile, handover: Handover, taker_ref: str, rules: Rules
) -> None:
    """What the giver still has is the next shift's to claim."""
    if handover.given_by_ref == taker_ref:
        return
    rows = await session.exec(
        select(Task)
        .where(
            col(Task.case_id) == case.id,
            col(Task.route) == handover.route,
            col(Task.claimed_by_ref) == handover.given_by_ref,
            col(Task.closed_at).is_(None),
        )
        .order_by(col(Task.id))
        .with_for_update()
    )
    await set_free(session, case, list(rows), rules)


async def _go_on(session: AsyncSession, ending: Collection[Task], takers: Task) -> None:
    """The school still waits for a decision, whichever team has the case."""
    waits = update(Timer).where(
        col(Timer.task_id).in_([task.id for task in ending]), col(Timer.kind) == "unanswered"
    )
    await session.exec(waits.values(task_id=takers.id))


def _unconfirmed(task: Task) -> bool:
    return task.priority == "P0" and task.state == "open"


def _left(task: Task) -> str:
    """What is urgent no more once it is confirmed: the call was made, the rest is the day's."""
    return task.priority if _unconfirmed(task) else max(task.priority, "P1")
