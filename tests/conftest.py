"""What the tests stand on: a real PostgreSQL, sealing keys, an issuer of tokens, a clock to set."""

import asyncio
import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog
from pydantic import SecretStr

from handrail import migrations
from handrail.house import part
from handrail.issuer import DEMO_ALGORITHM, demo_jwks, issue
from handrail.keys import make, private_file, public_file, secret_file
from handrail.postgres import EmbeddedPostgres
from shared.auth import DEMO_ISSUER, FixedKeys, Role
from shared.clock import Clock, SetClock, SystemClock
from shared.sealing import KeyPurpose
from shared.settings import Settings

pytest_plugins = ["tests.house", "tests.kafka", "tests.turns"]


def required(part: str) -> bool:
    """Whether a missing part is a failure (CI) rather than a skip."""
    return part in os.environ.get("HANDRAIL_REQUIRE", "").split(",")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command that a test runs in this process configures logging, to a stream that then ends."""
    before, handlers = structlog.get_config(), logging.getLogger().handlers[:]
    yield
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()
    logging.getLogger().handlers[:] = handlers


def on_server(server: EmbeddedPostgres, *statements: str) -> None:
    """Outside any test's database; each statement in a transaction of its own."""

    async def run() -> None:
        connection = await asyncpg.connect(server.dsn())
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


_NOT_FOR_A_CRASH = ("fsync", "full_page_writes")
_RELOAD = "SELECT pg_reload_conf()"
_TEMPLATE = "handrail_template"
_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 2 * 2**30


@contextmanager
def _in_memory(server: EmbeddedPostgres) -> Iterator[str]:
    """Where the template goes, and with it each test's copy: where there is room, into memory. To
    write its three hundred files to a disk takes four times as long."""
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _ENOUGH_BYTES:
        yield ""
        return
    place = tempfile.mkdtemp(prefix="handrail-tests-", dir=_MEMORY)
    owner = server.data.stat()
    os.chown(place, owner.st_uid, owner.st_gid)
    on_server(server, f"CREATE TABLESPACE memory LOCATION '{place}'")
    yield "TABLESPACE memory"
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """Nobody cuts its power (tests/faults has servers of its own): it waits for no disk, which
    makes a database for each test three times as quick."""
    place = Path(tempfile.mkdtemp(prefix="handrail-tests-"))
    server = EmbeddedPostgres(place / "postgres")
    server.start()
    on_server(server, *(f"ALTER SYSTEM SET {name} = off" for name in _NOT_FOR_A_CRASH), _RELOAD)
    with _in_memory(server) as where:
        on_server(server, f'CREATE DATABASE "{_TEMPLATE}" {where}')
        yield server
        server.destroy()
    shutil.rmtree(place, ignore_errors=True)


@dataclass(frozen=True)
class Database:
    """One fresh database, migrated for every service."""

    server: EmbeddedPostgres
    name: str

    def dsn(self, service: str) -> str:
        return self.server.dsn(self.name, migrations.SCHEMAS[service].role)

    def migrator(self, service: str) -> str:
        return self.server.dsn(self.name, migrations.SCHEMAS[service].migrator)

    def log_role(self, name: str) -> str:
        """The audit log's `reader` or `checkpointer`."""
        return self.server.dsn(self.name, migrations.SCHEMAS["audit-log"].more[name])

    @property
    def superuser(self) -> str:
        return self.server.dsn(self.name)


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """A migrated database to copy from: copying takes milliseconds, migrating a second."""
    asyncio.run(migrations.prepare(postgres.dsn(), _TEMPLATE))
    for schema in migrations.SCHEMAS.values():
        migrations.upgrade(schema.name, postgres.dsn(_TEMPLATE, schema.migrator))
    return _TEMPLATE


@pytest.fixture
def database(postgres: EmbeddedPostgres, template: str) -> Iterator[Database]:
    name = f"handrail_{secrets.token_hex(6)}"
    # Files copied as they are: half the work of writing every page to the WAL.
    on_server(postgres, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    yield Database(postgres, name)
    on_server(postgres, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def durable(postgres: EmbeddedPostgres, database: Database) -> Iterator[None]:
    """The server as an operator must run it, for tests of services that look whether it is so."""
    on_server(postgres, *(f"ALTER SYSTEM RESET {name}" for name in _NOT_FOR_A_CRASH), _RELOAD)
    yield
    on_server(postgres, *(f"ALTER SYSTEM SET {name} = off" for name in _NOT_FOR_A_CRASH), _RELOAD)


@pytest.fixture(scope="session")
def sealing_keys() -> Iterator[Path]:
    """A directory as `handrail keys init` makes it."""
    place = Path(tempfile.mkdtemp(prefix="handrail-keys-"))
    make(place)
    yield place
    shutil.rmtree(place, ignore_errors=True)


@dataclass(frozen=True)
class TestIssuer:
    """The demo's issuer on a directory of the tests; `keys` is what a service verifies with."""

    __test__ = False

    directory: Path
    clock: Clock

    @property
    def keys(self) -> FixedKeys:
        return FixedKeys(demo_jwks(self.directory), DEMO_ALGORITHM)

    def token(self, role: Role, **how: Any) -> str:
        """`how` is as for the demo's `issue`: client=, school=, la=, route=, account=."""
        return issue(self.directory, role=role, clock=self.clock, **how)

    def headers(self, role: Role, **how: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(role, **how)}"}


@pytest.fixture(scope="session")
def issuer_directory() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="handrail-issuer-"))
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def clock() -> SetClock:
    """Tuesday 24 November 2026, ten in the morning in London; move it with `.set` or `.advance`."""
    return SetClock(datetime(2026, 11, 24, 10, 0, tzinfo=UTC))


@pytest.fixture
def issuer(issuer_directory: Path, clock: SetClock) -> TestIssuer:
    return TestIssuer(issuer_directory, clock)


@pytest.fixture
def wall_issuer(issuer_directory: Path) -> TestIssuer:
    """For processes that the tests start and whose clock they cannot set."""
    return TestIssuer(issuer_directory, SystemClock())


OPENS: dict[str, KeyPurpose] = {"escalation": "details", "notify": "contacts"}


@pytest.fixture
def settings_for(database: Database, sealing_keys: Path) -> Callable[..., Settings]:
    """`settings_for("intake", IntakeSettings, lanes=2)` for a service on the fresh database."""

    def make(service: str, kind: type[Settings] | None = None, **more: Any) -> Settings:
        values: dict[str, Any] = {
            "database_url": SecretStr(database.dsn(service)),
            "bus": SecretStr(database.dsn(service)),
            "issuer": DEMO_ISSUER,
            "jwks_url": "http://127.0.0.1:1/jwks",
            "algorithm": "ES256",
            "keys_public": public_file(sealing_keys),
            "keys_private": private_file(sealing_keys, OPENS[service])
            if service in OPENS
            else None,
            "match_secret": SecretStr(secret_file(sealing_keys).read_text()),
            "synthetic": True,
            "reader_database_url": SecretStr(database.log_role("reader")),
            "smtp_url": SecretStr("smtp://127.0.0.1:1"),
            "mail_from": "handrail@demo.example",
            "public_url": "http://127.0.0.1:1",
            "origin": "http://127.0.0.1:1",
            "oidc_issuer": "http://127.0.0.1:1",
            "oidc_client_id": "handrail-pages",
            "oidc_client_secret": SecretStr("only-in-tests"),
            "oidc_algorithm": "ES256",
        }
        return (kind or part(service).settings)(**(values | more))

    return make
