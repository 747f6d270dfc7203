"""The embedded bus, reading: partitions are held by session locks, so several members are safe.

One session does everything: it holds the locks, listens, reads and moves the position. Whoever has
lost the session has lost its partitions too, and cannot move a position that another now holds.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import asyncpg
import structlog

from shared.bus import MAX_BATCH_RECORDS, Batch, Record, Stored
from shared.bus.postgres import CHANNEL, LOST, close, connect, ensure_heads, load_headers, lock_key

Place = tuple[str, int]

POLL_SECONDS = 0.2
CLAIM_SECONDS = 1.0
RECONNECT_SECONDS = 0.5

log = structlog.get_logger(__name__)

_MEMBERS = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND mode = 'ShareLock' AND objsubid = 1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (classid::bigint << 32) | objid::bigint = $1
"""
_CLAIM = """
SELECT nr::int FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted(key, nr)
WHERE pg_try_advisory_lock(key)
"""
# A group that is new begins with the oldest record there is.
_POSITIONS = """
WITH mine AS (
    SELECT h.topic, h.partition, coalesce(
        (SELECT p.next_offset FROM bus.position p
         WHERE p.grp = $1 AND p.topic = h.topic AND p.partition = h.partition),
        (SELECT min(l."offset") FROM bus.log l
         WHERE l.topic = h.topic AND l.partition = h.partition),
        h.next_offset) AS next_offset, h.next_offset AS ends
    FROM bus.head h JOIN unnest($2::text[], $3::int[]) AS want(topic, partition)
      USING (topic, partition)
), begun AS (
    INSERT INTO bus.position (grp, topic, partition, next_offset)
    SELECT $1, topic, partition, next_offset FROM mine ON CONFLICT DO NOTHING
)
SELECT topic, partition, next_offset, ends FROM mine
"""
# The next records of the first partition, in the order given, that has any.
_READ = """
WITH ready AS (
    SELECT mine.* FROM unnest($1::text[], $2::int[], $3::bigint[]) WITH ORDINALITY
        AS mine(topic, partition, at, nr)
    JOIN bus.head h USING (topic, partition)
    WHERE h.next_offset > mine.at ORDER BY nr LIMIT 1
)
SELECT l.* FROM ready CROSS JOIN LATERAL (
    SELECT topic, partition, "offset", key, value, headers FROM bus.log
    WHERE topic = ready.topic AND partition = ready.partition AND "offset" >= ready.at
    ORDER BY "offset" LIMIT $4
) AS l
"""
_MOVE = """
UPDATE bus.position SET next_offset = greatest(next_offset, $4)
WHERE grp = $1 AND topic = $2 AND partition = $3
"""
_LAG = """
SELECT h.topic, h.partition, h.next_offset - coalesce(p.next_offset, 0) AS lag
FROM bus.head h
LEFT JOIN bus.position p ON p.grp = $1 AND p.topic = h.topic AND p.partition = h.partition
WHERE h.topic = ANY($2::text[])
"""


