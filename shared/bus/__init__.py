"""The bus as every service sees it: ordered topics, at least once. Two adapters, chosen by URL."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

# What one record may weigh on either bus. Kafka's own limit is 1 MiB a batch, headers included.
MAX_RECORD_BYTES = 900 * 1024
# A batch is one transaction of its consumer: large enough to be cheap, small enough to be short.
MAX_BATCH_RECORDS = 500


@dataclass(frozen=True, slots=True)
class Record:
    """What was, or will be, on a topic. Partition and offset are the bus's to give."""

    topic: str
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int = -1
    offset: int = -1

    @property
    def size(self) -> int:
        named = sum(len(name) + len(value) for name, value in self.headers)
        return len(self.key or b"") + len(self.value) + named


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition in their order. `tenure` is which holding of it they came in."""

    topic: str
    partition: int
    records: tuple[Record, ...]
    tenure: int = 0

    @property
    def following(self) -> int:
        """The offset to go on from once these are done."""
        return self.records[-1].offset + 1


# Where the owner of the effects has got to, by (topic, partition); a consumer that is given a
# partition begins there. Absent where it has none, and then the bus's own position holds.
Stored = Callable[[Sequence[tuple[str, int]]], Awaitable[Mapping[tuple[str, int], int]]]


class Publisher(Protocol):
    """Neither start nor publish fails while the bus is away: publish then answers False."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def ready(self) -> bool:
        """Whether publishing can succeed at all now; it may try to connect for some seconds."""
        ...

    async def publish(
        self, connection: Any, records: Sequence[Record], rows: Sequence[int] = ()
    ) -> list[bool]:
        """For each: did the bus acknowledge it? After a False of a partition comes no True.

        rows: the `seq` of each record's outbox row, which is deleted once it is acknowledged.
        """
        ...


class Consumer(Protocol):
    """One member of one group. It reconnects by itself; a batch not done comes again.

    last_poll: `time.monotonic()` of the last look at the bus that succeeded; an outage shows here.
    last_try: of the last attempt to look; a member that hangs, whatever the bus does, shows here.
    """

    last_poll: float
    last_try: float

    async def start(self) -> None: ...

    async def stop(self) -> None:
        """Bounded (5 s), and never raises."""
        ...

    def batches(self) -> AsyncIterator[Batch]:
        """Until stop(). Batches of one partition come in order, and a batch is never empty."""
        ...

    async def done(self, batch: Batch) -> None:
        """Records the batch as consumed. A failure is logged only: redelivery is harmless."""
        ...

    async def again(self, batch: Batch, after: float, at: int | None = None) -> None:
        """Delivers from the batch's first record again in `after` seconds; others keep flowing.

        at: the offset to deliver from instead.
        """
        ...

    async def lag(self) -> dict[tuple[str, int], int]:
        """Records not yet done, by (topic, partition)."""
        ...


def open_publisher(
    url: str, *, partitions: Mapping[str, int], client_id: str = "handrail"
) -> Publisher:
    """partitions: how many each topic has. Kafka knows its own; the Postgres bus is told here."""
    if _is_kafka(url):
        from shared.bus.kafka_publisher import KafkaPublisher  # noqa: PLC0415 - only where Kafka is used

        return KafkaPublisher(_servers(url), client_id=client_id)
    from shared.bus.postgres import PostgresPublisher  # noqa: PLC0415 - the other adapter

    return PostgresPublisher(_dsn(url), partitions)


def open_consumer(
    url: str,
    group: str,
    topics: Sequence[str],
    *,
    partitions: Mapping[str, int],
    client_id: str = "handrail",
    stored: Stored | None = None,
) -> Consumer:
    if _is_kafka(url):
        from shared.bus.kafka_consumer import KafkaConsumer  # noqa: PLC0415 - only with Kafka

        return KafkaConsumer(_servers(url), group, topics, client_id=client_id, stored=stored)
    from shared.bus.postgres_consumer import PostgresConsumer  # noqa: PLC0415 - the other adapter

    wanted = {topic: partitions[topic] for topic in topics}
    return PostgresConsumer(_dsn(url), group, wanted, stored)


def _is_kafka(url: str) -> bool:
    scheme = url.partition("://")[0]
    if scheme not in ("kafka", "postgres", "postgresql", "postgresql+asyncpg"):
        raise ValueError("a bus URL starts with kafka:// or postgresql://")
    return scheme == "kafka"


def _servers(url: str) -> str:
    return url.removeprefix("kafka://").rstrip("/")


def _dsn(url: str) -> str:
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)
