"""Runs the sequencer on the bus for as long as the service lives."""

from collections.abc import Sequence
from functools import partial

import structlog
from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.models import BusOffset
from audit_log.sequencer import SERVICE, Ahead, Sequencer
from shared.app import PARTITIONS, Runtime
from shared.bus import Batch, Consumer, open_consumer
from shared.bus.failpoint import reach
from shared.events.catalogue import topics_for

_LONGEST_WAIT = 30.0
Place = tuple[str, int]

log = structlog.get_logger(__name__)


async def run_sequencer(runtime: Runtime) -> None:
    """Reads every topic; a batch that fails is tried for ever."""
    dsn = runtime.settings.database_url.get_secret_value()
    sequencer = Sequencer(dsn, runtime.sessions, runtime.sealer, runtime.clock)
    consumer = open_consumer(
        runtime.settings.bus.get_secret_value(),
        SERVICE,
        topics_for(SERVICE),
        partitions=PARTITIONS,
        client_id=SERVICE,
        stored=partial(stored_offsets, runtime.sessions),
    )
    runtime.consumers.append(consumer)
    await consumer.start()
    reading = _Reading(consumer, sequencer)
    try:
        async for batch in consumer.batches():
            if await reading.take(batch):
                runtime.doorbell.ring()
    finally:
        await sequencer.close()


async def stored_offsets(
    sessions: async_sessionmaker[AsyncSession], places: Sequence[Place]
) -> dict[Place, int]:
    """Where the log has got to: what is before is in it, whatever the bus remembers."""
    wanted = tuple_(col(BusOffset.topic), col(BusOffset.partition)).in_(places)
    async with sessions() as session:
        rows = (await session.execute(select(BusOffset).where(wanted))).scalars()
        return {(row.topic, row.partition): row.next_offset for row in rows}


class _Reading:
    """Counted by partition: 36 that fail once each are no long trouble."""

    def __init__(self, consumer: Consumer, sequencer: Sequencer) -> None:
        self._consumer, self._sequencer = consumer, sequencer
        self._failures: dict[Place, int] = {}
        self._asked: dict[Place, int] = {}

    async def take(self, batch: Batch) -> bool:
        """False where it comes again later."""
        place = (batch.topic, batch.partition)
        try:
            # Asked for what was missing, the bus began later once more: it has it no longer.
            lost = place in self._asked
            await self._sequencer.append(batch, lost=lost)
        except Ahead as missing:
            self._asked[place] = missing.expected
            log.warning("batch begins late", topic=batch.topic, partition=batch.partition)
            await self._consumer.again(batch, 0, missing.expected)
            return False
        except Exception as error:  # noqa: BLE001 - to skip or to stop would leave a hole in the log
            attempt = self._failures[place] = self._failures.get(place, 0) + 1
            wait = min(_LONGEST_WAIT, 0.1 * 2**attempt)
            log.error(
                "batch waits", error=type(error).__name__, attempt=attempt, seconds=wait,
                topic=batch.topic, partition=batch.partition,
            )  # fmt: skip
            await self._consumer.again(batch, wait)
            return False
        self._failures.pop(place, None)
        self._asked.pop(place, None)
        await self._consumer.done(batch)
        await reach("audit.after-offset")
        return True
