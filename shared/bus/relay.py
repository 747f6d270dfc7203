"""Brings committed outbox rows to the bus, lowest first, and deletes what the bus acknowledged.

The rows are a pending set, not a cursor: a row that commits late is simply found later. A crash
anywhere repeats records and loses none. One relay leads per source; the others stand by.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from cloudevents.core.exceptions import BaseCloudEventException

from shared.bus import MAX_BATCH_RECORDS, MAX_RECORD_BYTES, Publisher, Record
from shared.bus.cloudevents import to_record
from shared.bus.doorbell import Doorbell, channel
from shared.bus.failpoint import reach
from shared.bus.postgres import LOST, close, connect, lock_key

POLL_SECONDS = 0.2
STAND_BY_SECONDS = 0.5
LOOK_SECONDS = 1.0
WHOLE_SECONDS = 10.0
MAX_BACK_OFF_SECONDS = 30.0
SETTLE_SECONDS = 0.05
# How many concerns a look carries as held before it starts over.
MAX_HELD = 5000

log = structlog.get_logger(__name__)

_SELECT = """
SELECT * FROM (
    SELECT *, sum(length(data) + 1024) OVER (ORDER BY seq) AS bytes_so_far,
           row_number() OVER (ORDER BY seq) AS nr, count(*) OVER () AS found
    FROM (
        SELECT * FROM outbox WHERE seq >= $1 AND subject <> ALL($2::uuid[])
        ORDER BY seq LIMIT $3
    ) AS lowest
) AS counted
WHERE bytes_so_far <= $4 OR nr = 1 ORDER BY seq
"""
# The oldest transaction still open, and the first not yet begun. A writer has its id before its
# seq, because it counts its producer's row first.
_OPEN = """
SELECT pg_snapshot_xmin(now)::text::bigint, pg_snapshot_xmax(now)::text::bigint
FROM pg_current_snapshot() AS now
"""


@dataclass(slots=True)
class RelayState:
    """What the metrics show. stuck: rows that can never be published; a person must look."""

    leading: bool = False
    published: int = 0
    unacknowledged: int = 0
    stuck: int = 0


@dataclass(slots=True)
class _Mark:
    """How far a look had come while transactions below `horizon` were still open."""

    reached: int
    horizon: int
    due: float
    settled: bool = False


@dataclass(slots=True)
class _Look:
    """One pass over the pending rows. What was held once in it is held to its end.

    floor: no row below it can appear any more. Reading from here, not from the start, spares the
    dead index entries of what was deleted; reading from `reached` would let a concern's next row
    overtake one that committed late.
    reached: one above the highest row moved. A row below it may still be uncommitted.
    held: concerns with a row not published; their later rows must not overtake it.
    lowest_held: where the next look must begin, to find them again.
    away: nobody takes anything now. One row is tried; reading the others would be for nothing, and
    reading them again and again would slow those who write them.
    """

    ends_at: float
    floor: int = 0
    reached: int = 0
    mark: _Mark | None = None
    held: set[UUID] = field(default_factory=set)
    lowest_held: int | None = None
    stuck: int = 0
    failed: bool = False
    away: bool = False

    def hold(self, row: Any) -> None:
        self.held.add(row["subject"])
        seq: int = row["seq"]
        self.lowest_held = seq if self.lowest_held is None else min(self.lowest_held, seq)


async def run_relay(
    dsn: str,
    publisher: Publisher,
    source: str,
    doorbell: Doorbell,
    stop: asyncio.Event,
    *,
    state: RelayState | None = None,
) -> None:
    """Runs until `stop` is set. `dsn` is the service's own role, whose `outbox` it reads."""
    relay = _Relay(publisher, source, doorbell, stop, state or RelayState())
    await publisher.start()
    try:
        while not stop.is_set():
            try:
                await relay.session(dsn)
            except LOST as error:
                log.warning("relay session lost", error=type(error).__name__)
                await asyncio.sleep(STAND_BY_SECONDS)
    finally:
        await publisher.stop()


