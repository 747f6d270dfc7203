"""What has happened may be the very thing that a running clock asked for: then that clock ends.

Only what the table here names ends a clock. Every other ends by the word of whoever answers for it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.announcing import How, tell_task_ended
from escalation.clearing import cancel_timers
from escalation.follow_up import follow_ups
from escalation.history import remember
from escalation.models import CaseFile, Task
from shared.policy.duties import due_at
from shared.policy.pack import Duty


class _Asks(NamedTuple):
    """A duty by its rule, what starts it, and its clock's name: the country's and an authority's
    own are told by these alike."""

    rule: str
    starts: str
    clock: str


_MET_BY: Final[Mapping[str, tuple[_Asks, ...]]] = {
    # R-LAC-04: the conference within 15 working days of the strategy discussion (Lewisham section
    # 47 procedure, "15 working days").
    "protection_conference": (_Asks("R-LAC-04", "strategy_discussion", "ICPC"),),
    # R-LAC-05: a first review within three months of the conference, later ones within six.
    "review_conference": (
        _Asks("R-LAC-05", "protection_conference", "FIRST_REVIEW"),
        _Asks("R-LAC-05", "review_conference", "NEXT_REVIEW"),
    ),
    # R-REC-02: the file to the new school within five school days (Bristol's transfer of child
    # protection files, "within 5 days"). Its receipt is another duty, and a person's to confirm.
    "file_sent": (_Asks("R-REC-02", "left_school", ""),),
}


async def end_clocks(  # noqa: PLR0917 - what happened, and when it was told by whom
    session: AsyncSession,
    case: CaseFile,
    duties: Iterable[Duty],
    event: str,
    at: datetime,
    now: datetime,
    actor_ref: str,
) -> None:
    """Ends the running clocks that ask for `event`, and what was asked because they were late.

    duties: those of the packs. at: when it happened, which says whether that was in time. A clock
    that started only later is another's, and goes on.
    """
    asks = _MET_BY.get(event, ())
    met = {duty.id: duty for duty in duties if (duty.rule, duty.starts, duty.clock) in asks}
    if not met:
        return
    ended = []
    for task in await follow_ups(session, case, "clock", "duty"):
        duty = next((met[why["rule"]] for why in task.because if why["rule"] in met), None)
        if duty is not None and (task.by is None or task.by <= due_at(duty, at)):
            _end(session, case, task, duty, at, now, actor_ref)
            ended.append(task.id)
    await cancel_timers(session, ended)


def _end(  # noqa: PLR0917 - what happened, and when it was told by whom
    session: AsyncSession,
    case: CaseFile,
    task: Task,
    duty: Duty,
    at: datetime,
    now: datetime,
    actor_ref: str,
) -> None:
    how: How = "met" if task.by is not None and at <= task.by else "met_late"
    task.state, task.outcome, task.closed_at = "done", how, now
    task.version += 1
    tell_task_ended(session, task, now, how)
    happened = at.isoformat()
    remember(
        session, case.id, f"clock_{how}", now, actor_ref=actor_ref,
        route=task.route, rule=duty.id, happened_at=happened,
    )  # fmt: skip
