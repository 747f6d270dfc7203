"""Notify on a real PostgreSQL, with a real SMTP server that answers as it is told."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SmtpSession
from pydantic import SecretStr
from sqlalchemy import text

from handrail.mailsink import MailSink
from notify.app import create_app, subscription
from notify.directory import DirectoryRow, import_directory
from notify.sender import send_next
from notify.settings import NotifySettings
from shared.app import Runtime
from shared.bus import Batch
from shared.bus.cloudevents import to_record
from shared.clock import SetClock
from shared.events.catalogue import TOPIC_OF
from shared.events.envelope import new_event_id
from shared.inbox import apply
from shared.outbox import commit
from shared.settings import Settings
from tests.conftest import TestIssuer

URN, LA = "999002", "821"
DSL, DEPUTY = "dsl@school.example", "deputy@school.example"
HEAD, CHAIR = "head@school.example", "chair@school.example"
MASH = "duty@mash.example"


class Server(MailSink):
    """Answers each recipient with the next of `answers`, and takes the mail when none is left."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[str] = []

    async def handle_RCPT(
        self, _server: SMTP, _session: SmtpSession, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        answer = self.answers.pop(0) if self.answers else "250 Yes"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    @property
    def recipients(self) -> list[str]:
        return sorted(address for mail in self.mails for address in mail.to)


@dataclass
class Notify:
    """The service without its background work: a test says what happens, and when."""

    runtime: Runtime
    clock: SetClock
    app: Any
    sequence: int = 0

    async def hears(
        self, kind: str, subject: UUID, data: dict[str, Any], *, again: UUID | None = None
    ) -> UUID:
        self.sequence += 1
        event_id = again or new_event_id()
        row = {
            "event_id": event_id,
            "topic": TOPIC_OF[kind],
            "subject": subject,
            "type": kind,
            "version": 1,
            "producer": "test",
            "sequence": self.sequence,
            "occurred_at": self.clock.now(),
            "traceparent": None,
            "data": json.dumps(data, default=str).encode(),
        }
        record = to_record(row)
        await apply(
            Batch(record.topic, 0, (record,)), self.runtime.sessions, subscription(self.runtime)
        )
        return event_id

    async def sends(self) -> int:
        """Sends all that is due; how many attempts that took."""
        count = 0
        while await send_next(self.runtime):
            count += 1
        return count

    async def told(self) -> list[dict[str, Any]]:
        """The events that notify emitted: their type and their data."""
        rows = await self.rows("SELECT type, data FROM outbox ORDER BY seq")
        return [{"type": row["type"], **json.loads(row["data"])} for row in rows]

    async def rows(self, statement: str) -> list[dict[str, Any]]:
        async with self.runtime.sessions() as session:
            return [dict(row) for row in (await session.execute(text(statement))).mappings()]

    async def directory(self, rows: Sequence[DirectoryRow], *, synthetic: bool = False) -> None:
        async with self.runtime.sessions() as session:
            await import_directory(session, rows, synthetic=synthetic)
            await commit(session)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    running = Server()
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def notify(
    settings_for: Callable[..., Settings], clock: SetClock, issuer: TestIssuer, server: Server
) -> AsyncIterator[Notify]:
    settings = settings_for(
        "notify",
        NotifySettings,
        smtp_url=SecretStr(server.url),
        mail_from="notices@handrail.example",
        public_url="https://handrail.example",
    )
    assert isinstance(settings, NotifySettings)
    app = create_app(settings, clock, issuer.keys)
    service = Notify(app.state.runtime, clock, app)
    yield service
    await service.runtime.engine.dispose()


def school(**refs: str) -> list[DirectoryRow]:
    """The posts of one school; `refs` says whose account alone reads a post's address."""
    return [
        DirectoryRow(kind="urn", urn=URN, post=post, email=email, account_ref=refs.get(post))
        for post, email in (
            ("dsl", DSL),
            ("deputy_dsl", DEPUTY),
            ("head", HEAD),
            ("chair", CHAIR),
        )
    ]


def team(route: str = "MASH", la: str | None = LA, email: str = MASH) -> DirectoryRow:
    return DirectoryRow(kind="team", route=route, la=la, post="queue", email=email)


def task(at: datetime, case_id: UUID | None = None, **changes: Any) -> dict[str, Any]:
    """The data of task.opened."""
    return {
        "task_id": uuid4(),
        "case_id": case_id or uuid4(),
        "route": "MASH",
        "la": LA,
        "urn": URN,
        "priority": "P1",
        "certainty": "certain",
        "opened_at": at.isoformat(),
        "by": None,
        "hard_by": None,
        "owner": "the authority's team",
        "owner_role": "team",
        "owner_ref": None,
        "channel": "QUEUE",
        "rules": ["NAT-GEN-04"],
        "excluded_refs": [],
        "exclude_school_staff": False,
        "synthetic": False,
    } | changes


def reminder(of: dict[str, Any], at: datetime, step: str) -> dict[str, Any]:
    """The data of task.reminded about a task."""
    same = (
        "task_id", "case_id", "route", "priority", "la", "urn", "owner", "owner_role", "owner_ref",
        "excluded_refs", "exclude_school_staff", "synthetic",
    )  # fmt: skip
    return {name: of[name] for name in same} | {"at": at.isoformat(), "step": step}
