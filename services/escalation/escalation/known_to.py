"""A case as its reader may know it: what other cases added to it, but for those kept from them.

Earlier concerns raise a later one (`chronology`). Whoever is kept out of an earlier case must not
learn from the later one that it exists: they see the facts with the cases they may know of, and the
reasons that those facts alone would give. The response stands as it is; only what is told is less.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, cast, exists, or_, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.chronology import STANDS, number
from escalation.conflicts import may_open, without_conflict
from escalation.deciding import Rules
from escalation.models import CaseEvent, CaseFile, Task
from escalation.viewer import Viewer

Json = dict[str, Any]
Row = TypeVar("Row", CaseFile, Task)
_SAME = ("route", "subject", "la", "owner_role")


@dataclass(frozen=True, slots=True)
class _Less:
    """kept: the facts that count cases kept from the reader. case: a copy, with the others alone.
    afresh: what its facts would ask for by themselves."""

    kept: frozenset[str]
    case: CaseFile
    afresh: Json

    def decision(self, decision: Json) -> Json:
        gate = decision.get("gate")
        return decision | {
            "gate": gate and gate | {"because": self.reasons(gate.get("because") or [])},
            "actions": [self.asked(action) for action in decision.get("actions") or []],
            "prohibitions": [
                ban | {"because": self.reasons(ban.get("because") or [])}
                for ban in decision.get("prohibitions") or []
            ],
        }

    def asked(self, action: Json) -> Json:
        """An action, or of a task what it shares with one."""
        because = action.get("because") or []
        if not any(map(self._rests, because)):
            return action
        same = (a for a in self.afresh["actions"] if all(a[n] == action.get(n) for n in _SAME))
        script = next((a["script"] for a in same), "")
        return action | {"because": self.reasons(because), "script": script}

    def reasons(self, because: Sequence[Json]) -> list[Json]:
        """Those that hold without the cases kept from the reader; for none a neutral one."""
        asked = [*self.afresh["actions"], *self.afresh["prohibitions"]]
        holds = {reason["rule"]: reason for one in asked for reason in one["because"]}
        told = [holds.get(r["rule"]) if self._rests(r) else r for r in because]
        return [reason for reason in told if reason] or ([STANDS] if because else [])

    def _rests(self, reason: Json) -> bool:
        return not self.kept.isdisjoint(reason.get("facts") or {})


@dataclass(frozen=True, slots=True)
class Sight:
    """What one reader sees of some cases. What it gives is for showing, never for changing."""

    _less: Mapping[UUID, _Less] = field(default_factory=dict)

    def case(self, case: CaseFile) -> CaseFile:
        less = self._less.get(case.id)
        return case if less is None else less.case

    def task(self, task: Task) -> Task:
        less = self._less.get(task.case_id)
        if less is None:
            return task
        names = (*_SAME, "because", "script")
        return _copy(task, less.asked({name: getattr(task, name) for name in names}))


async def sight_of(
    session: AsyncSession, viewer: Viewer, rules: Rules, cases: Collection[CaseFile]
) -> Sight:
    """One question to the database, and none where no case rests on others."""
    counting = [case for case in cases if case.chronology]
    if not counting:
        return Sight()
    ids = {UUID(one) for case in counting for ids in _counted(case) for one in ids}
    known = await session.execute(
        select(col(CaseFile.id)).where(col(CaseFile.id).in_(ids), without_conflict(viewer))
    )
    seen = {str(one) for one in known.scalars()}
    found = ((case.id, _less(case, seen, rules)) for case in counting)
    return Sight({case_id: less for case_id, less in found if less is not None})


def links_known(viewer: Viewer) -> ColumnElement[bool]:
    """Of `case_event`: not that the case was linked with one that the reader may not open."""
    other = cast(col(CaseEvent.detail)["other"].astext, Uuid)
    may = exists(select(1).where(col(CaseFile.id) == other, may_open(viewer)).correlate(CaseEvent))
    return or_(col(CaseEvent.kind).not_in(("link_confirmed", "link_undone")), may)


def _counted(case: CaseFile) -> Iterable[list[str]]:
    return (one["cases"] for one in case.chronology.values())


def _less(case: CaseFile, seen: Collection[str], rules: Rules) -> _Less | None:
    facts, kept = dict(case.facts), set()
    for name, one in case.chronology.items():
        known, told = sum(case_id in seen for case_id in one["cases"]), one["told"]
        shown = known if known > number(told) else told
        if shown == facts.get(name):
            continue
        kept.add(name)
        facts[name] = shown
        if shown is None:
            del facts[name]
    if not kept:
        return None
    copy = _copy(case, {"facts": facts})
    less = _Less(frozenset(kept), copy, rules.afresh(copy, case.received_at))
    copy.decision = less.decision(case.decision)
    return less


def _copy(row: Row, changes: Json) -> Row:
    """Of no session: what is shown is never written."""
    return type(row)(**row.model_dump() | changes)
