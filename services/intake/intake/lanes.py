"""Group commit: what waits while a lane is busy is stored by its next statement, all at once."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import asyncpg
import structlog

from intake.storing import Entry, Outcome, Stored, store
from shared.bus.failpoint import reach
from shared.db import connect, is_transient

MAX_ROWS: Final = 128
MAX_BYTES: Final = 1024 * 1024
MAX_WAITING: Final = 2000
MAX_AGE_SECONDS: Final = 1.0
# How long a submission may wait for its commit before its sender is told to pick up the phone.
BOUND_SECONDS: Final = 2.0
_PAUSE_SECONDS: Final = 0.05

log = structlog.get_logger(__name__)

# A lane is a producer whose name no other lane of any process uses while its session lives. The
# counter's row lock alone keeps the sequence gapless; the claim spares lanes waiting for another.
_CLAIM = """
SELECT n FROM generate_series(0, 999) AS n
WHERE pg_try_advisory_lock(hashtextextended('intake/lane', n)) LIMIT 1
"""


class NotStored(Exception):
    """It is not known to be durable, so it must not be answered as accepted.

    reason: `busy` (too many wait), `away` (the database cannot be reached) or `refused` (it
    rejects these very rows).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True, eq=False)
class _Waiting:
    entry: Entry
    since: float
    future: "asyncio.Future[Outcome]"
    given_up: bool = False

    def give_up(self) -> None:
        self.given_up = True
        self.settle(NotStored("away"))

    def settle(self, outcome: Outcome | NotStored) -> None:
        if self.future.done():
            return
        if isinstance(outcome, NotStored):
            self.future.set_exception(outcome)
            self.future.exception()  # nobody may be left to ask for it
        else:
            self.future.set_result(outcome)


@dataclass(slots=True)
class Lanes:
    """The queue in front of the lanes. `accept` is the only way in."""

    dsn: str
    count: int = 2
    _queue: "deque[_Waiting]" = field(default_factory=deque)
    _work: asyncio.Event = field(default_factory=asyncio.Event)
    _ring: Callable[[], None] = lambda: None

    async def accept(self, entry: Entry) -> Outcome:
        """Returns once the entry is durable or was found not to be new; else raises NotStored.

        A sender that goes away takes nothing back: what has been queued is stored all the same.
        """
        loop, now = asyncio.get_running_loop(), time.monotonic()
        if self._queue and (
            len(self._queue) >= MAX_WAITING or now - self._queue[0].since > MAX_AGE_SECONDS
        ):
            raise NotStored("busy")
        waiting = _Waiting(entry, now, loop.create_future())
        self._queue.append(waiting)
        self._work.set()
        bound = loop.call_later(BOUND_SECONDS, waiting.give_up)
        try:
            return await waiting.future
        finally:
            bound.cancel()

    async def run(self, ring: Callable[[], None]) -> None:
        """Works until cancelled. `ring` is called after each commit that stored something."""
        self._ring = ring
        try:
            async with asyncio.TaskGroup() as lanes:
                for _ in range(self.count):
                    lanes.create_task(_Lane(self).run(), name="lane")
        finally:
            while self._queue:
                self._queue.popleft().settle(NotStored("away"))

    def _take(self) -> list[_Waiting]:
        """What waits now, up to a batch. A lane that is free never waits for more."""
        batch: list[_Waiting] = []
        size = 0
        while self._queue and len(batch) < MAX_ROWS:
            size += self._queue[0].entry.size
            if batch and size > MAX_BYTES:
                break
            waiting = self._queue.popleft()
            if not waiting.given_up:
                batch.append(waiting)
        if not self._queue:
            self._work.clear()
        return batch


class _Lane:
    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._connection: asyncpg.Connection | None = None
        self._producer = ""

    async def run(self) -> None:
        try:
            while True:
                await self._lanes._work.wait()
                batch = self._lanes._take()
                if batch:
                    await self._settle(batch)
        finally:
            self._drop()

    async def _settle(self, batch: list[_Waiting]) -> None:
        """Gets an outcome for each, trying again while the sender may still be waiting.

        The same rows are sent again after a lost connection, because whether they were stored is
        not known: their ids tell our own rows from another's.
        """
        until = time.monotonic() + BOUND_SECONDS
        while True:
            try:
                outcomes = await self._attempt([waiting.entry for waiting in batch])
                break
            except Exception as error:  # noqa: BLE001 - each is settled, transient or not
                if not is_transient(error):
                    await self._alone(batch, error)
                    return
                log.warning("lane interrupted", lane=self._producer, error=type(error).__name__)
                self._drop()
            if time.monotonic() >= until:
                for waiting in batch:
                    waiting.settle(NotStored("away"))
                return
            await asyncio.sleep(_PAUSE_SECONDS)
        for waiting, outcome in zip(batch, outcomes, strict=True):
            waiting.settle(outcome)
        if any(isinstance(outcome, Stored) for outcome in outcomes):
            self._lanes._ring()

    async def _alone(self, batch: list[_Waiting], error: Exception) -> None:
        """One bad entry fails alone; its neighbours are stored."""
        if len(batch) > 1:
            for waiting in batch:
                await self._settle([waiting])
            return
        log.error("submission refused by the database", error=type(error).__name__)
        batch[0].settle(NotStored("refused"))

    async def _attempt(self, entries: list[Entry]) -> list[Outcome]:
        async with asyncio.timeout(BOUND_SECONDS):
            if self._connection is None or self._connection.is_closed():
                await self._connect()
            await reach("lane.before-store")
            outcomes = await store(self._connection, self._producer, entries)
            await reach("lane.after-commit")
            return outcomes

    async def _connect(self) -> None:
        self._connection = await connect(self._lanes.dsn, "handrail-intake-lane")
        number = await self._connection.fetchval(_CLAIM)
        self._producer = f"intake/lane-{number}"

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
