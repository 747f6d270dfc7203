"""Erases what is held of the people in a concern; a hold stops that, its release carries it out."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.chronology import without_others
from escalation.deciding import lock_case
from escalation.follow_up import follow_ups, supersede
from escalation.history import remember
from escalation.holds import remember_hold
from escalation.models import CaseEvent, CaseFile, CaseLink, LinkDecision, SealedDetail, Task
from escalation.viewer import LEADS
from shared.dead_letters import DeadLetter
from shared.events import concerns
from shared.events.envelope import Event

_PERSONAL: Final = ("reporter", "with_child")


async def on_erased(session: AsyncSession, event: Event) -> None:
    erased = concerns.ConcernErased.model_validate_json(event.data)
    case = await lock_case(session, erased.concern_id)
    if case is not None and case.held:
        case.erasure_asked_at = erased.erased_at
        remember(session, case.id, "erasure_stopped", erased.erased_at, actor_ref=erased.actor_ref)
        return
    await _erase_letters(session, erased.concern_id)
    if case is not None:
        await _erase(session, case, erased.erased_at, erased.actor_ref)


async def on_held(session: AsyncSession, event: Event) -> None:
    hold = concerns.ConcernHeld.model_validate_json(event.data)
    case = await lock_case(session, hold.concern_id)
    if case is None:
        await remember_hold(session, hold)
        return
    case.held = hold.held
    kind = "held" if hold.held else "hold_released"
    remember(session, case.id, kind, hold.at, actor_ref=hold.actor_ref)
    if not hold.held and case.erasure_asked_at is not None:
        await _erase_letters(session, case.id)
        await _erase(session, case, hold.at, hold.actor_ref)


async def on_entered_in_error(session: AsyncSession, event: Event) -> None:
    """A person's word about the submission. The tasks stay: only who works them closes them."""
    entered = concerns.ConcernEnteredInError.model_validate_json(event.data)
    case = await lock_case(session, entered.concern_id)
    if case is None:
        return
    case.entered_in_error_at = entered.at
    case.version += 1
    remember(
        session,
        case.id,
        "entered_in_error",
        entered.at,
        actor_ref=entered.actor_ref,
        sealed_note=entered.sealed_reason,
    )


async def is_erased(session: AsyncSession, concern_id: UUID) -> bool:
    case = await session.get(CaseFile, concern_id)
    return case is not None and case.erased_at is not None


async def _erase_letters(session: AsyncSession, concern_id: UUID) -> None:
    await session.exec(
        update(DeadLetter).where(col(DeadLetter.subject) == concern_id).values(raw=None)
    )


async def _erase(session: AsyncSession, case: CaseFile, at: datetime, actor_ref: str) -> None:
    """What is left says that there was a case, what it asked of whom, and that it was done."""
    for table in (SealedDetail, CaseLink):
        await session.exec(delete(table).where(col(table.case_id) == case.id))
    of_case = or_(col(LinkDecision.case_id) == case.id, col(LinkDecision.other_id) == case.id)
    await session.exec(delete(LinkDecision).where(of_case))
    await session.exec(
        update(CaseEvent).where(col(CaseEvent.case_id) == case.id).values(sealed_note=None)
    )
    tasks = await session.exec(
        update(Task)
        .where(col(Task.case_id) == case.id)
        .values(reference=None)
        .returning(Task)
        .execution_options(populate_existing=True)
    )
    for task in tasks.scalars():
        told = without_others(case, {"because": task.because, "script": task.script})
        task.because, task.script = without_facts(told["because"]), told["script"]
    # Nobody can decide or answer what is erased: to ask for it for ever would be no one's task.
    await supersede(session, await follow_ups(session, case, "chase", "disagreement"), at)
    case.incident_id = None
    case.decision, case.basis = _skeleton(case), []
    case.facts, case.chronology, case.data_issues = {}, {}, []
    case.erased_at = at
    case.version += 1
    remember(session, case.id, "erased", at, actor_ref=actor_ref)
    await forget_reporter(session, case)


async def forget_reporter(session: AsyncSession, case: CaseFile) -> None:
    """Of an erased case, once nothing is open that only they may see to.

    Until then they are known: an erasure must not take from anybody's sight what they still owe.
    """
    open_tasks = await session.exec(
        select(Task).where(col(Task.case_id) == case.id, col(Task.state) == "open")
    )
    if case.erased_at is not None and not any(_asks_reporter(case, task) for task in open_tasks):
        case.reporter_ref = None


def _asks_reporter(case: CaseFile, task: Task) -> bool:
    """A personal duty; or any of the school's, where the reporter stands in for all leads."""
    if task.owner_ref is not None or task.owner_role in _PERSONAL:
        return True
    stands_in = case.exclude_school_staff or set(LEADS) <= set(case.conflicted)
    return stands_in and task.owner_role != "team"


def without_facts(because: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: part for name, part in r.items() if name != "facts"} for r in because]


def _skeleton(case: CaseFile) -> dict[str, Any]:
    decision = case.decision
    kept = {name: decision[name] for name in ("pack", "priority") if name in decision}
    actions = [action | without_others(case, action) for action in decision.get("actions", [])]
    bare = [action | {"because": without_facts(action["because"] or [])} for action in actions]
    return kept | {"actions": bare}