class PostgresConsumer:
    def __init__(
        self, dsn: str, group: str, partitions: Mapping[str, int], stored: Stored | None = None
    ) -> None:
        self._dsn = dsn
        self._group = group
        self._partitions = dict(partitions)
        self._stored = stored
        self._places = [(t, n) for t, count in partitions.items() for n in range(count)]
        self._connection: asyncpg.Connection | None = None
        self._mutex = asyncio.Lock()  # one session, used by the loop, by done() and by lag()
        self._wake = asyncio.Event()
        self._stopping = False
        self._next: dict[Place, int] = {}  # held partitions and where each goes on
        self._out: set[Place] = set()  # delivered, and neither done nor asked for again
        self._paused: dict[Place, float] = {}
        self._claim_at = 0.0
        self._tenure = 0
        self.last_poll = self.last_try = time.monotonic()

    async def start(self) -> None:
        """Connects when batches() is first asked, so that a service starts without its bus."""
        self._stopping = False

    async def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        connection = self._forget()
        if connection is not None:
            await close(connection)

    async def batches(self) -> AsyncIterator[Batch]:
        while not self._stopping:
            self._wake.clear()
            self.last_try = time.monotonic()
            try:
                async with self._mutex:
                    batch = await self._poll()
            except LOST as error:
                if self._stopping:
                    return
                log.warning("bus session lost", consumer=self._group, error=type(error).__name__)
                await self.stop_session()
                await self._rest(RECONNECT_SECONDS)
                continue
            self.last_poll = time.monotonic()
            if batch is not None:
                yield batch
            else:
                await self._rest(POLL_SECONDS)

    async def done(self, batch: Batch) -> None:
        if not self._settle(batch):
            return
        place = (batch.topic, batch.partition)
        try:
            async with self._mutex:
                if self._connection is not None:
                    await self._connection.execute(_MOVE, self._group, *place, batch.following)
        except LOST as error:
            # The effects are committed; the records come again and are dropped as known.
            log.warning("position not moved", consumer=self._group, error=type(error).__name__)

    async def again(self, batch: Batch, after: float, at: int | None = None) -> None:
        if self._settle(batch):
            place = (batch.topic, batch.partition)
            self._next[place] = batch.records[0].offset if at is None else at
            self._paused[place] = time.monotonic() + after

    async def lag(self) -> dict[Place, int]:
        if self._stopping:
            return {}
        async with self._mutex:
            connection = self._connection or await self._open()
            rows = await connection.fetch(_LAG, self._group, list(self._partitions))
        return {(row["topic"], row["partition"]): row["lag"] for row in rows}

    async def stop_session(self) -> None:
        """Gives up the session and with it every partition; batches() opens another."""
        if (connection := self._forget()) is not None:
            await close(connection)

    def _settle(self, batch: Batch) -> bool:
        """False when the partition was lost since: another member delivers the batch."""
        place = (batch.topic, batch.partition)
        if batch.tenure != self._tenure or place not in self._next:
            return False
        self._out.discard(place)
        return True

    def _forget(self) -> asyncpg.Connection | None:
        connection, self._connection = self._connection, None
        for held in (self._next, self._out, self._paused):
            held.clear()
        self._claim_at = 0.0
        self._tenure += 1
        return connection

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    async def _open(self) -> asyncpg.Connection:
        connection = await connect(self._dsn, f"bus {self._group}")
        try:
            await ensure_heads(connection, self._partitions)
            await connection.add_listener(CHANNEL, self._on_notify)
            await connection.execute("SELECT pg_advisory_lock_shared($1)", lock_key(self._group))
        except BaseException:  # also when cancelled: nobody else knows of the connection
            connection.terminate()
            raise
        if self._stopping:
            connection.terminate()
            raise ConnectionAbortedError("the consumer was stopped meanwhile")
        self._connection = connection
        return connection

    def _on_notify(self, *_: Any) -> None:
        self._wake.set()

    async def _poll(self) -> Batch | None:
        connection = self._connection or await self._open()
        now = time.monotonic()
        if now >= self._claim_at:
            await self._claim(connection)
            self._claim_at = now + CLAIM_SECONDS
        return await self._read(connection, now)

    async def _read(self, connection: asyncpg.Connection, now: float) -> Batch | None:
        self._paused = {place: until for place, until in self._paused.items() if until > now}
        free = [p for p in self._next if p not in self._out and p not in self._paused]
        topics, numbers = [topic for topic, _ in free], [number for _, number in free]
        offsets = [self._next[place] for place in free]
        rows = await connection.fetch(_READ, topics, numbers, offsets, MAX_BATCH_RECORDS)
        if not rows:
            return None
        batch = Batch(rows[0]["topic"], rows[0]["partition"], _records(rows), self._tenure)
        place = (batch.topic, batch.partition)
        del self._next[place]
        self._next[place] = batch.following  # to the end of the queue: every partition has its turn
        self._out.add(place)
        return batch

    async def _claim(self, connection: asyncpg.Connection) -> None:
        """Holds a fair share: gives back what is above it, takes what is free below it."""
        members = await connection.fetchval(_MEMBERS, lock_key(self._group))
        share = math.ceil(len(self._places) / max(members, 1))
        spare = [place for place in self._next if place not in self._out]
        for place in spare[: max(0, len(self._next) - share)]:
            await connection.execute("SELECT pg_advisory_unlock($1)", self._key(place))
            self._next.pop(place)
            self._paused.pop(place, None)
        taken: list[Place] = []
        free = [place for place in self._places if place not in self._next]
        while free and (need := share - len(self._next) - len(taken)) > 0:
            asked, free = free[:need], free[need:]
            rows = await connection.fetch(_CLAIM, [self._key(place) for place in asked])
            taken += [asked[row[0] - 1] for row in rows]
        if taken:
            await self._begin(connection, taken)

    async def _begin(self, connection: asyncpg.Connection, taken: Sequence[Place]) -> None:
        """Goes on from where the effects are stored; a bus that was made anew is shorter."""
        topics, numbers = [topic for topic, _ in taken], [number for _, number in taken]
        rows = await connection.fetch(_POSITIONS, self._group, topics, numbers)
        stored: Mapping[Place, int] = {}
        try:
            stored = await self._stored(taken) if self._stored else {}
        except Exception as error:  # noqa: BLE001 - the group's own position is earlier at worst
            log.warning("stored offsets not read", error=type(error).__name__)
        for row in rows:
            place = row["topic"], row["partition"]
            at = stored.get(place, row["next_offset"])
            self._next[place] = at if at <= row["ends"] else row["next_offset"]

    def _key(self, place: Place) -> int:
        return lock_key(self._group, *place)


def _records(rows: Sequence[Any]) -> tuple[Record, ...]:
    return tuple(
        Record(
            topic=row["topic"],
            key=row["key"],
            value=row["value"],
            headers=load_headers(row["headers"]),
            partition=row["partition"],
            offset=row["offset"],
        )
        for row in rows
    )
