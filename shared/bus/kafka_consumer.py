"""Kafka, reading: explicit offsets, a partition delivered again on its own, no wait without end."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any

import structlog

from shared.bus import MAX_BATCH_RECORDS, Batch, Record, Stored
from shared.bus.kafka import (
    LOST,
    REQUEST_TIMEOUT,
    ConsumerRebalanceListener,
    KafkaError,
    TopicPartition,
    bounded,
    new_consumer,
    offsets,
    stop_quietly,
)

POLL_SECONDS = 0.5
MAX_POLL_SECONDS = 5.0
RECONNECT_SECONDS = 1.0
START_SECONDS = 15.0
FINISH_SECONDS = 2.0
COMMIT_SECONDS = 5.0
# A session that has answered nothing for this long may have no way back: another is opened.
STALE_SECONDS = 30.0

log = structlog.get_logger(__name__)


class KafkaConsumer:
    def __init__(
        self,
        servers: str,
        group: str,
        topics: Sequence[str],
        *,
        client_id: str,
        stored: Stored | None = None,
    ) -> None:
        self._servers = servers
        self._group = group
        self._topics = tuple(topics)
        self._client_id = client_id
        self._stored = stored
        self._consumer: Any = None
        self._stopping = asyncio.Event()
        self._tenure = 0
        self._out: set[Any] = set()  # delivered, and neither done nor asked for again
        self._settled = asyncio.Event()
        self._settled.set()
        self._paused: dict[Any, float] = {}
        self._polled: deque[tuple[Any, Any]] = deque()
        self._polling: asyncio.Future[dict[Any, Any]] | None = None
        self.last_poll = self.last_try = self._connected_at = time.monotonic()

    async def start(self) -> None:
        """Connects when batches() is first asked, so that a service starts without Kafka."""
        self._stopping.clear()

    async def stop(self) -> None:
        self._stopping.set()
        if self._polling is not None:
            self._polling.cancel()
        await self._drop()

    async def batches(self) -> AsyncIterator[Batch]:
        while not self._stopping.is_set():
            self.last_try = time.monotonic()
            if not self._polled and not await self._poll():
                await self._drop()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), RECONNECT_SECONDS)
            while self._polled and not self._stopping.is_set():
                self.last_try = time.monotonic()
                partition, messages = self._polled.popleft()
                self._out.add(partition)
                self._settled.clear()
                records = tuple(map(_record, messages))
                yield Batch(partition.topic, partition.partition, records, self._tenure)

    async def done(self, batch: Batch) -> None:
        """A failure is harmless: the effects are committed, and what comes again is known."""
        consumer = self._consumer
        if batch.tenure != self._tenure or consumer is None:
            return
        commit = consumer.commit(offsets(batch.topic, batch.partition, batch.following))
        try:
            await bounded(commit, COMMIT_SECONDS)
        except Exception as error:  # noqa: BLE001 - after a rebalance aiokafka raises many kinds
            log.warning("offset not committed", consumer=self._group, error=type(error).__name__)
        self._settle(batch)

    async def again(self, batch: Batch, after: float, at: int | None = None) -> None:
        if batch.tenure != self._tenure or self._consumer is None:
            return
        partition = TopicPartition(batch.topic, batch.partition)
        with contextlib.suppress(KafkaError):  # lost this moment: its next holder begins with these
            self._consumer.pause(partition)
            self._consumer.seek(partition, batch.records[0].offset if at is None else at)
            self._paused[partition] = time.monotonic() + after
        self._settle(batch)

    async def lag(self) -> dict[tuple[str, int], int]:
        """Of the partitions this member holds, as the brokers see it."""
        consumer = self._consumer
        held = consumer.assignment() if consumer is not None else frozenset()
        if not held:
            return {}
        ends = await bounded(consumer.end_offsets(held), REQUEST_TIMEOUT)
        lag = {}
        for partition in held:
            done = await bounded(consumer.committed(partition), REQUEST_TIMEOUT)
            lag[partition.topic, partition.partition] = ends[partition] - (done or 0)
        return lag

    def forget(self) -> None:
        """Partitions were taken away: what was read of them is no longer ours to deliver."""
        self._tenure += 1
        self._polled.clear()
        self._out.clear()
        self._paused.clear()
        self._settled.set()

    async def begin(self, consumer: Any, assigned: Any) -> None:
        """Partitions were given: goes on from where their effects are stored.

        Without an answer the committed offsets hold: they are earlier at worst.
        """
        if self._stored is None or not assigned:
            return
        try:
            stored = await self._stored([(each.topic, each.partition) for each in assigned])
        except Exception as error:  # noqa: BLE001 - whatever it is, the group must go on
            log.warning("stored offsets not read", error=type(error).__name__)
            return
        for (topic, partition), offset in stored.items():
            consumer.seek(TopicPartition(topic, partition), offset)

    async def finish(self) -> None:
        """Gives the batch that is out a moment, so that its offset is committed before the move."""
        await asyncio.wait({asyncio.create_task(self._settled.wait())}, timeout=FINISH_SECONDS)

    def _settle(self, batch: Batch) -> None:
        self._out.discard(TopicPartition(batch.topic, batch.partition))
        if not self._out:
            self._settled.set()

    async def _poll(self) -> bool:
        """False when the session is of no more use."""
        try:
            consumer = self._consumer or await self._connect()
            timeout = self._hold_and_resume(consumer)
            # It waits without end while the group has no coordinator; cancelling it loses nothing.
            self._polling = asyncio.ensure_future(
                consumer.getmany(timeout_ms=int(timeout * 1000), max_records=MAX_BATCH_RECORDS)
            )
            try:
                await asyncio.wait({self._polling}, timeout=MAX_POLL_SECONDS)
            finally:
                if not self._polling.done():
                    self._polling.cancel()
            if self._polling.done() and not self._polling.cancelled():
                self._polled.extend(self._polling.result().items())
                self.last_poll = time.monotonic()
            elif time.monotonic() - max(self.last_poll, self._connected_at) > STALE_SECONDS:
                log.warning("kafka session does not answer", consumer=self._group)
                return False
        except LOST as error:
            if not self._stopping.is_set():
                name = type(error).__name__
                log.warning("kafka session lost", consumer=self._group, error=name)
            return False
        return True

    def _hold_and_resume(self, consumer: Any) -> float:
        """Resumes what is due; holds what is out. How long to poll: not past the next one due."""
        now = time.monotonic()
        held = consumer.assignment()
        for partition in [p for p, until in self._paused.items() if until <= now]:
            del self._paused[partition]
        waiting = (self._out | self._paused.keys()) & held
        consumer.pause(*waiting)
        consumer.resume(*((consumer.paused() & held) - waiting))
        due = [until - now for until in self._paused.values()]
        return min([POLL_SECONDS, *due])

    async def _connect(self) -> Any:
        consumer = new_consumer(self._servers, self._group, self._client_id)
        consumer.subscribe(list(self._topics), listener=_Rebalance(self, consumer))
        try:
            await bounded(consumer.start(), START_SECONDS)
        except BaseException:
            await stop_quietly(consumer)
            raise
        self._consumer, self._connected_at = consumer, time.monotonic()
        return consumer

    async def _drop(self) -> None:
        consumer, self._consumer = self._consumer, None
        self.forget()
        if consumer is not None:
            await stop_quietly(consumer)


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, owner: KafkaConsumer, consumer: Any) -> None:
        self._owner, self._consumer = owner, consumer

    async def on_partitions_revoked(self, revoked: Any) -> None:  # noqa: ARG002
        await self._owner.finish()
        self._owner.forget()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        await self._owner.begin(self._consumer, assigned)


def _record(message: Any) -> Record:
    return Record(
        topic=message.topic,
        key=message.key,
        value=message.value or b"",
        headers=tuple((name, value or b"") for name, value in message.headers),
        partition=message.partition,
        offset=message.offset,
    )
