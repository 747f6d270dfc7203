"""The sides of `handrail bench audit`: the sequencer, and plain statements with the same rows."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import asyncpg

from audit_log.appending import Appending, Prepared, prepare
from audit_log.copyform import Row
from audit_log.deliveries import read_record
from audit_log.known import Known
from audit_log.sequencer import Sequencer
from audit_log.storing import COLUMNS
from handrail.event_contracts import EXAMPLES
from shared.bus import Batch, Record
from shared.bus.cloudevents import to_record
from shared.events.catalogue import EVENTS, TOPIC_OF
from shared.events.envelope import new_event_id

TOPIC: Final = "handrail.cases.v1"
# What follows one concern, as often as it does.
_MIX: Final = (
    "concern.raised", "case.opened", "task.opened", "task.opened", "task.opened", "notice.sent",
    "notice.sent", "notice.sent", "case.claimed", "task.reminded", "task.acknowledged",
    "case.decided",
)  # fmt: skip
_UNLOGGED: Final = "CREATE UNLOGGED TABLE bare (LIKE audit_log.log_entry INCLUDING STORAGE)"
_PLAIN: Final = "CREATE TABLE plain (LIKE audit_log.log_entry INCLUDING STORAGE, PRIMARY KEY (seq))"
_INSERT: Final = """
INSERT INTO plain (seq, event_id, type, occurred_at, recorded_at, producer, producer_sequence,
    subject, task_id, topic, partition, "offset", payload, leaf_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""


@dataclass
class Events:
    """Makes events that were never there, with real facts of every kind, and batches of them."""

    sequence: int = 0
    offset: int = 0
    _data: dict[str, bytes] = field(default_factory=dict)

    def records(self, count: int) -> tuple[Record, ...]:
        return tuple(self._record() for _ in range(count))

    def batch(self, records: tuple[Record, ...]) -> Batch:
        return Batch(TOPIC, 0, records)

    def _record(self) -> Record:
        kind = _MIX[self.sequence % len(_MIX)]
        self.sequence += 1
        self.offset += 1
        row = {
            "event_id": new_event_id(),
            "topic": TOPIC_OF[kind],
            "subject": uuid4(),
            "type": kind,
            "version": EVENTS[kind].version,
            "producer": "bench/fill",
            "sequence": self.sequence,
            "occurred_at": datetime.now(UTC),
            "traceparent": None,
            "data": self._example(kind),
        }
        record = to_record(row)
        return Record(TOPIC, record.key, record.value, record.headers, 0, self.offset)

    def _example(self, kind: str) -> bytes:
        if kind not in self._data:
            file = EXAMPLES / f"{kind}.{EVENTS[kind].version}.json"
            model = EVENTS[kind].model.model_validate_json(file.read_bytes())
            self._data[kind] = model.model_dump_json().encode()  # as producers write it
        return self._data[kind]


@dataclass
class Work:
    """One batch in every form that a side takes it in."""

    batch: Batch
    prepared: list[Prepared]
    rows: Sequence[Row]


def work(events: Events, size: int) -> Work:
    """The rows are those that the sequencer itself would write at that place of the log."""
    first_seq = events.offset
    records = events.records(size)
    prepared = [prepare(read_record(record)) for record in records]
    appending = Appending(first_seq, Known(), datetime.now(UTC))
    appending.add_new(prepared)
    return Work(events.batch(records), prepared, appending.rows)


@dataclass
class Sides:
    """Connections to the databases that each side fills; every side has its own tables."""

    ours: Sequencer
    guarded: asyncpg.Connection
    plain: asyncpg.Connection

    async def append(self, one: Work) -> None:
        added = await self.ours.append_prepared(one.batch, one.prepared)
        assert added == len(one.rows)  # noqa: S101 - a bench that appended nothing measured nothing

    async def append_records(self, one: Work) -> None:
        """The whole way from what the bus brought."""
        assert await self.ours.append(one.batch) == len(one.rows)  # noqa: S101 - as above

    async def guarded_copy(self, one: Work) -> None:
        async with self.guarded.transaction():
            events = [(row[1], row[0]) for row in one.rows]
            await self.guarded.copy_records_to_table(
                "log_event", records=events, columns=("event_id", "seq")
            )
            await self.guarded.copy_records_to_table("log_entry", records=one.rows, columns=COLUMNS)

    async def unlogged_copy(self, one: Work) -> None:
        await self.plain.copy_records_to_table("bare", records=one.rows, columns=COLUMNS)

    async def plain_insert(self, one: Work) -> None:
        await self.plain.execute(_INSERT, *one.rows[0])

    async def close(self) -> None:
        await self.ours.close()
        await self.guarded.close()
        await self.plain.close()


async def make_plain(dsn: str) -> asyncpg.Connection:
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"{_UNLOGGED}; {_PLAIN}")
    return connection


def in_turn(sides: Sequence[str], nr: int) -> list[str]:
    """Another order in every round: whoever comes first has the colder caches."""
    order: list[Any] = list(sides)
    random.Random(nr).shuffle(order)  # noqa: S311 - an order, no secret
    return order
