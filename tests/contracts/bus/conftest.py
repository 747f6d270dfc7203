"""Both buses behind one face, so that each test of the contract runs on both."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from handrail.kafka_broker import KafkaCluster
from handrail.postgres import EmbeddedPostgres
from shared.bus import (
    Batch,
    Consumer,
    Publisher,
    Record,
    Stored,
    open_consumer,
    open_publisher,
)
from shared.bus.kafka import TopicPlan, create_topics
from shared.bus.postgres import apply_schema
from shared.outbox import OutboxRow

PARTITIONS = 4


@dataclass
class Bus:
    """One bus with a fresh topic, and a fresh database with an outbox."""

    url: str
    dsn: str
    topic: str
    connection: asyncpg.Connection
    _consumers: list[Consumer] = field(default_factory=list)
    _publishers: list[Publisher] = field(default_factory=list)

    @property
    def is_kafka(self) -> bool:
        return self.url.startswith("kafka")

    async def publisher(self) -> Publisher:
        publisher = open_publisher(self.url, partitions={self.topic: PARTITIONS})
        await publisher.start()
        self._publishers.append(publisher)
        return publisher

    async def consumer(self, group: str = "escalation", stored: Stored | None = None) -> Consumer:
        partitions = {self.topic: PARTITIONS}
        consumer = open_consumer(
            self.url, group, [self.topic], partitions=partitions, stored=stored
        )
        await consumer.start()
        self._consumers.append(consumer)
        return consumer

    async def publish(self, records: Sequence[Record]) -> list[bool]:
        publisher = await self.publisher()
        return await publisher.publish(self.connection, records)

    def record(self, key: str, value: bytes) -> Record:
        return Record(self.topic, key.encode(), value)

    async def close(self) -> None:
        for consumer in self._consumers:
            await consumer.stop()
        for publisher in self._publishers:
            await publisher.stop()


async def next_batch(consumer: Consumer, within: float = 20) -> Batch:
    async with asyncio.timeout(within), aclosing(consumer.batches()) as batches:  # type: ignore[type-var]
        async for batch in batches:
            return batch
    raise AssertionError("the consumer was stopped")


async def take(consumer: Consumer, count: int, within: float = 30) -> list[Record]:
    """Consumes until `count` records are done."""
    taken: list[Record] = []
    while len(taken) < count:
        batch = await next_batch(consumer, within)
        taken.extend(batch.records)
        await consumer.done(batch)
    return taken


@pytest_asyncio.fixture
async def fresh_database(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    name = f"bus_{secrets.token_hex(6)}"
    server = await asyncpg.connect(postgres.dsn())
    await server.execute(f'CREATE DATABASE "{name}"')
    connection = await asyncpg.connect(postgres.dsn(name))
    await apply_schema(connection)
    table = CreateTable(OutboxRow.__table__)  # type: ignore[attr-defined]
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    await connection.execute(str(table.compile(dialect=dialect)))
    await connection.close()
    yield postgres.dsn(name)
    await server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await server.close()


@pytest.fixture(params=["postgres", "kafka"])
def cluster(request: pytest.FixtureRequest) -> KafkaCluster | None:
    """The brokers of a test that runs on Kafka."""
    if request.param == "postgres":
        return None
    found: KafkaCluster = request.getfixturevalue("kafka")
    return found


@pytest_asyncio.fixture
async def bus(cluster: KafkaCluster | None, fresh_database: str) -> AsyncIterator[Bus]:
    topic = f"handrail.test.{secrets.token_hex(4)}"
    url = fresh_database
    if cluster is not None:
        url = cluster.url
        plan = TopicPlan(topic, PARTITIONS, 1, 1, timedelta(days=14))
        await create_topics(cluster.servers, [plan])
    connection = await asyncpg.connect(fresh_database)
    made = Bus(url, fresh_database, topic, connection)
    yield made
    await made.close()
    await connection.close()
