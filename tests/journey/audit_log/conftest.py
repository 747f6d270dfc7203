"""The audit log on a real PostgreSQL, fed with records as the bus brings them."""

import json
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import text

from audit_log.app import create_app
from audit_log.merkle import leaf_hash, root_of
from audit_log.sequencer import Sequencer
from audit_log.settings import AuditSettings
from audit_log.verifying.contents import Contents
from shared.app import Runtime
from shared.bus import Batch, Record
from shared.bus.cloudevents import to_record
from shared.clock import SetClock
from shared.events.catalogue import TOPIC_OF
from shared.events.envelope import new_event_id
from shared.settings import Settings
from tests.conftest import TestIssuer

# The tests' batches hold records of any topic, as if they shared one: what matters is their order.
ALL = "handrail.cases.v1"
EXAMPLES = Path(__file__).parents[3] / "shared" / "events" / "examples"


def is_whole(entries: Iterable[tuple[int, bytes]], size: int, root: bytes) -> bool:
    """Whether the entries, by seq, are the log's and all that the root is made of."""
    contents = Contents()
    leaves: list[bytes] = []
    for seq, payload in entries:
        if seq != len(leaves):
            return False
        contents.take(seq, payload)
        leaves.append(leaf_hash(payload))
    return (len(leaves), root_of(leaves)) == (size, root) and not contents.findings


def example(kind: str, **changes: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EXAMPLES / f"{kind}.1.json").read_text())
    return loaded | changes


@dataclass
class Log:
    """The service without its consumer: a test says what the bus brings, and when."""

    runtime: Runtime
    clock: SetClock
    app: Any
    sequencer: Sequencer
    counts: dict[str, int] = field(default_factory=dict)
    offsets: dict[int, int] = field(default_factory=dict)

    def record(
        self, kind: str, data: Any = None, *, subject: UUID | None = None, **row: Any
    ) -> Record:
        """A record at the next offset; `row` replaces members of the outbox row it is made from."""
        producer, partition = row.pop("producer", "intake/lane-0"), row.pop("partition", 0)
        self.counts[producer] = self.counts.get(producer, 0) + 1
        raw = json.dumps(example(kind) if data is None else data, default=str).encode()
        values = {
            "event_id": new_event_id(),
            "topic": TOPIC_OF.get(kind, "handrail.cases.v1"),
            "subject": subject or uuid4(),
            "type": kind,
            "version": 1,
            "producer": producer,
            "sequence": self.counts[producer],
            "occurred_at": self.clock.now(),
            "traceparent": None,
            "data": raw,
        }
        return self.placed(to_record(values | row), partition)

    def placed(self, record: Record, partition: int = 0) -> Record:
        """The same record where the bus put it next."""
        self.offsets[partition] = self.offsets.get(partition, 0) + 1
        return replace(record, partition=partition, offset=self.offsets[partition])

    async def hears(self, *records: Record) -> int:
        return await self.sequencer.append(Batch(ALL, records[0].partition, records))

    def another_sequencer(self) -> Sequencer:
        dsn = self.runtime.settings.database_url.get_secret_value()
        return Sequencer(dsn, self.runtime.sessions, self.runtime.sealer, self.clock)

    async def rows(self, statement: str) -> list[dict[str, Any]]:
        async with self.runtime.sessions() as session:
            return [dict(row) for row in (await session.execute(text(statement))).mappings()]

    async def entries(self) -> list[dict[str, Any]]:
        rows = await self.rows("SELECT * FROM log_entry ORDER BY seq")
        return [row | {"entry": json.loads(row["payload"])} for row in rows]


@pytest.fixture
async def log(
    settings_for: Callable[..., Settings], clock: SetClock, issuer: TestIssuer
) -> AsyncIterator[Log]:
    settings = settings_for("audit-log", AuditSettings)
    assert isinstance(settings, AuditSettings)
    app = create_app(settings, clock, issuer.keys)
    runtime: Runtime = app.state.runtime
    dsn = runtime.settings.database_url.get_secret_value()
    sequencer = Sequencer(dsn, runtime.sessions, runtime.sealer, clock)
    yield Log(runtime, clock, app, sequencer)
    await sequencer.close()
    await runtime.engine.dispose()
    await app.state.reader.dispose()


@pytest.fixture
async def http(log: Log) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=log.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://audit-log") as client:
        yield client
