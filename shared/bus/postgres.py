"""The embedded bus, writing: one statement publishes a record and deletes its outbox row."""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import asyncpg

from shared.bus import Record
from shared.bus.partition import partition_of
from shared.db import notice_cuts

CHANNEL = "bus"
SCHEMA = Path(__file__).with_name("schema.sql")
# Short enough that a half-open connection is noticed while its duties can still be met.
COMMAND_TIMEOUT = 5.0
SWEPT_AT_ONCE = 200
# What a lost or failing database raises. A TimeoutError is an OSError; InternalClientError is what
# asyncpg says when a query meets the server's farewell.
LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

# One round trip. Everybody locks the heads in one order, so relays cannot deadlock; a lock that was
# waited for sees the head where another relay left it, so offsets stay dense.
_APPEND = """
WITH record AS (
    SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[])
        AS record(topic, partition, nr, key, value, headers)
), wanted AS (
    SELECT topic, partition, count(*) AS count FROM record GROUP BY topic, partition
), locked AS (
    SELECT h.topic, h.partition, h.next_offset, w.count
    FROM bus.head h JOIN wanted w USING (topic, partition)
    ORDER BY h.topic, h.partition FOR UPDATE OF h
), moved AS (
    UPDATE bus.head h SET next_offset = l.next_offset + l.count
    FROM locked l WHERE h.topic = l.topic AND h.partition = l.partition
), appended AS (
    INSERT INTO bus.log (topic, partition, "offset", key, value, headers)
    SELECT topic, partition, l.next_offset + r.nr, r.key, r.value, r.headers
    FROM record r JOIN locked l USING (topic, partition)
)
"""
_DELETE = ", gone AS (DELETE FROM outbox WHERE seq = ANY($7::bigint[]))"
_NOTIFY = " SELECT pg_notify('bus', '')"
_PUBLISH, _MOVE = _APPEND + _NOTIFY, _APPEND + _DELETE + _NOTIFY
_ENSURE_HEADS = """
INSERT INTO bus.head (topic, partition)
SELECT topic, partition FROM unnest($1::text[], $2::int[]) AS want(topic, partition)
ORDER BY topic, partition ON CONFLICT DO NOTHING
"""


async def connect(dsn: str, purpose: str) -> asyncpg.Connection:
    """A session of the bus's own: it fails rather than waits, and its server end goes with ours."""
    settings = {
        "application_name": purpose,
        "statement_timeout": "30s",
        "tcp_keepalives_idle": "5",
        "tcp_keepalives_interval": "2",
        "tcp_keepalives_count": "3",
    }
    connection = await asyncpg.connect(
        dsn, timeout=COMMAND_TIMEOUT, command_timeout=COMMAND_TIMEOUT, server_settings=settings
    )
    notice_cuts(connection)
    return connection


async def close(connection: asyncpg.Connection) -> None:
    """Bounded from outside: asyncpg's own close can hang after a cancelled query."""
    closing = asyncio.create_task(connection.close(timeout=2))
    await asyncio.wait({closing}, timeout=COMMAND_TIMEOUT)
    if not closing.done() or closing.cancelled() or closing.exception():
        connection.terminate()


def lock_key(*parts: str | int) -> int:
    """Advisory locks are numbers; 64 bits of a hash keep names apart."""
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


async def apply_schema(connection: asyncpg.Connection) -> None:
    await connection.execute(SCHEMA.read_text(encoding="utf-8"))


async def ensure_heads(connection: asyncpg.Connection, partitions: Mapping[str, int]) -> None:
    """Creates the partitions, outside any transaction that appends, so that none waits on it."""
    pairs = [(topic, number) for topic, count in partitions.items() for number in range(count)]
    topics, numbers = [topic for topic, _ in pairs], [number for _, number in pairs]
    await connection.execute(_ENSURE_HEADS, topics, numbers)


async def sweep(connection: asyncpg.Connection, at_once: int = SWEPT_AT_ONCE) -> int:
    """Deletes what is older than 14 days, read or not, as Kafka does; how many went.

    In slices of `at_once` a partition, each a transaction of its own: a session's limits end none.
    """
    gone = 0
    while slice_ := await connection.fetchval("SELECT bus.sweep($1)", at_once):
        gone += slice_
    return gone


class PostgresPublisher:
    """Appends on the caller's connection, in its transaction if it has one open."""

    def __init__(self, dsn: str, partitions: Mapping[str, int]) -> None:
        self._dsn = dsn
        self._partitions = dict(partitions)
        self._prepared = False

    async def start(self) -> None:
        """Nothing to open; the partitions are made when the first record needs them."""

    async def stop(self) -> None:
        """Nothing is held."""

    async def ready(self) -> bool:
        return True  # the bus is where the outbox is

    async def publish(
        self, connection: Any, records: Sequence[Record], rows: Sequence[int] = ()
    ) -> list[bool]:
        """COMMIT POINT, unless the caller has a transaction open: a crash before the statement's
        end leaves the rows pending, and one after it finds them on the bus and nowhere else."""
        if not self._prepared:
            await self._prepare()
        # A topic outside the catalogue is refused by its record alone, as Kafka does.
        known = [record.topic in self._partitions for record in records]
        columns = self._columns(list(compress(records, known)))
        if columns and rows:
            await connection.execute(_MOVE, *columns, list(compress(rows, known)))
        elif columns:
            await connection.execute(_PUBLISH, *columns)
        return known

    def _columns(self, records: Sequence[Record]) -> list[list[Any]]:
        count: Counter[tuple[str, int]] = Counter()
        rows = []
        for record in records:
            place = (record.topic, partition_of(record.key, self._partitions[record.topic]))
            headers = dump_headers(record.headers)
            rows.append((*place, count[place], record.key, record.value, headers))
            count[place] += 1
        return [list(column) for column in zip(*rows, strict=True)]

    async def _prepare(self) -> None:
        connection = await connect(self._dsn, "bus publisher")
        try:
            await ensure_heads(connection, self._partitions)
        finally:
            await close(connection)
        self._prepared = True


def dump_headers(headers: Sequence[tuple[str, bytes]]) -> bytes:
    """Byte-exact: latin-1 maps each byte to one character and back."""
    return json.dumps([[name, value.decode("latin-1")] for name, value in headers]).encode()


def load_headers(stored: bytes) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value.encode("latin-1")) for name, value in json.loads(stored))
