"""Decides a concern as of its receipt, and brings an open case up to what was decided."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.announcing import tell_raised, tell_task_opened, tell_task_raised
from escalation.clearing import cancel_timers
from escalation.history import remember
from escalation.models import CaseFile, Exclusion, Task
from escalation.one_time import Links
from escalation.planning import Plan, plan, put_in_order
from escalation.ranking import higher
from escalation.reopening import reopen
from escalation.schedule import answer_due, say_now, timers_for
from shared.clock import Clock
from shared.policy import Authorities, Policy
from shared.policy.control.basis import Basis, digest
from shared.policy.control.dated import DatedPolicies
from shared.policy.raising import raise_shown
from shared.telemetry import operator_alarm

Json = dict[str, Any]
LEAD_ROUTES = ("DSL", "DEPUTY_DSL", "HEADTEACHER", "CHAIR_GOVERNORS")


@dataclass(frozen=True)
class Rules:
    """What decides, what time it is, and what makes links for those without an account."""

    policies: DatedPolicies
    clock: Clock
    links: Links | None = None

    @property
    def policy(self) -> Policy:
        """Today's, for whom to ask and how long to wait; a case is decided by its receipt's."""
        return self.policies.at(self.clock.now())

    def decide(self, case: CaseFile, facts: Json, *before: Json) -> Json:
        """As of the case's receipt; what was advised or decided before is in it, or more."""
        policy = self.policies.at(case.received_at)
        basis = _basis(case, facts, case.received_at)
        decision = basis.decide(policy)
        for alarm in decision.alarms:
            operator_alarm(alarm)
        shown = decision.to_json()
        case.basis = [*case.basis, basis.kept(policy, shown)]
        return raise_shown(together(*before), shown)

    def afresh(self, case: CaseFile, heard: datetime) -> Json:
        """What would be asked now, and by when, had it been received at `heard`: for its clocks."""
        policy = self.policies.at(case.received_at)
        return _basis(case, case.facts, heard).decide(policy).to_json()

    def watched(self, route: str, la: str | None) -> bool:
        """Whether a team on the platform works the route's queue there."""
        known = self.policy.national.routes.get(route)
        return known is not None and known.team and self.policy.on_platform(la)


def _basis(case: CaseFile, facts: Json, received_at: datetime) -> Basis:
    return Basis(
        {"subject_role": case.subject_role, **facts},
        received_at,
        case.discovered_at,
        case.subject_ref or "child-1",
        Authorities(case.home_la, case.found_la, case.school_la, case.carer_la),
    )


def together(*decisions: Json) -> Json:
    """Earlier decisions as one, for `raise_shown` to take the most urgent of each part."""
    clocks: dict[str, str] = {}
    for decision in decisions:
        for name, at in (decision.get("clocks") or {}).items():
            clocks[name] = min(at, clocks.get(name, at), key=datetime.fromisoformat)
    bans = {ban["code"]: ban for d in decisions for ban in d.get("prohibitions") or []}
    gates = [d["gate"] for d in decisions if d.get("gate")]
    return {
        "priority": min((d["priority"] for d in decisions if "priority" in d), default="P4"),
        "actions": [action for d in decisions for action in d.get("actions") or []],
        "prohibitions": list(bans.values()),
        "clocks": clocks,
        "gate": gates[-1] if gates else None,
    }


def settle(case: CaseFile, decision: Json) -> None:
    """The case's decision from now on, as the last of its basis says it was taken."""
    case.decision = decision
    case.basis = [*case.basis[:-1], case.basis[-1] | {"kept": digest(decision)}]


async def lock_case(session: AsyncSession, case_id: UUID) -> CaseFile | None:
    return await session.get(CaseFile, case_id, with_for_update=True)


async def raise_case(  # noqa: PLR0917 - the parts of one change
    session: AsyncSession,
    case: CaseFile,
    decision: Json,
    rules: Rules,
    traceparent: str | None,
    heard: datetime | None = None,
) -> None:
    """Brings a case up to a decision that was joined with its own.

    heard: when we received what raises it; the clocks of what is opened again run from then.
    """
    now = rules.clock.now()
    afresh = rules.afresh(case, heard or now)
    settle(case, decision)
    case.priority = higher(case.priority, decision["priority"])
    case.version += 1
    existing = await tasks_of(session, case.id)
    changes = plan(case, existing, decision["actions"], now, rules.watched, afresh["actions"])
    put_in_order(case, existing)
    reopened = reopen(session, case, changes.opened, afresh, heard or now, now)
    tell_raised(session, case, now, traceparent, reopened=reopened)
    await _carry_out(session, case, changes, rules, await excluded_refs(session, case), traceparent)


async def tasks_of(session: AsyncSession, case_id: UUID) -> list[Task]:
    rows = await session.exec(
        select(Task).where(col(Task.case_id) == case_id).order_by(col(Task.id)).with_for_update()
    )
    return list(rows)


async def excluded_refs(session: AsyncSession, case: CaseFile) -> list[str]:
    refs = select(Exclusion.account_ref).where(col(Exclusion.case_id) == case.id)
    return list(await session.exec(refs))


async def exclude(session: AsyncSession, case: CaseFile, refs: Collection[str]) -> None:
    if refs:
        rows = [{"case_id": case.id, "account_ref": ref} for ref in sorted(set(refs))]
        # Rows apart from the statement, so that it is built once for any number of them.
        table = Exclusion.__table__  # type: ignore[attr-defined]
        await session.execute(insert(table).on_conflict_do_nothing(), rows)


async def _carry_out(  # noqa: PLR0917 - the parts of one transaction
    session: AsyncSession,
    case: CaseFile,
    changes: Plan,
    rules: Rules,
    excluded: Sequence[str],
    traceparent: str | None,
) -> None:
    now = rules.clock.now()
    session.add_all(changes.opened)
    await session.flush()
    ended = [task.id for task in (*changes.raised, *changes.superseded.values())]
    await cancel_timers(session, ended)
    for task in changes.opened:
        before = changes.superseded.get(task.id)
        supersedes = before.id if before else None
        if rules.links is not None:
            rules.links.make(session, case, task, excluded, now)
        tell_task_opened(session, case, task, excluded, traceparent, supersedes=supersedes)
    for task in changes.raised:
        task.version += 1
        task.paused_until = None  # its clocks are set anew
        tell_task_raised(session, task, now, traceparent)
        remember(session, case.id, "task_raised", now, route=task.route, priority=task.priority)
    for task in (*changes.opened, *changes.raised):
        settings = rules.policy.settings(task.la or case.la)
        session.add_all(timers_for(task, settings, now, asks_safe=asks_safe(case, task)))
        session.add_all(answer_due(task, case.answer_by))
    for task in changes.raised:
        session.add_all(say_now(task, now))


def asks_safe(case: CaseFile, task: Task) -> bool:
    """Nobody could say whether the child is in danger: whoever leads at the school rings back."""
    asked = any(q["fact"] == "immediate_danger" for q in case.decision.get("questions", []))
    return asked and task.route in LEAD_ROUTES


def serving_la(decision: Json, *fallbacks: str | None) -> str | None:
    """The authority whose hub serves the case: the hub's task says it, else the child's own."""
    hubs = (a.get("la") for a in decision["actions"] if a["route"] in ("MASH", "EDT"))
    return next(filter(None, (*hubs, *fallbacks)), None)
