"""What real brokers do to us: they die, they stop answering, and one of three is lost."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from handrail.kafka_broker import Broker, KafkaCluster
from shared.bus.kafka import TopicPlan, create_topics
from tests.contracts.bus.conftest import PARTITIONS, Bus, next_batch, take
from tests.contracts.bus.outbox import insert, pending, relay, row, sequences, until


@pytest_asyncio.fixture
async def one(kafka: KafkaCluster, fresh_database: str) -> AsyncIterator[Bus]:
    async for bus in _on(kafka, fresh_database, copies=1):
        yield bus


@pytest_asyncio.fixture
async def three(kafka3: KafkaCluster, fresh_database: str) -> AsyncIterator[Bus]:
    async for bus in _on(kafka3, fresh_database, copies=3):
        yield bus


async def _on(cluster: KafkaCluster, dsn: str, copies: int) -> AsyncIterator[Bus]:
    topic = f"handrail.test.{secrets.token_hex(4)}"
    plan = TopicPlan(topic, PARTITIONS, copies, max(1, copies - 1), timedelta(days=14))
    await create_topics(cluster.servers, [plan])
    connection = await asyncpg.connect(dsn)
    bus = Bus(cluster.url, dsn, topic, connection)
    yield bus
    await bus.close()
    await connection.close()


async def start_again(cluster: KafkaCluster, broker: Broker) -> None:
    broker.start()
    await asyncio.to_thread(cluster.wait_until_ready)


async def test_publish_answers_false_while_the_broker_is_dead_and_true_when_it_is_back(
    kafka: KafkaCluster, one: Bus
) -> None:
    assert await one.publish([one.record("concern", b"before")]) == [True]
    publisher = await one.publisher()
    assert await publisher.publish(None, [one.record("concern", b"warm")]) == [True]
    kafka.brokers[0].kill()
    try:
        async with asyncio.timeout(20):
            assert await publisher.publish(None, [one.record("concern", b"lost")]) == [False]
    finally:
        await start_again(kafka, kafka.brokers[0])

    async def acknowledged() -> bool:
        return await publisher.publish(None, [one.record("concern", b"after")]) == [True]

    await until(acknowledged)
    values = [record.value for record in await take(await one.consumer(), 3)]
    assert values == [b"before", b"warm", b"after"]


@pytest.mark.parametrize("fault", [Broker.kill, Broker.pause])
async def test_what_is_committed_while_the_broker_is_away_arrives_when_it_is_back(
    kafka: KafkaCluster, one: Bus, fault: Callable[[Broker], None]
) -> None:
    broker = kafka.brokers[0]
    subject = uuid4()
    consumer = await one.consumer()
    async with relay(one) as state:
        await insert(one.connection, [row(one.topic, subject, 0)])
        await take(consumer, 1)
        fault(broker)
        try:
            await insert(one.connection, [row(one.topic, subject, n) for n in range(1, 700)])

            async def noticed() -> bool:
                return state.unacknowledged > 0

            await until(noticed)
            assert await pending(one) == 699
        finally:
            if broker.running:
                broker.resume()
            else:
                await start_again(kafka, broker)
        await consumer.stop()
        assert await sequences(one, 699, within=60) == list(range(1, 700))


async def test_a_consumer_outlives_its_broker(kafka: KafkaCluster, one: Bus) -> None:
    await one.publish([one.record("concern", b"before")])
    consumer = await one.consumer()
    batch = await next_batch(consumer)
    kafka.brokers[0].kill()
    try:
        began = time.monotonic()
        await consumer.done(batch)  # cannot be committed, and says so in the log only
        assert time.monotonic() - began < 6
    finally:
        await start_again(kafka, kafka.brokers[0])
    assert await one.publish([one.record("concern", b"after")]) == [True]
    values: list[bytes] = []
    async with asyncio.timeout(60):
        while b"after" not in values:
            values += [record.value for record in await take(consumer, 1, within=60)]


async def test_a_consumer_of_a_silent_broker_stops_in_time(kafka: KafkaCluster, one: Bus) -> None:
    await one.publish([one.record("concern", b"x")])
    consumer = await one.consumer()
    await take(consumer, 1)
    kafka.brokers[0].pause()
    try:
        began = time.monotonic()
        await consumer.stop()
        assert time.monotonic() - began < 6
    finally:
        kafka.brokers[0].resume()


async def test_a_service_starts_before_its_broker(kafka: KafkaCluster, one: Bus) -> None:
    kafka.brokers[0].kill()
    try:
        consumer, publisher = await one.consumer(), await one.publisher()
        assert await publisher.publish(None, [one.record("concern", b"x")]) == [False]
        waiting = asyncio.create_task(take(consumer, 1, within=60))
        await asyncio.sleep(1)
    finally:
        await start_again(kafka, kafka.brokers[0])

    async def acknowledged() -> bool:
        return await publisher.publish(None, [one.record("concern", b"x")]) == [True]

    await until(acknowledged)
    assert [record.value for record in await waiting] == [b"x"]


async def test_with_one_of_three_brokers_lost_records_still_flow_and_none_is_lost(
    kafka3: KafkaCluster, three: Bus
) -> None:
    subjects = [uuid4() for _ in range(20)]
    lost = kafka3.brokers[-1]
    async with relay(three):
        await insert(three.connection, [row(three.topic, subjects[n % 20], n) for n in range(200)])
        lost.kill()
        try:
            rows = [row(three.topic, subjects[n % 20], n) for n in range(200, 400)]
            await insert(three.connection, rows)
            arrived = await sequences(three, 400, within=90)
        finally:
            await start_again(kafka3, lost)
    assert sorted(arrived) == list(range(400))
    for number in range(20):
        of_one = [sequence for sequence in arrived if sequence % 20 == number]
        assert of_one == sorted(of_one)


async def test_what_fewer_than_two_brokers_hold_is_not_acknowledged(
    kafka3: KafkaCluster, three: Bus
) -> None:
    publisher = await three.publisher()
    assert await publisher.publish(None, [three.record("concern", b"held by all")]) == [True]
    lost = kafka3.brokers[1:]
    for broker in lost:
        broker.kill()
    try:
        async with asyncio.timeout(25):
            assert await publisher.publish(None, [three.record("concern", b"alone")]) == [False]
    finally:
        for broker in lost:
            broker.start()
        await asyncio.to_thread(kafka3.wait_until_ready)

    async def acknowledged() -> bool:
        return await publisher.publish(None, [three.record("concern", b"again")]) == [True]

    await until(acknowledged, within=60)
