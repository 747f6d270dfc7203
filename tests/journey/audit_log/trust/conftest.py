"""The log with its checkpointer and witnesses, each over real HTTP where it is so in life."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from sqlalchemy import text

from audit_log.checkpointer.keyfile import KeyFile
from audit_log.checkpointer.memory import SignedMemory
from audit_log.checkpointer.run import Checkpointer
from audit_log.checkpointer.signing import Signing
from audit_log.checkpointer.witnesses import Witness
from audit_log.trust.notes import Note, parse_note
from audit_log.trust.policy import Known, Policy, parse_policy
from audit_log.trust.signers import Signer, parse_signer, signer
from audit_log.trust.vkeys import COSIGNATURE_ED25519, VerifierKey
from audit_log.witness.app import witness_app
from audit_log.witness.memory import Memory
from handrail.log_keys import make_log_keys, signing_file
from shared.clock import SetClock
from shared.db import make_engine, make_sessions
from tests.conftest import Database, TestIssuer
from tests.journey.audit_log.conftest import Log

ORIGIN = "log.example/handrail"


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The app behind a real socket; its address."""
    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@dataclass
class WitnessAt:
    """A witness of the tests: its key, its address, what it remembers."""

    name: str
    signer: Signer
    url: str
    memory: Memory


@dataclass
class Signed:
    """The log, and what is needed to sign it as the checkpointer does."""

    log: Log
    database: Database
    place: Path
    clock: SetClock
    witnesses: list[WitnessAt] = field(default_factory=list)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    needed: str = "any"

    @property
    def keys(self) -> list[VerifierKey]:
        lines = signing_file(self.place / "keys").read_text().split()
        return [parse_signer(line).key for line in lines]

    @property
    def policy(self) -> Policy:
        return parse_policy(self.policy_text.encode())

    @property
    def policy_text(self) -> str:
        lines = [f"log {key}" for key in self.keys]
        lines += [f"witness {one.name} {one.signer.key} {one.url}" for one in self.witnesses]
        names = " ".join(one.name for one in self.witnesses)
        quorum = [f"group them {self.needed} {names}", "quorum them"] if names else ["quorum none"]
        return "\n".join([*lines, *quorum, ""])

    async def add_witness(self, name: str) -> WitnessAt:
        key = signer(f"{name}.example", COSIGNATURE_ED25519)
        memory = Memory(self.place / f"{name}.sqlite")
        self.stack.callback(memory.close)
        app = witness_app(memory, (key,), self.keys, self.clock)
        url = await self.stack.enter_async_context(served(app))
        self.witnesses.append(WitnessAt(name, key, url, memory))
        return self.witnesses[-1]

    async def checkpointer(self, memory: str = "signed", dsn: str = "") -> Checkpointer:
        """As its process would be after a start; another `memory` is another machine's."""
        dsn = dsn or self.database.log_role("checkpointer")
        engine = make_engine(dsn, "checkpointer", 2)
        self.stack.push_async_callback(engine.dispose)
        client = await self.stack.enter_async_context(httpx2.AsyncClient(timeout=2))
        witnesses = [
            Witness(one.name, Known(one.signer.key, one.url), client) for one in self.witnesses
        ]
        signing = Signing(
            make_sessions(engine),
            SignedMemory(self.place / memory),
            KeyFile(signing_file(self.place / "keys")),
            dsn,
        )
        self.stack.push_async_callback(signing.close)
        return Checkpointer(signing, witnesses, self.policy, self.clock)

    async def grow(self, count: int) -> None:
        await self.log.hears(*(self.log.record("task.opened") for _ in range(count)))


async def forge(database: Database, *statements: str) -> None:
    """What only a superuser can do, and does: it leaves no trace in the database."""
    engine = make_engine(database.superuser, "superuser", 1)
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL search_path = audit_log"))
        await connection.execute(text("SET LOCAL event_triggers = off"))
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()


def bare(table: str, *statements: str) -> tuple[str, ...]:
    """The statements with the table's guard taken off."""
    return (f"ALTER TABLE {table} DISABLE TRIGGER append_only", *statements)


@pytest.fixture
async def signed(
    log: Log, database: Database, tmp_path: Path, clock: SetClock
) -> AsyncIterator[Signed]:
    make_log_keys(tmp_path / "keys", ORIGIN)
    async with AsyncExitStack() as stack:
        yield Signed(log, database, tmp_path, clock, stack=stack)


@pytest.fixture
async def address(log: Log) -> AsyncIterator[str]:
    """The log's own address."""
    async with served(log.app) as url:
        yield url


Fetch = Callable[[str], Awaitable[httpx2.Response]]


@pytest.fixture
async def as_auditor(address: str, issuer: TestIssuer) -> AsyncIterator[httpx2.AsyncClient]:
    headers = issuer.headers("auditor")
    async with httpx2.AsyncClient(base_url=address, headers=headers) as client:
        yield client


@pytest.fixture
async def as_anyone(address: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=address) as client:
        yield client


async def newest(client: httpx2.AsyncClient) -> Note:
    answer = await client.get("/checkpoint")
    assert answer.status_code == 200, answer.text
    return parse_note(answer.content)
