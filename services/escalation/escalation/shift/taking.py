"""What a shift that is taken over changes in a case: the night's work ends, the day's goes on."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.clearing import cancel_timers
from escalation.deciding import Rules
from escalation.follow_up import FollowUp, open_follow_up
from escalation.history import remember
from escalation.models import CaseFile, Handover, Task

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
        return
    rows = await session.exec(
        select(Task)
        .where(col(Task.case_id) == case.id, col(Task.closed_at).is_(None))
        .order_by(col(Task.id))
        .with_for_update()
    )
    tasks = [task for task in rows if task.la in (handover.la, None)]
    ending = [task for task in tasks if task.route == handover.route and task.kind != "clock"]
    if ending and not any(task.route == handover.to_route for task in tasks):
        highest = min(task.priority for task in ending)
        asked = FollowUp(
            kind="handover",
            route=handover.to_route,
            la=handover.la,
            priority=max(highest, "P1"),
            script="Go on with what the other team began; its notes are in the case.",
            because=_BECAUSE,
        )
        await open_follow_up(session, case, asked, rules)
    for task in ending:
        task.state, task.outcome, task.closed_at = "done", "handed_over", now
        task.version += 1
    await cancel_timers(session, [task.id for task in ending])
