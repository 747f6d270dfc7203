"""What a bench stands on: a fresh PostgreSQL, keys, schools, and the processes it measures."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson

from handrail import keys, migrations
from handrail.bench import reference
from handrail.bench.reference import Row
from handrail.bench.sample import URN
from handrail.issuer import DEMO_ALGORITHM, DEMO_AUDIENCE, demo_jwks, issue
from handrail.postgres import EmbeddedPostgres
from handrail.seed import MIS_CLIENT, seed
from shared.auth import DEMO_ISSUER
from shared.clock import SystemClock

# As a server is set that does nothing else; nothing that a commit's safety depends on.
_OPTIONS: Final = ("shared_buffers=512MB", "max_wal_size=8GB")
# Nobody listens there: events wait in the outbox, as while Kafka is down.
NO_BUS: Final = "kafka://127.0.0.1:1"
# Of typical size. Taken while nothing brings the events away.
_TEMPLATE: Final = """
SELECT c.facts::text, c.decision::text, s.sealed_raw AS raw, convert_from(o.data, 'UTF8') AS data
FROM intake.concern c
JOIN intake.submission s ON s.id = c.incident_id
JOIN intake.outbox o ON o.subject = c.id
ORDER BY abs(length(o.data) - (SELECT avg(length(data)) FROM intake.outbox)) LIMIT 1
"""
_START_SECONDS: Final = 60.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Missing(Exception):
    """A process that is to be measured did not start."""


@dataclass
class Worker:
    """A process that answers on a port of this machine."""

    process: asyncio.subprocess.Process
    port: int

    def cpu_seconds(self) -> float:
        return _cpu_seconds(self.process.pid)

    def memory_mib(self) -> float:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return float("nan")


@dataclass
class Ground:
    """One place on disk; everything in it is gone afterwards."""

    place: Path
    postgres: EmbeddedPostgres
    workers: list[Worker] = field(default_factory=list)

    async def database(self, name: str) -> str:
        """A fresh migrated and seeded database; returns its superuser's DSN."""
        await migrations.prepare(self.postgres.dsn(), name)
        for schema in migrations.SCHEMAS.values():
            dsn = self.postgres.dsn(name, schema.migrator)
            await asyncio.to_thread(migrations.upgrade, schema.name, dsn)
        await seed(self.postgres.dsn, name, self.place / "keys", SystemClock())
        return self.postgres.dsn(name)

    async def reference_tables(self, database: str, row: Row | None = None) -> Row:
        """The references' tables beside ours, and one stored concern of ours as it is on disk."""
        connection = await asyncpg.connect(self.postgres.dsn(database))
        try:
            row = row or Row(**dict(await connection.fetchrow(_TEMPLATE)))
            await connection.execute(reference.SCHEMA)
        finally:
            await connection.close()
        return row

    def token(self) -> str:
        return issue(self.place, role="mis", client=MIS_CLIENT, school=URN, clock=SystemClock())

    async def service(self, service: str, database: str, bus: str | None = None) -> Worker:
        """bus: the embedded one of the database unless named."""
        dsn = self.postgres.dsn(database, migrations.SCHEMAS[service].role)
        opens = {"escalation": "details", "notify": "contacts"}.get(service)
        private = str(self.place / "keys" / "private" / f"{opens}.json") if opens else None
        settings = {
            "database_url": dsn,
            "bus": bus or dsn,
            "issuer": DEMO_ISSUER,
            "audience": DEMO_AUDIENCE,
            "algorithm": DEMO_ALGORITHM,
            "jwks_url": "http://127.0.0.1:1/jwks",
            "keys_public": str(keys.public_file(self.place / "keys")),
            "keys_private": private,
            "match_secret": keys.secret_file(self.place / "keys").read_text(),
            "synthetic": True,
            "origin": "http://127.0.0.1:1",
            "oidc_issuer": "http://127.0.0.1:1",
            "oidc_client_id": "handrail-pages",
            "oidc_client_secret": "only-in-benches",
            # One client sends everything here; it would be told to slow down.
            **({"client_rate": 1e9} if service == "intake" else {}),
        }
        told = {"side": service, "settings": settings, "issuer": str(self.place)}
        return await self.worker(f"{service}-{database}", told)

    async def worker(self, name: str, told: dict[str, Any]) -> Worker:
        file = self.place / f"{name}.json"
        file.write_text(json.dumps(told))
        with (self.place / f"{name}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "handrail.bench.worker",
                str(file),
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert process.stdout is not None  # noqa: S101 - piped just above
        line = await asyncio.wait_for(process.stdout.readline(), _START_SECONDS)
        if not line:
            last = (self.place / f"{name}.log").read_text().strip().splitlines()[-1:]
            raise Missing(f"{name} did not start: {' '.join(last)}")
        worker = Worker(process, int(line))
        self.workers.append(worker)
        return worker

    async def end(self, worker: Worker) -> None:
        self.workers.remove(worker)
        await _ended(worker.process)

    def postgres_cpu_seconds(self) -> float:
        """Of the server's processes that run now, and of those that have ended."""
        pid = int((self.postgres.data / "postmaster.pid").read_text().splitlines()[0])
        return sum(map(_cpu_seconds, (pid, *_children(pid)))) + _ended_children_seconds(pid)


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    place = Path(tempfile.mkdtemp(prefix="handrail-bench-"))
    postgres = EmbeddedPostgres(place / "postgres", _OPTIONS)
    found = Ground(place, postgres)
    try:
        postgres.start()
        keys.make(place / "keys")
        demo_jwks(place)
        yield found
    finally:
        for worker in found.workers:
            await _ended(worker.process)
        postgres.destroy()
        shutil.rmtree(place, ignore_errors=True)


class Load:
    """The process that sends; it answers one job with one line of figures."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self, **job: Any) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # noqa: S101 - piped below
        assert stdout is not None  # noqa: S101 - piped below
        stdin.write(orjson.dumps(job) + b"\n")
        line = await stdout.readline()
        if not line:
            raise Missing("the load's process ended: a side has closed its connections")
        found: dict[str, Any] = orjson.loads(line)
        return found


@asynccontextmanager
async def load() -> AsyncIterator[Load]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "handrail.bench.load",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        limit=1024 * 1024,
    )
    try:
        yield Load(process)
    finally:
        await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


def _stat(pid: int | str) -> list[str]:
    # The command's name stands in brackets and may hold anything.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _cpu_seconds(pid: int) -> float:
    try:
        fields = _stat(pid)
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _ended_children_seconds(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[13]) + int(fields[14])) / _TICKS


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if _stat(entry.name)[1] == str(parent):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
