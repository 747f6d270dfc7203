"""A new case is written whole, in one round trip: tasks, clocks, links and history with it."""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import text
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.announcing import tell_opened, tell_task_opened
from escalation.deciding import Rules, asks_safe
from escalation.models import (
    CaseEvent,
    CaseFile,
    CaseLink,
    EarlyHold,
    Exclusion,
    SealedDetail,
    Task,
    Timer,
)
from escalation.planning import plan
from escalation.reopening import answer_of
from escalation.schedule import answer_due, timers_for

_TABLES: Final[tuple[type[SQLModel], ...]] = (
    CaseFile,
    Exclusion,
    Task,
    Timer,
    CaseLink,
    SealedDetail,
    CaseEvent,
)


def _name(table: type[SQLModel]) -> str:
    return str(table.__tablename__)


def _insert(table: type[SQLModel]) -> str:
    """Rows as JSON, read by the table's own type: no column is named twice in the program."""
    name = _name(table)
    rows = f"json_populate_recordset(NULL::{name}, CAST(:{name} AS json))"
    return f"{name}_rows AS (INSERT INTO {name} SELECT * FROM {rows})"  # noqa: S608 - our own names


# One statement: what refers to the case is checked at its end, when all rows are there.
_WRITE: Final = text(f"WITH {', '.join(map(_insert, _TABLES))} SELECT")


async def open_case(
    session: AsyncSession,
    case: CaseFile,
    rules: Rules,
    *,
    excluded: Collection[str],
    links: Collection[str] = (),
    sealed: SealedDetail | None = None,
    early: EarlyHold | None = None,
    traceparent: str | None = None,
) -> None:
    """A new case with a task for each action and the clocks of each task.

    excluded: accounts that are kept out. links: keyed hashes that tell the child. early: a hold
    that was heard of before the case.
    """
    case.held = early is not None and early.held
    case.answer_by = case.first_answer_by = answer_of(case.decision)
    tasks = plan(case, [], case.decision["actions"], case.opened_at, rules.watched).opened
    tell_opened(session, case, traceparent)
    for task in tasks:
        if rules.links is not None:
            rules.links.make(session, case, task, sorted(excluded), case.opened_at)
        tell_task_opened(session, case, task, excluded, traceparent, supersedes=None)
    rows: list[SQLModel] = [case, *tasks, *_history(case, early)]
    rows += [timer for task in tasks for timer in _timers(case, task, rules)]
    rows += [Exclusion(case_id=case.id, account_ref=ref) for ref in sorted(set(excluded))]
    rows += [CaseLink(case_id=case.id, match_key=key) for key in sorted(set(links))]
    await _write(session, [*rows, sealed] if sealed else rows)


def _history(case: CaseFile, early: EarlyHold | None) -> Iterable[CaseEvent]:
    priority = {"priority": case.priority}
    yield CaseEvent(case_id=case.id, kind="opened", at=case.opened_at, detail=priority)
    if early is not None and early.held:
        who = early.actor_ref
        yield CaseEvent(case_id=case.id, kind="held", at=early.at, actor_ref=who, detail={})


def _timers(case: CaseFile, task: Task, rules: Rules) -> list[Timer]:
    settings = rules.policy.settings(task.la or case.la)
    timers = timers_for(task, settings, rules.clock.now(), asks_safe=asks_safe(case, task))
    return timers + answer_due(task, case.answer_by)


async def _write(session: AsyncSession, rows: Sequence[SQLModel]) -> None:
    by_table: dict[str, list[dict[str, Any]]] = {_name(table): [] for table in _TABLES}
    for row in rows:
        by_table[_name(type(row))].append(row.model_dump())
    await session.execute(_WRITE, {name: _json(some) for name, some in by_table.items()})


def _json(rows: list[dict[str, Any]]) -> str:
    try:
        return orjson.dumps(rows).decode()
    except TypeError:  # an integer beyond 64 bits
        return json.dumps(rows, default=str)
