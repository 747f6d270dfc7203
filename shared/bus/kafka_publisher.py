"""Kafka, writing: one batch in flight a partition, so that order survives every failure."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import compress
from typing import Any

import structlog

from shared.bus import Record
from shared.bus.failpoint import reach
from shared.bus.kafka import LOST, REQUEST_TIMEOUT, bounded, new_producer, stop_quietly
from shared.bus.partition import partition_of

Place = tuple[str, int]

START_SECONDS = 5.0
LOOK_UP_SECONDS = 3.0
RESTART_SECONDS = 1.0
GIVE_UP_AFTER = 3
GIVE_UP_SECONDS = 60.0
MAX_HOLD_SECONDS = 30.0

_FORGET = "DELETE FROM outbox WHERE seq = ANY($1::bigint[])"

log = structlog.get_logger(__name__)


class KafkaPublisher:
    """A producer that keeps failing is thrown away: some of its states have no way back."""

    def __init__(self, servers: str, *, client_id: str) -> None:
        self._servers = servers
        self._client_id = client_id
        self._producer: Any = None
        self._not_before = 0.0
        self._failures = 0
        self._failing_since: float | None = None
        # A partition that failed is not tried for a while: its time-outs would delay the others.
        self._held: dict[Place, tuple[float, float]] = {}
        self._abandoned: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connects when there is something to publish, so that a service starts without Kafka."""

    async def stop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop_quietly(producer)
        if self._abandoned:
            await asyncio.wait(self._abandoned, timeout=REQUEST_TIMEOUT)

    async def ready(self) -> bool:
        return await self._connected() is not None

    async def publish(
        self, connection: Any, records: Sequence[Record], rows: Sequence[int] = ()
    ) -> list[bool]:
        acknowledged = await self._send(records)
        # A crash here publishes these again: the consumers' inbox drops what they have had.
        await reach("relay.after-publish")
        if gone := list(compress(rows, acknowledged)):
            await connection.execute(_FORGET, gone)
        return acknowledged

    async def _send(self, records: Sequence[Record]) -> list[bool]:
        acknowledged = [False] * len(records)
        producer = await self._connected()
        if producer is None or not records:
            return acknowledged
        places = await self._place(producer, records)
        sends = [
            self._send_in_order(producer, place, [records[i] for i in indexes])
            for place, indexes in places.items()
        ]
        counts = await asyncio.gather(*sends)
        for indexes, count in zip(places.values(), counts, strict=True):
            for index in indexes[:count]:
                acknowledged[index] = True
        self._judge(all_failed=not any(counts))
        return acknowledged

    async def _connected(self) -> Any:
        now = time.monotonic()
        if self._producer is None and now >= self._not_before:
            producer = new_producer(self._servers, self._client_id)
            try:
                await bounded(producer.start(), START_SECONDS)
                self._producer = producer
            except LOST as error:
                log.warning("kafka not reached", error=type(error).__name__)
                self._abandon(producer)
                self._not_before = time.monotonic() + RESTART_SECONDS
        return self._producer

    async def _place(self, producer: Any, records: Sequence[Record]) -> dict[Place, list[int]]:
        """Which records go to which partition. Those of a topic nobody knows go to none."""
        counts = {}
        for topic in {record.topic for record in records}:
            if not self._is_held((topic, -1)):
                try:
                    known = await bounded(producer.partitions_for(topic), LOOK_UP_SECONDS)
                    counts[topic] = len(known)
                except LOST as error:
                    self._hold((topic, -1), error)
        places: dict[Place, list[int]] = defaultdict(list)
        for index, record in enumerate(records):
            if record.topic in counts:
                place = (record.topic, partition_of(record.key, counts[record.topic]))
                places[place].append(index)
        return places

    async def _send_in_order(self, producer: Any, place: Place, records: list[Record]) -> int:
        """How many of them, from the first on, the broker acknowledged."""
        if self._is_held(place):
            return 0
        sent = 0
        try:
            while sent < len(records):
                batch = producer.create_batch()
                size = _fill(batch, records[sent:])
                await bounded(_deliver(producer, batch, place), REQUEST_TIMEOUT + 2)
                sent += size
        except LOST as error:
            self._hold(place, error)
        else:
            self._held.pop(place, None)
        return sent

    def _is_held(self, place: Place) -> bool:
        until, _ = self._held.get(place, (0.0, 0.0))
        return time.monotonic() < until

    def _hold(self, place: Place, error: BaseException) -> None:
        topic, partition = place
        name = type(error).__name__
        log.warning("not acknowledged", topic=topic, partition=partition, error=name)
        _, last = self._held.get(place, (0.0, 0.5))
        seconds = min(MAX_HOLD_SECONDS, last * 2)
        self._held[place] = (time.monotonic() + seconds, seconds)

    def _judge(self, *, all_failed: bool) -> None:
        if not all_failed:
            self._failures, self._failing_since = 0, None
            return
        now = time.monotonic()
        self._failures += 1
        self._failing_since = self._failing_since or now
        if self._failures >= GIVE_UP_AFTER or now - self._failing_since >= GIVE_UP_SECONDS:
            self._abandon(self._producer)
            self._producer, self._failures, self._failing_since = None, 0, None
            self._held.clear()

    def _abandon(self, producer: Any) -> None:
        task = asyncio.create_task(stop_quietly(producer))
        self._abandoned.add(task)
        task.add_done_callback(self._abandoned.discard)


def _fill(batch: Any, records: list[Record]) -> int:
    """Appends what fits and returns how many; one record always does."""
    for count, record in enumerate(records):
        appended = batch.append(
            timestamp=None, key=record.key, value=record.value, headers=list(record.headers)
        )
        if appended is None:
            return count
    return len(records)


async def _deliver(producer: Any, batch: Any, place: Place) -> None:
    topic, partition = place
    await (await producer.send_batch(batch, topic, partition=partition))
