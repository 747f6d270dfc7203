"""The one door to aiokafka: how its clients are made, and how they are bounded.

Known of aiokafka 0.14 and held against here: its idempotent producer hangs for ever on a dead
broker, commit() retries without end, and a consumer's stop() can hang or raise a CancelledError
that nobody sent. So the producer is plain, and whatever waits for a broker runs in a task.
"""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    OffsetAndMetadata,
    TopicPartition,
)
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

__all__ = [
    "LOST",
    "ConsumerRebalanceListener",
    "KafkaError",
    "TopicPartition",
    "TopicPlan",
    "bounded",
    "count_brokers",
    "create_topics",
    "describe_topics",
    "new_consumer",
    "new_producer",
    "offsets",
    "stop_quietly",
]

Result = TypeVar("Result")

REQUEST_TIMEOUT = 10.0
STOP_TIMEOUT = 4.0
CUT_TIMEOUT = 1.0
MAX_BATCH_BYTES = 1_000_000
# What an unreachable or misbehaving cluster raises; a TimeoutError is an OSError.
LOST = (KafkaError, OSError)

log = structlog.get_logger(__name__)
# While a broker is away aiokafka says so ten times a second; what it means for us we log ourselves.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def new_producer(servers: str, client_id: str) -> Any:
    return AIOKafkaProducer(
        bootstrap_servers=servers,
        client_id=client_id,
        acks="all",
        enable_idempotence=False,
        request_timeout_ms=int(REQUEST_TIMEOUT * 1000),
        max_batch_size=MAX_BATCH_BYTES,
        max_request_size=2 * MAX_BATCH_BYTES,
        metadata_max_age_ms=30_000,
    )


def new_consumer(servers: str, group: str, client_id: str) -> Any:
    return AIOKafkaConsumer(
        bootstrap_servers=servers,
        group_id=group,
        client_id=client_id,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        request_timeout_ms=int(REQUEST_TIMEOUT * 1000),
        session_timeout_ms=10_000,
        heartbeat_interval_ms=3_000,
        max_poll_interval_ms=120_000,
        metadata_max_age_ms=30_000,
        fetch_max_wait_ms=500,
    )


def offsets(topic: str, partition: int, following: int) -> dict[Any, Any]:
    return {TopicPartition(topic, partition): OffsetAndMetadata(following, "")}


async def bounded(work: Awaitable[Result], seconds: float) -> Result:
    """The result, or a TimeoutError; a CancelledError leaking out of `work` stays in its task."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
    if not task.done() or task.cancelled():
        raise TimeoutError
    return task.result()


async def stop_quietly(client: Any) -> None:
    """Ends a producer or consumer, or abandons it: nothing it does can hold up its owner."""
    try:
        await bounded(client.stop(), STOP_TIMEOUT)
    except Exception as error:  # noqa: BLE001 - whatever a dying client raises, we are done with it
        log.warning("kafka client abandoned", error=type(error).__name__)
        with suppress(TimeoutError):
            await bounded(_cut(client), CUT_TIMEOUT)


async def _cut(client: Any) -> None:
    """What stop() left running would fetch, or reconnect, for as long as the process lives."""
    network = getattr(client, "_client", None) or client.client
    parts = [getattr(client, name, None) for name in ("_fetcher", "_sender")]
    for part in [*filter(None, parts), network]:
        try:
            await part.close()
        except Exception as error:  # noqa: BLE001 - aiokafka's own ends; the others still must be cut
            log.debug("kafka client cut", error=type(error).__name__)


async def count_brokers(servers: str) -> int:
    """How many brokers the cluster says it has."""
    async with _Admin(servers) as admin:
        return len((await bounded(admin.describe_cluster(), REQUEST_TIMEOUT))["brokers"])


@dataclass(frozen=True)
class TopicPlan:
    """What a topic should be. in_sync: copies that must hold a record before it is acknowledged."""

    name: str
    partitions: int
    replication: int
    in_sync: int
    retention: timedelta

    @property
    def config(self) -> dict[str, str]:
        """`retention` is the longest that any record stays. Kafka deletes whole segments, by their
        newest record: with its own week-long segments the oldest would stay a week longer."""
        segment = self.retention / 14
        return {
            "retention.ms": str(int((self.retention - segment).total_seconds() * 1000)),
            "segment.ms": str(int(segment.total_seconds() * 1000)),
            "retention.bytes": "-1",
            "cleanup.policy": "delete",
            "min.insync.replicas": str(self.in_sync),
            "unclean.leader.election.enable": "false",
        }


async def create_topics(servers: str, plans: Sequence[TopicPlan]) -> list[str]:
    """Creates those that are missing and returns their names."""
    wanted = [NewTopic(p.name, p.partitions, p.replication, topic_configs=p.config) for p in plans]
    created = []
    async with _Admin(servers) as admin:
        response = await bounded(admin.create_topics(wanted), REQUEST_TIMEOUT * 2)
        for name, code, *_ in response.topic_errors:
            error = for_code(code)
            if code == 0:
                created.append(name)
            elif error is not TopicAlreadyExistsError:
                raise error(f"topic {name} was not created")
    return created


async def describe_topics(servers: str, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Of those that exist: partitions, the fewest copies and copies in sync of any, and config."""
    async with _Admin(servers) as admin:
        found = await bounded(admin.describe_topics(list(names)), REQUEST_TIMEOUT)
        topics: dict[str, dict[str, Any]] = {
            topic["topic"]: {
                "partitions": len(topic["partitions"]),
                "replication": min(len(p["replicas"]) for p in topic["partitions"]),
                "in_sync": min(len(p["isr"]) for p in topic["partitions"]),
            }
            for topic in found
            if topic["error_code"] == 0
        }
        if topics:
            resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]
            for response in await bounded(admin.describe_configs(resources), REQUEST_TIMEOUT):
                for _, _, _, name, entries in response.resources:
                    topics[name]["config"] = {entry[0]: entry[1] for entry in entries}
    return topics


class _Admin:
    def __init__(self, servers: str) -> None:
        self._client = AIOKafkaAdminClient(
            bootstrap_servers=servers, request_timeout_ms=int(REQUEST_TIMEOUT * 1000)
        )

    async def __aenter__(self) -> Any:
        try:
            await bounded(self._client.start(), REQUEST_TIMEOUT)
        except BaseException:
            await self._close()
            raise
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _close(self) -> None:
        try:
            await bounded(self._client.close(), STOP_TIMEOUT)
        except Exception as error:  # noqa: BLE001 - the answer was had; closing is a courtesy
            log.warning("kafka client abandoned", error=type(error).__name__)
