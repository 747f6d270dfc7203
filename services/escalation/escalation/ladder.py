"""Silence from the hub, and disagreement with it: chased, and taken step by step to those above.

R-LAC-02: no decision within one working day, and whoever referred follows it up. R-ESC-01 to 04: a
professional disagreement climbs from those who work the case to those who answer for them; where a
child is at risk now it skips to the senior ones. It never pauses the case itself.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, TypeGuard
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.announcing import PRODUCER
from escalation.deciding import Rules, lock_case
from escalation.follow_up import (
    FollowUp,
    because_of,
    follow_ups,
    open_follow_up,
    supersede,
)
from escalation.history import remember
from escalation.models import CaseFile, Disagreement, Task, Timer
from escalation.notes import SealedNote
from shared.events.cases import CaseDisagreement, DisagreementStep
from shared.outbox import emit
from shared.policy.clocks import ClockSpec, due
from shared.policy.duties import duties_of, ladder_of, starting_with

TOP: Final = 4
# At risk now: past those who work the case and their managers.
SENIOR: Final = 3
REFERRAL: Final = "referral_received"
# Whose task a step is at the school; the pack says in words who speaks to whom.
_POSTS: Final = {1: "DSL", 2: "DSL", 3: "HEADTEACHER", 4: "HEADTEACHER"}
_STEP_SCRIPT: Final = (
    "Step {stage} of a professional disagreement. Speak with {whom}; give the reasons in writing, "
    "and keep the answer. The case goes on meanwhile. Ring 999 if the child is in danger."
)
_ANSWER_SCRIPT: Final = (
    "The school disagrees, step {stage}. It falls to {whom} to answer, in writing and with reasons."
)


_LADDER_BECAUSE: Final = {
    "rule": "R-ESC-04",
    "title": "A professional disagreement is taken step by step to those above",
    "cite": "Working Together 2023; the times are a project default until the authority signs",
    "facts": {},
}


async def on_silence(session: AsyncSession, due: Sequence[Any], rules: Rules) -> None:
    """The hub's working day is over: whoever the pack names, the school's lead, is asked to chase
    it, once."""
    for case_id in _cases(due):
        case = await lock_case(session, case_id)
        if case is None or case.outcome or await follow_ups(session, case, "chase"):
            continue
        if _unanswered(await open_disagreement(session, case)):
            continue  # its next step comes by itself
        hub = rules.policy.directory.service("MASH", case.la)
        local = rules.policy.locals.get(case.la or "")
        for duty in starting_with(duties_of(rules.policy.national, local), REFERRAL):
            for late in duty.late:
                asked = FollowUp(
                    kind="chase",
                    route=late.route,
                    la=None,
                    priority=late.priority,
                    script=late.say,
                    because=because_of(duty),
                    contact=hub.contact,
                )
                task = await open_follow_up(session, case, asked, rules)
                _climbs_at(session, task, _working_days(1, rules))
        case.version += 1


async def on_stalled(session: AsyncSession, due: Sequence[Any], rules: Rules) -> None:
    """Nobody answered a chase, or a step of the ladder, in its time: the next step begins.

    What the hub has answered is the school's to take further, but where the hub is chased for what
    it has heard since, its silence takes the next step too.
    """
    stalled = {one.task_id for one in due}
    for case_id in _cases(due):
        case = await lock_case(session, case_id)
        if case is None or case.erased_at is not None:
            continue
        disagreement = await open_disagreement(session, case)
        chases = await follow_ups(session, case, "chase")
        in_vain = case.outcome is None and any(chase.id in stalled for chase in chases)
        if disagreement is None and in_vain:
            # The chase was the first step's conversation.
            await climb(session, case, rules, to=2, actor_ref=None)
        elif disagreement and disagreement.stage < TOP and (_unanswered(disagreement) or in_vain):
            await climb(session, case, rules, to=disagreement.stage + 1, actor_ref=None)


def _unanswered(disagreement: Disagreement | None) -> TypeGuard[Disagreement]:
    """What the hub has answered is the school's: it settles it, or takes the next step itself."""
    return (
        disagreement is not None and disagreement.answered_at is None and disagreement.stage < TOP
    )


