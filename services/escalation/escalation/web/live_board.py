"""What has changed in a queue, read and rendered once for all open desks that see the same."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.models import Exclusion
from escalation.viewer import Viewer
from escalation.web.row_times import When
from escalation.web.triage_rows import Found, Row, find_tasks
from shared.auth.principal import SCHOOL_ROLES
from shared.clock import Clock

# All desks hear of a change in the same moment; nothing is kept for longer than that takes.
_KEPT: Final = 1.0
Render = Callable[[Row], str]
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A row as one viewer sees it. html: as the stream sends it."""

    found: Found
    row: Row
    html: str


@dataclass(frozen=True)
class Look:
    """Some tasks at one instant, for everyone with the same roles.

    asked: the people it was made for. named: those of them who are kept out of some case, whose
    rows and numbers differ. What is not in `found` is not in the queue, or not for these to see.
    """

    found: Mapping[UUID, Found]
    asked: frozenset[str]
    named: frozenset[str]
    shown: dict[Key, Shown] = field(default_factory=dict)

    def serves(self, viewer: Viewer) -> bool:
        return viewer.ref in self.asked and viewer.ref not in self.named


class Board:
    """All open desks of this process."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock
        self._open: Counter[str] = Counter()
        self._looks: dict[Key, asyncio.Task[Look]] = {}
        self._said: dict[When, str] = {}

    @contextmanager
    def place(self, viewer: Viewer) -> Iterator[None]:
        """Of one desk, while it is open."""
        self._open[viewer.ref] += 1
        try:
            yield
        finally:
            self._open -= Counter([viewer.ref])

    async def rows(
        self, viewer: Viewer, route: str, la: str, changed: Mapping[UUID, int], render: Render
    ) -> dict[UUID, Shown]:
        """Of the changed tasks those that this viewer has in the queue, as they see them.

        changed: each task's last change, by which desks that ask for the same are known; or any
        other number that desks with the same question have in common.
        """
        shared = not any(grant.role in SCHOOL_ROLES for grant in viewer.principal.roles)
        looks = await self._shared(viewer, route, la, changed) if shared else []
        if not looks or not all(look.serves(viewer) for look in looks):
            async with self._sessions() as session:
                found = await find_tasks(session, viewer, route, la, changed)
            looks = [_look(found)]
        return {
            task: self._shown(look, look.found[task], viewer, render)
            for look in looks
            for task in changed.keys() & look.found.keys()
        }

    def said(self, when: When, render: Callable[[When], str]) -> str:
        """What a row says of the time, which is the same for everyone."""
        if when not in self._said:
            self._said[when] = render(when)
            asyncio.get_running_loop().call_later(_KEPT, self._said.pop, when, None)
        return self._said[when]

    def _shown(self, look: Look, found: Found, viewer: Viewer, render: Render) -> Shown:
        # Who has it is all in which they differ: a row is made once for each answer to that.
        task, me = found.task, viewer.ref
        key = task.id, task.claimed_by_ref and task.claimed_by_ref == me, task.offered_to_ref == me
        if key not in look.shown:
            row = found.row(viewer, self._clock.now())
            look.shown[key] = Shown(found, row, render(row))
        return look.shown[key]

    async def _shared(
        self, viewer: Viewer, route: str, la: str, changed: Mapping[UUID, int]
    ) -> list[Look]:
        kind = route, la, viewer.principal.roles
        missing = {(*kind, *one): one[0] for one in changed.items()}
        missing = {key: task for key, task in missing.items() if key not in self._looks}
        if missing:
            anyone = Viewer(replace(viewer.principal, subject=""), ref="")
            reading = asyncio.create_task(self._read(anyone, route, la, missing.values()))
            for key in missing:
                self._looks[key] = reading
                asyncio.get_running_loop().call_later(_KEPT, self._looks.pop, key, None)
        reads = {self._looks[(*kind, *one)] for one in changed.items()}
        return list(await asyncio.gather(*map(asyncio.shield, reads)))

    async def _read(self, anyone: Viewer, route: str, la: str, tasks: Iterable[UUID]) -> Look:
        """As someone of these roles who is named in no case, and who of those here is."""
        asked = frozenset(self._open)
        async with self._sessions() as session:
            # Both answers are of one instant: nobody is let see a row by what came in between.
            await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            named = select(Exclusion.account_ref).where(col(Exclusion.account_ref).in_(asked))
            names = frozenset(await session.exec(named))
            return _look(await find_tasks(session, anyone, route, la, list(tasks)), asked, names)


def _look(
    found: Collection[Found],
    asked: frozenset[str] = frozenset(),
    named: frozenset[str] = frozenset(),
) -> Look:
    return Look({one.task.id: one for one in found}, asked, named)
