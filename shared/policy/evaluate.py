"""Fills a plan with the case's instants and facts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.policy.clocks import due
from shared.policy.decision import Action, Because, Prohibition
from shared.policy.plan import Deadline, Draft, Plan
from shared.policy.schema import Value


@dataclass(frozen=True, slots=True)
class Case:
    """The one subject that is decided."""

    values: Mapping[str, Value]
    subject: str
    received_at: datetime
    discovered_at: datetime


def reasons(plan: Plan, case: Case) -> list[Because]:
    values = case.values
    return [
        Because(
            each.rule.id,
            each.rule.title,
            each.rule.cite,
            {name: values[name] for name in each.facts},
            each.rule.because,
        )
        for each in plan.fired
    ]


def actions(plan: Plan, case: Case, because: list[Because]) -> tuple[Action, ...]:
    return tuple(_action(draft, case, because) for draft in plan.drafts)


def prohibitions(
    plan: Plan, because: list[Because], say: Mapping[str, str]
) -> tuple[Prohibition, ...]:
    return tuple(
        Prohibition(code, say[code], tuple([because[index] for index in indices]))
        for code, indices in plan.bans
    )


def _action(draft: Draft, case: Case, because: list[Because]) -> Action:
    return Action(
        route=draft.route,
        subject=draft.subject or case.subject,
        la=draft.service.la,
        priority=draft.priority,
        certainty="certain" if draft.certain else "precautionary",
        by=_earliest(draft.by.values(), case),
        hard_by=_earliest(draft.hard_by.values(), case),
        owner=draft.owner[0],
        owner_role=draft.owner[1],
        channel=draft.channel,
        contact=draft.service.contact,
        script=draft.script,
        because=tuple([because[index] for index in draft.because]),
    )


def _earliest(deadlines: Iterable[Deadline], case: Case) -> datetime | None:
    """None where there is none to keep, or where one of them is now."""
    found: datetime | None = None
    for deadline in deadlines:
        start = case.discovered_at if deadline.start == "discovery" else case.received_at
        at = due(deadline.clock, start, deadline.hours)
        if at is None:
            return None
        if found is None or at.timestamp() < found.timestamp():
            found = at
    return found