class _Relay:
    def __init__(
        self,
        publisher: Publisher,
        source: str,
        doorbell: Doorbell,
        stop: asyncio.Event,
        state: RelayState,
    ) -> None:
        self._publisher = publisher
        self._source = source
        self._doorbell = doorbell
        self._stop = stop
        self._state = state
        self._back_off = 0.0
        self._told: set[int] = set()
        self._whole_at = 0.0

    async def session(self, dsn: str) -> None:
        """Lock, reads and deletes share one session: who has lost the lock cannot go on."""
        connection = await connect(dsn, f"relay {self._source}")
        try:
            await connection.add_listener(channel(self._source), lambda *_: self._doorbell.heard())
            key = lock_key("relay", self._source)
            while not self._stop.is_set():
                if await connection.fetchval("SELECT pg_try_advisory_lock($1)", key):
                    await self._lead(connection)
                else:
                    await asyncio.sleep(STAND_BY_SECONDS)
        finally:
            self._state.leading = self._doorbell.answered_here = False
            await close(connection)

    async def _lead(self, connection: asyncpg.Connection) -> None:
        self._state.leading = self._doorbell.answered_here = True
        self._whole_at = 0.0
        look = _Look(ends_at=0.0)
        while not self._stop.is_set():
            self._doorbell.clear()
            if time.monotonic() >= look.ends_at:
                look = self._begin_look(look)
                look.away = not await self._publisher.ready()
            if look.away and look.failed:
                await self._wait_for_the_bus(look)
                continue
            rows = await self._select(connection, look)
            if rows:
                await self._move(connection, rows, look)
            await _settle(connection, look)
            if not _more(rows):  # whoever writes another rings
                await self._doorbell.wait(POLL_SECONDS)

    async def _wait_for_the_bus(self, look: _Look) -> None:
        await asyncio.sleep(POLL_SECONDS)
        if await self._publisher.ready():
            look.ends_at = 0.0  # what was held goes first

    def _begin_look(self, last: _Look) -> _Look:
        if last.failed:
            self._back_off = min(MAX_BACK_OFF_SECONDS, max(0.1, self._back_off * 2))
        else:
            self._back_off = 0.0
        self._state.stuck = last.stuck
        floor = last.floor if last.lowest_held is None else min(last.floor, last.lowest_held)
        return _Look(ends_at=time.monotonic() + LOOK_SECONDS, floor=floor, reached=floor)

    async def _select(self, connection: asyncpg.Connection, look: _Look) -> Sequence[Any]:
        if len(look.held) > MAX_HELD:
            return ()
        now, start = time.monotonic(), look.floor
        if now >= self._whole_at:  # should a row ever be below the floor, it waits no longer
            start, self._whole_at = 0, now + WHOLE_SECONDS
        rows: Sequence[Any] = await connection.fetch(
            _SELECT,
            start,
            list(look.held),
            1 if look.away else MAX_BATCH_RECORDS,
            MAX_RECORD_BYTES,
        )
        mark = look.mark
        if mark and mark.settled and not (rows and rows[0]["seq"] < mark.reached):
            look.floor, look.mark = mark.reached, None
        return rows

    async def _move(self, connection: asyncpg.Connection, rows: Sequence[Any], look: _Look) -> None:
        pending = self._encode(rows, look)
        await reach("relay.after-select")
        acknowledged = await self._publisher.publish(
            connection, [record for _, record in pending], [row["seq"] for row, _ in pending]
        )
        # COMMIT POINT in publish: a crash before it publishes these rows again, after it never.
        await reach("relay.after-delete")
        self._state.published += sum(acknowledged)
        look.reached = max(look.reached, rows[-1]["seq"] + 1)
        refused = [row for (row, _), ok in zip(pending, acknowledged, strict=True) if not ok]
        if refused:
            self._hold(refused, look)

    def _hold(self, refused: Sequence[Any], look: _Look) -> None:
        """They stay. The look goes on with other concerns, and starts over after the back-off."""
        for row in refused:
            look.hold(row)
        self._state.unacknowledged += len(refused)
        if not look.failed:
            look.failed = True
            wait = max(0.1, self._back_off * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            look.ends_at = time.monotonic() + wait
            log.warning("bus does not acknowledge", count=len(refused), seconds=round(wait, 1))

    def _encode(self, rows: Sequence[Any], look: _Look) -> list[tuple[Any, Record]]:
        pending = []
        for row in rows:
            if row["subject"] in look.held:
                continue  # behind a stuck row of the same concern
            record = self._record(row)
            if record is None:
                look.hold(row)
                look.stuck += 1
            else:
                pending.append((row, record))
        return pending

    def _record(self, row: Any) -> Record | None:
        """None for a row that no bus will take. It stays, in sight, and blocks its concern only."""
        try:
            record = to_record(row)
        except (BaseCloudEventException, ValueError, TypeError):
            reason = "not encodable"
        else:
            if record.size <= MAX_RECORD_BYTES:
                return record
            reason = "too large"
        if row["seq"] not in self._told:
            self._told.add(row["seq"])
            log.error("outbox row stuck", reason=reason, event_id=str(row["event_id"]))
        return None


def _more(rows: Sequence[Any]) -> bool:
    """Whether a batch's limits cut off what else is pending."""
    return bool(rows) and (rows[0]["found"] > len(rows) or len(rows) >= MAX_BATCH_RECORDS)


async def _settle(connection: asyncpg.Connection, look: _Look) -> None:
    """Marks how far the look has come, and learns when all that was open then has ended."""
    now = time.monotonic()
    if look.mark is None:
        if look.reached > look.floor:
            _, horizon = await connection.fetchrow(_OPEN)
            look.mark = _Mark(look.reached, horizon, now + SETTLE_SECONDS)
    elif now >= look.mark.due and not look.mark.settled:
        oldest, _ = await connection.fetchrow(_OPEN)
        look.mark.due = now + SETTLE_SECONDS
        look.mark.settled = oldest >= look.mark.horizon
