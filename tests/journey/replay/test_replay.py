"""A dead letter goes the way back: opened, driven again through the outbox, applied, closed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession
from typer.testing import CliRunner, Result

from handrail.keys import private_file, public_file
from handrail.topics import topics_app
from shared.bus import Batch, Record
from shared.bus.cloudevents import to_record
from shared.clock import SystemClock
from shared.db import make_engine, make_sessions
from shared.events.concerns import ConcernHeld
from shared.events.envelope import Event, new_event_id
from shared.inbox import Subscription, apply
from shared.sealing import KeyPurpose, Sealer
from tests.conftest import Database

TOPIC, AT = "handrail.concerns.v1", datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


@dataclass
class Service:
    """A consumer whose relay is the test. broken: its handler fails, or fails for that one."""

    dsn: str
    keys: Path
    sessions: async_sessionmaker[AsyncSession]
    broken: bool | str = True
    applied: list[Event] = field(default_factory=list)
    dealt_with: list[tuple[bytes | None, bytes]] = field(default_factory=list)
    _offset: int = 0

    async def hear(self, *records: Record) -> None:
        placed = []
        for record in records:
            placed.append(
                Record(record.topic, record.key, record.value, record.headers, 0, self._offset)
            )
            self._offset += 1
        await apply(Batch(TOPIC, 0, tuple(placed)), self.sessions, self._subscription())

    async def hear_its_outbox(self) -> None:
        """As the relay and the bus would bring it."""
        connection = await asyncpg.connect(self.dsn)
        rows = await connection.fetch("DELETE FROM outbox WHERE topic = $1 RETURNING *", TOPIC)
        await connection.close()
        await self.hear(*(to_record(row) for row in sorted(rows, key=lambda row: row["seq"])))

    async def replay(self, *arguments: str, key: KeyPurpose = "dead_letter") -> Result:
        environment = {
            "HANDRAIL_DATABASE_URL": self.dsn,
            "HANDRAIL_KEYS_PRIVATE": str(private_file(self.keys, key)),
        }
        command = ["replay", *arguments]
        return await asyncio.to_thread(
            lambda: CliRunner().invoke(topics_app, command, env=environment)
        )

    async def fetch(self, query: str, *values: Any) -> list[Any]:
        connection = await asyncpg.connect(self.dsn)
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    async def still_open(self) -> list[str]:
        query = "SELECT reason FROM dead_letter WHERE replayed_at IS NULL ORDER BY reason"
        return [row["reason"] for row in await self.fetch(query)]

    def _subscription(self) -> Subscription:
        sealer = Sealer.from_files(public_file(self.keys))
        return Subscription(
            service="escalation",
            handlers={"concern.held": self._handle},
            ignored=frozenset({"concern.amended"}),
            seal=lambda raw, context: sealer.seal("dead_letter", raw, context=context),
            clock=SystemClock(),
            on_poison=self._deal_with,
        )

    async def _deal_with(self, _: AsyncSession, record: Record, __: Event | None, ___: str) -> None:
        if record.value == b"toxic":
            raise LookupError
        self.dealt_with.append((record.key, record.value))

    async def _handle(self, _: AsyncSession, event: Event) -> None:
        if self.broken is True or (self.broken and self.broken in event.data.decode()):
            raise LookupError
        self.applied.append(event)


@pytest_asyncio.fixture
async def service(database: Database, sealing_keys: Path) -> AsyncIterator[Service]:
    engine = make_engine(database.dsn("escalation"), "test")
    yield Service(database.dsn("escalation"), sealing_keys, make_sessions(engine))
    await engine.dispose()


def held(subject: UUID, number: int = 1, **more: Any) -> Record:
    data = ConcernHeld(concern_id=subject, held=True, at=AT, actor_ref=f"ref-{number}")
    row = {
        "event_id": new_event_id(),
        "topic": TOPIC,
        "subject": subject,
        "type": "concern.held",
        "version": 1,
        "producer": "intake",
        "sequence": number,
        "occurred_at": AT.replace(second=number),
        "traceparent": None,
        "data": data.model_dump_json().encode(),
        **more,
    }
    return to_record(row)


def numbers(events: list[Event]) -> list[str]:
    return [ConcernHeld.model_validate_json(event.data).actor_ref for event in events]


async def test_what_was_put_right_is_applied_once_and_its_letter_closed(service: Service) -> None:
    await service.hear(held(uuid4()))
    service.broken = False
    said = await service.replay("--all")
    assert said.exit_code == 0, said.output
    await service.hear_its_outbox()
    assert numbers(service.applied) == ["ref-1"]
    assert await service.still_open() == []


async def test_later_events_of_the_concern_are_driven_in_their_order(service: Service) -> None:
    concern = uuid4()
    await service.hear(held(concern, 1))
    await service.hear(held(concern, 2), held(concern, 3))
    assert await service.still_open() == ["failed:LookupError", "held", "held"]
    service.broken = False
    assert (await service.replay("--all")).exit_code == 0
    await service.hear_its_outbox()
    assert numbers(service.applied) == ["ref-1", "ref-2", "ref-3"]
    assert await service.still_open() == []


async def test_replaying_twice_drives_once(service: Service) -> None:
    await service.hear(held(uuid4()))
    service.broken = False
    await service.replay("--all")
    again = await service.replay("--all")
    assert "under way" in again.output
    await service.hear_its_outbox()
    late = await service.replay("--all")
    assert late.exit_code == 0
    assert "0 driven again" in late.output
    await service.hear_its_outbox()
    assert len(service.applied) == 1


async def test_what_fails_again_stays_open_and_can_be_driven_once_more(service: Service) -> None:
    concern = uuid4()
    await service.hear(held(concern, 1), held(concern, 2))
    await service.replay("--all")
    await service.hear_its_outbox()
    assert service.applied == []
    assert await service.still_open() == ["failed:LookupError", "held"]
    service.broken = False
    await service.replay("--all")
    await service.hear_its_outbox()
    assert numbers(service.applied) == ["ref-1", "ref-2"]
    assert await service.still_open() == []


async def test_what_was_held_does_not_overtake_what_fails_again(service: Service) -> None:
    concern = uuid4()
    await service.hear(held(concern, 1), held(concern, 2))
    service.broken = "ref-1"
    await service.replay("--all")
    await service.hear_its_outbox()
    assert service.applied == []
    assert await service.still_open() == ["failed:LookupError", "held"]


async def test_what_waits_for_something_unreadable_can_be_driven(service: Service) -> None:
    concern = uuid4()
    await service.hear(Record(TOPIC, str(concern).encode(), b"?"), held(concern, 2))
    service.broken = False
    assert (await service.replay("--reason", "held")).exit_code == 0
    await service.hear_its_outbox()
    assert numbers(service.applied) == ["ref-2"]


async def test_a_held_event_is_not_driven_before_what_it_waits_for(service: Service) -> None:
    concern = uuid4()
    await service.hear(held(concern, 1), held(concern, 2))
    service.broken = False
    said = await service.replay("--reason", "held")
    assert said.exit_code == 1
    assert "replay that first" in said.output
    assert await service.fetch("SELECT * FROM outbox WHERE topic = $1", TOPIC) == []
    await service.replay("--reason", "failed:LookupError")
    assert (await service.replay("--reason", "held")).exit_code == 0
    await service.hear_its_outbox()
    assert numbers(service.applied) == ["ref-1", "ref-2"]


async def test_one_letter_can_be_chosen_by_its_id(service: Service) -> None:
    await service.hear(held(uuid4(), 1), held(uuid4(), 2))
    service.broken = False
    letters = await service.fetch('SELECT id FROM dead_letter ORDER BY "offset"')
    said = await service.replay("--id", str(letters[1]["id"]))
    assert said.exit_code == 0, said.output
    await service.hear_its_outbox()
    assert numbers(service.applied) == ["ref-2"]
    assert "not an open dead letter" in (await service.replay("--id", str(uuid4()))).output


async def test_a_dry_run_changes_nothing(service: Service) -> None:
    await service.hear(held(uuid4()))
    before = await service.fetch("SELECT * FROM outbox")
    said = await service.replay("--all", "--dry-run")
    assert "would be driven again" in said.output
    assert await service.fetch("SELECT * FROM outbox") == before
    assert (await service.replay("--all")).exit_code == 0


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (Record(TOPIC, str(uuid4()).encode(), b"\xff"), "cannot be read as an event"),
        (Record(TOPIC, None, b"{}"), "cannot be read as an event"),
        (held(uuid4(), type="concern.invented"), "does not know"),
        (held(uuid4(), version=9), "does not know"),
        (held(uuid4(), data=b'{"held": "perhaps"}'), "would fail again"),
    ],
)
async def test_what_cannot_be_applied_is_refused_in_a_sentence(
    service: Service, record: Record, sentence: str
) -> None:
    await service.hear(record)
    said = await service.replay("--all")
    assert said.exit_code == 1
    assert sentence in said.output
    assert len(await service.still_open()) == 1


async def test_an_erased_letter_and_a_wrong_key_are_refused(service: Service) -> None:
    await service.hear(held(uuid4()))
    assert "does not open" in (await service.replay("--all", key="details")).output
    await service.fetch("UPDATE dead_letter SET raw = NULL")
    assert "erased" in (await service.replay("--all")).output


async def test_nobody_else_applies_what_is_driven_for_one_consumer(service: Service) -> None:
    await service.hear(held(uuid4()))
    service.broken = False
    await service.replay("--all")
    await service.fetch("UPDATE outbox SET replay_for = 'notify'")
    await service.hear_its_outbox()
    assert service.applied == []


@pytest.mark.parametrize("arguments", [[], ["--all", "--reason", "held"]])
async def test_it_must_be_said_which(service: Service, arguments: list[str]) -> None:
    assert (await service.replay(*arguments)).exit_code == 2


async def test_what_is_ignored_never_waits_behind_a_dead_letter(service: Service) -> None:
    concern = uuid4()
    await service.hear(held(concern, 1))
    await service.hear(held(concern, 2, type="concern.amended"))
    assert await service.still_open() == ["failed:LookupError"]


async def test_another_version_of_an_event_is_never_taken_for_the_known_one(
    service: Service,
) -> None:
    service.broken = False
    await service.hear(held(uuid4(), version=2), held(uuid4(), 3))
    assert numbers(service.applied) == ["ref-3"]
    assert await service.still_open() == ["unknown_version"]


async def test_what_cannot_even_be_dealt_with_stops_nobody(service: Service) -> None:
    """Dealing with a bad record reads it too: if that fails, only its key is looked at."""
    service.broken = False
    concern = str(uuid4()).encode()
    await service.hear(Record(TOPIC, concern, b"toxic"), held(uuid4(), 2))
    assert numbers(service.applied) == ["ref-2"]
    assert service.dealt_with == [(concern, b"")]
    assert await service.still_open() == ["header-missing"]
