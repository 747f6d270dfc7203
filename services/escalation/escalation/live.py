"""Tells open desks which tasks of their queues have changed, within moments and none left out.

A trigger notes every change of a task, whoever makes it. The notes of concurrent transactions may
commit out of their order, so a look takes all of the last moments again and drops what it has told:
no transaction lives longer than that (`shared.db.SESSION_LIMITS`).
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.app import Runtime
from shared.clock import Clock
from shared.db import is_transient

log = structlog.get_logger(__name__)
LOOK_EVERY: Final = 0.2
OPEN_FOR: Final = timedelta(seconds=35)  # more than the 30 s that a transaction may take
KEPT: Final = timedelta(minutes=15)
MOST_TOLD: Final = 200_000
_PENDING_MOST: Final = 1000
_RECENT: Final = text(
    "SELECT seq, task_id, route, la FROM queue_change "
    "WHERE at > clock_timestamp() - CAST(:open AS interval) ORDER BY seq"
)
_SINCE: Final = text(
    "SELECT seq, task_id, route, la FROM queue_change WHERE seq > :seq "
    "OR at > (SELECT at FROM queue_change WHERE seq = :seq) - CAST(:open AS interval) ORDER BY seq"
)
_OLDEST: Final = text("SELECT min(seq) FROM queue_change")
_PRUNE: Final = text(
    "DELETE FROM queue_change WHERE at < clock_timestamp() - CAST(:kept AS interval)"
)


@dataclass(frozen=True, slots=True)
class Change:
    """A task of this queue is not as it was; la: None where no authority is known."""

    seq: int
    task_id: UUID
    route: str
    la: str | None


@dataclass(eq=False)
class Desk:
    """One open page's place: what has changed in its queue since it last looked.

    wakes_at: the next instant at which the clock alone changes what the page says. struck: when
    that was found to have come; all desks that wake at a look wake at one instant.
    """

    route: str
    la: str
    changed: dict[UUID, int] = field(default_factory=dict)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    overrun: bool = False
    wakes_at: datetime | None = None
    struck: datetime | None = None

    def tell(self, change: Change) -> None:
        if len(self.changed) >= _PENDING_MOST:
            self.overrun = True  # it reads the whole page again
        self.changed[change.task_id] = change.seq
        self.woken.set()

    def wake(self, now: datetime) -> None:
        if self.wakes_at is not None and self.wakes_at <= now:
            self.wakes_at, self.struck = None, now
            self.woken.set()

    def taken(self) -> dict[UUID, int]:
        """The changes so far, each task's last; the desk has them now."""
        found, self.changed = self.changed, {}
        self.woken.clear()
        return found


class Feed:
    """The desks that are open in this process, and the one look at the database for all of them."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock
        self._desks: set[Desk] = set()
        self._told: OrderedDict[int, None] = OrderedDict()
        self._opened = asyncio.Event()

    @contextlib.asynccontextmanager
    async def desk(self, route: str, la: str, after: int | None) -> AsyncIterator[Desk]:
        """after: the last change that the page knows of, 0 where there was none; it is told all
        that came since. Where that is no longer known, `overrun` says that the page is to be read
        anew. Only who asks with 0 knows how long ago that was."""
        desk = Desk(route, la)
        self._desks.add(desk)
        self._opened.set()
        try:
            if after is not None:
                await self._catch_up(desk, after)
            yield desk
        finally:
            self._desks.discard(desk)

    async def _catch_up(self, desk: Desk, after: int) -> None:
        async with self._sessions() as session:
            oldest = (await session.execute(_OLDEST)).scalar_one()
            if after and (oldest is None or oldest > after + 1):
                desk.overrun = True  # what came since may have been pruned, even all of it
                desk.woken.set()
                return
            rows = await session.execute(_SINCE, {"seq": after, "open": OPEN_FOR})
            for change in _changes(rows):
                if _of(change, desk):
                    desk.tell(change)

    async def run(self) -> None:
        """For ever: looks while a desk is open, and tells each what it does not know yet."""
        while True:
            await self._opened.wait()
            now = self._clock.now()
            for desk in self._desks:
                desk.wake(now)
            try:
                await self._look()
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("live updates wait", error=type(error).__name__)
            if not self._desks:
                self._opened.clear()
            await asyncio.sleep(LOOK_EVERY)

    async def _look(self) -> None:
        async with self._sessions() as session:
            changes = list(_changes(await session.execute(_RECENT, {"open": OPEN_FOR})))
        for change in changes:
            if change.seq not in self._told:
                self._told[change.seq] = None
                for desk in self._desks:
                    if _of(change, desk):
                        desk.tell(change)
        while len(self._told) > MOST_TOLD:
            self._told.popitem(last=False)


def _changes(rows: Iterable[tuple[int, UUID, str, str | None]]) -> Iterable[Change]:
    return (Change(*row) for row in rows)


def _of(change: Change, desk: Desk) -> bool:
    """What belongs to no authority yet is in every authority's queue."""
    return change.route == desk.route and change.la in (desk.la, None)


async def prune_changes(session: AsyncSession) -> None:
    await session.execute(_PRUNE, {"kept": KEPT})
    await session.commit()


async def prune_often(runtime: Runtime) -> None:
    while True:
        try:
            async with runtime.sessions() as session:
                await prune_changes(session)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("old changes stay", error=type(error).__name__)
        await asyncio.sleep(KEPT.total_seconds())
