"""Puts records on the bus behind the services' backs, and waits until all were consumed."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from shared.app import PARTITIONS
from shared.bus import Record, open_consumer, open_publisher
from shared.bus.cloudevents import to_record
from shared.bus.partition import partition_of
from shared.events.catalogue import CASES, CONCERNS, NOTICES
from shared.events.concerns import ProducerClosed
from shared.events.envelope import new_event_id
from tests.faults.harness import House

FENCES = {
    CONCERNS.name: "intake.producer_closed",
    CASES.name: "escalation.producer_closed",
    NOTICES.name: "notify.producer_closed",
}


def record(event_type: str, subject: UUID, data: bytes, **more: Any) -> Record:
    """As a service's relay would encode it, from a producer that is none of theirs."""
    row = {
        "event_id": new_event_id(),
        "topic": CONCERNS.name,
        "subject": subject,
        "type": event_type,
        "version": 1,
        "producer": f"faults/{uuid4().hex[:12]}",
        "sequence": 1,
        "occurred_at": datetime.now(UTC),
        "traceparent": None,
        "data": data,
        **more,
    }
    return to_record(row)


async def publish(house: House, records: Sequence[Record]) -> None:
    publisher = open_publisher(house.around.bus, partitions=PARTITIONS, client_id="faults")
    await publisher.start()
    connection = await asyncpg.connect(house.around.dsn("intake"))
    try:
        assert all(await publisher.publish(connection, records))
    finally:
        await connection.close()
        await publisher.stop()


async def read_all(house: House, topics: Sequence[str], count: int) -> list[Record]:
    """What is on the topics from their beginning, for a group that nobody else is in."""
    partitions = {topic: PARTITIONS[topic] for topic in topics}
    group = f"faults-{uuid4().hex}"
    consumer = open_consumer(house.around.bus, group, topics, partitions=partitions)
    await consumer.start()
    found: list[Record] = []
    try:
        async with asyncio.timeout(60), aclosing(consumer.batches()) as batches:  # type: ignore[type-var]
            async for batch in batches:
                found += batch.records
                await consumer.done(batch)
                if len(found) >= count:
                    break
    finally:
        await consumer.stop()
    return found


async def all_consumed(house: House) -> None:
    """Puts a fence at the end of every partition, and waits until each is in the log.

    What a service has not had of the log, `settle` waits for.
    """
    fences = [fence(topic, number) for topic in FENCES for number in range(PARTITIONS[topic])]
    await publish(house, fences)
    ids = [UUID(dict(each.headers)["ce_id"].decode()) for each in fences]
    connection = await asyncpg.connect(house.around.superuser)
    query = "SELECT count(*) FROM audit_log.log_entry WHERE event_id = ANY($1)"
    try:
        async with asyncio.timeout(60):
            while await connection.fetchval(query, ids) < len(ids):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    finally:
        await connection.close()


def fence(topic: str, partition: int) -> Record:
    """An event without effect, on that partition."""
    subject = uuid4()
    while partition_of(str(subject).encode(), PARTITIONS[topic]) != partition:
        subject = uuid4()
    producer = f"faults/{subject.hex[:12]}"
    said = ProducerClosed(producer=producer, last_sequence=0, at=datetime.now(UTC))
    data = said.model_dump_json().encode()
    return record(FENCES[topic], subject, data, topic=topic, producer=producer)
