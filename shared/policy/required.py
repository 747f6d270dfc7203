"""What an outcome says: tasks with clocks, prohibitions, permissions, and the rules behind."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from shared.policy.clocks import due
from shared.policy.decision import Priority
from shared.policy.pack import Rule
from shared.policy.plan import Deadline
from shared.policy.schema import Value

REMEMBERED: Final = 4096


class Required(NamedTuple):
    """One task. by: its clocks, of which the earliest holds; empty: now."""

    priority: Priority
    rank: int
    route: str
    subject: str  # empty: the subject of the decision
    la: str | None
    owner_role: str
    certain: bool
    by: tuple[Deadline, ...]
    hard_by: tuple[Deadline, ...]


class Outcome(NamedTuple):
    """required: the most urgent first, as a decision's actions are."""

    required: tuple[Required, ...]
    prohibitions: tuple[str, ...]
    permissions: tuple[str, ...]

    @property
    def priority(self) -> Priority:
        return self.required[0].priority if self.required else "P4"

    def deadlines(
        self, received_at: datetime, discovered_at: datetime
    ) -> list[tuple[datetime | None, datetime | None]]:
        """`by` and `hard_by` of each task as instants; None means now, or none to keep."""
        seen: dict[int, datetime | None] = {}
        for task in self.required:
            for deadline in task.by + task.hard_by if task.hard_by else task.by:
                if id(deadline) not in seen:
                    start = discovered_at if deadline.start == "discovery" else received_at
                    seen[id(deadline)] = due(deadline.clock, start, deadline.hours)
        return [
            (
                _earliest(task.by, seen) if task.by else None,
                _earliest(task.hard_by, seen) if task.hard_by else None,
            )
            for task in self.required
        ]


@lru_cache(REMEMBERED)
def the_one(deadline: Deadline) -> Deadline:
    """Of equal deadlines always the same object: comparing them whole takes long."""
    return deadline


def _earliest(
    deadlines: tuple[Deadline, ...], seen: Mapping[int, datetime | None]
) -> datetime | None:
    if len(deadlines) == 1:
        return seen[id(deadlines[0])]
    found: datetime | None = None
    for deadline in deadlines:
        at = seen[id(deadline)]
        if at is None:
            return None
        if found is None or at.timestamp() < found.timestamp():
            found = at
    return found


class Reason(NamedTuple):
    """One rule behind an outcome: its routes and prohibitions are in it, and what it matched."""

    rule: Rule
    certain: bool
    facts: dict[str, Value]