def _cases(due: Sequence[Any]) -> list[UUID]:
    return sorted({one.case_id for one in due})


async def open_disagreement(session: AsyncSession, case: CaseFile) -> Disagreement | None:
    of_case = select(Disagreement).where(
        col(Disagreement.case_id) == case.id, col(Disagreement.settled_at).is_(None)
    )
    return (await session.exec(of_case.with_for_update())).one_or_none()


async def climb(
    session: AsyncSession,
    case: CaseFile,
    rules: Rules,
    *,
    to: int,
    actor_ref: str | None,
    note: SealedNote | None = None,
) -> Disagreement:
    """Begins step `to`: a task for the school, one for the hub, and the instant of the next step.

    actor_ref: who disagrees; None where silence alone took it here.
    """
    now = rules.clock.now()
    days = rules.policy.settings(case.la).escalation_working_days
    by = _working_days(days[min(to, len(days)) - 1], rules)
    disagreement = await open_disagreement(session, case)
    step: DisagreementStep = "opened" if disagreement is None else "climbed"
    if disagreement is None:
        disagreement = Disagreement(case_id=case.id, stage=to, opened_at=now, by=by)
        session.add(disagreement)
    disagreement.stage, disagreement.by = to, by
    disagreement.answered_at = disagreement.answered_by_ref = None
    await supersede(session, await follow_ups(session, case, "chase", "disagreement"), now)
    local = rules.policy.locals.get(case.la or "")
    stage = ladder_of(rules.policy.national, local)[to - 1]
    school = _asked(case, _POSTS[to], _STEP_SCRIPT.format(stage=to, whom=stage.authority), by)
    task = await open_follow_up(session, case, school, rules)
    if to < TOP:
        _climbs_at(session, task, by)
    if rules.watched("MASH", case.la):  # any other hub is spoken to on the telephone
        answer = _ANSWER_SCRIPT.format(stage=to, whom=stage.authority)
        hub = replace(
            _asked(case, "MASH", answer, by), la=case.la, team=True, owner=stage.authority
        )
        await open_follow_up(session, case, hub, rules)
    tell_disagreement(session, case, disagreement, step, now, actor_ref, note)
    return disagreement


def _asked(case: CaseFile, route: str, script: str, by: datetime) -> FollowUp:
    return FollowUp(
        kind="disagreement",
        route=route,
        la=None,
        priority=max(case.priority, "P1"),  # urgent, and no 999 call
        script=script,
        because=_LADDER_BECAUSE,
        by=by,
    )


def tell_disagreement(  # noqa: PLR0917 - the parts of one entry
    session: AsyncSession,
    case: CaseFile,
    disagreement: Disagreement,
    step: DisagreementStep,
    at: datetime,
    actor_ref: str | None,
    note: SealedNote | None,
) -> None:
    case.version += 1
    kind, stage = f"disagreement_{step}", disagreement.stage
    sealed = note.sealed if note else None
    remember(session, case.id, kind, at, actor_ref=actor_ref, sealed_note=sealed, stage=stage)
    data = CaseDisagreement(
        case_id=case.id,
        at=at,
        step=step,
        stage=stage,
        by=disagreement.by if step in ("opened", "climbed") else None,
        actor_ref=actor_ref,
        reason_given=note is not None,
        note_commitment=note.commitment if note else None,
    )
    emit(session, "case.disagreement", case.id, data, producer=PRODUCER, at=at)


def _climbs_at(session: AsyncSession, task: Task, at: datetime) -> None:
    session.add(Timer(task_id=task.id, case_id=task.case_id, kind="stalled", due_at=at))


def _working_days(count: int, rules: Rules) -> datetime:
    at = due(ClockSpec("WD", count), rules.clock.now(), None)
    assert at is not None  # noqa: S101 - only a clock that says `now` has no instant
    return at
