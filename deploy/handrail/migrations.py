"""Each service's schema: made, moved forward, and held against the service's models."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

from shared.db import make_engine

ROOT = Path(__file__).parents[2]
_SHARED_TABLES = {"outbox", "producer", "inbox", "dead_letter"}
WITH_PAGES = {"escalation", "audit-log"}
# To fill a column or to build an index may take as long as it takes. Of a service's limits a
# migration keeps the one on locks, so that nobody queues behind it for long.
_ALL_ITS_TIME = """
SELECT set_config(name, '0', true)
FROM unnest(ARRAY[
    'statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout'
]) AS name
"""
_SIGN_IN_TABLES = {"web_session", "web_held"}


@dataclass(frozen=True)
class ServiceSchema:
    """name: as in its topic sources and commands; role: its PostgreSQL role and schema.

    migrator: who moves the schema forward; the service itself unless its role may not. more: roles
    besides, by what they are for.
    """

    name: str
    role: str
    package: str
    migrator: str
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def versions(self) -> Path:
        return ROOT / "services" / self.name / "migrations"


SCHEMAS = {
    schema.name: schema
    for schema in (
        ServiceSchema("intake", "intake", "intake", "intake"),
        ServiceSchema("escalation", "escalation", "escalation", "escalation"),
        ServiceSchema("notify", "notify", "notify", "notify"),
        ServiceSchema(
            "audit-log",
            "audit_log",
            "audit_log",
            "audit_log_migrator",
            {"reader": "audit_log_reader", "checkpointer": "audit_log_checkpointer"},
        ),
    )
}


def _tables(schema: ServiceSchema) -> set[str]:
    import_module(f"{schema.package}.models")
    import_module("shared.dead_letters")
    import_module("shared.inbox")
    import_module("shared.web.signin.models")
    mine = {
        str(mapper.local_table)
        for mapper in SQLModel._sa_registry.mappers
        if mapper.class_.__module__.split(".")[0] == schema.package
    }
    return mine | _SHARED_TABLES | (_SIGN_IN_TABLES if schema.name in WITH_PAGES else set())


def _run(schema: ServiceSchema, dsn: str, what: Callable[[Config], Any]) -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "deploy" / "handrail" / "alembic"))
    config.set_main_option("version_locations", str(schema.versions))
    config.set_main_option("path_separator", "os")
    config.attributes["tables"] = _tables(schema)

    def with_connection(connection: Connection) -> None:
        config.attributes["connection"] = connection
        what(config)

    async def run() -> None:
        engine = make_engine(dsn, f"handrail-migrate-{schema.name}", pool_size=1)
        try:
            async with engine.begin() as connection:
                await connection.execute(text(_ALL_ITS_TIME))
                await connection.run_sync(with_connection)
        finally:
            await engine.dispose()

    asyncio.run(run())


def upgrade(service: str, dsn: str) -> None:
    """Brings the service's schema to the newest version, in one transaction."""
    _run(SCHEMAS[service], dsn, lambda config: command.upgrade(config, "head"))


def check(service: str, dsn: str) -> None:
    """Raises alembic's `CommandError` where the migrated schema and the models differ."""
    _run(SCHEMAS[service], dsn, command.check)


def revise(service: str, dsn: str, message: str) -> None:
    """Writes the next migration from the difference between models and database."""
    _run(
        SCHEMAS[service],
        dsn,
        lambda config: command.revision(config, message, autogenerate=True),
    )


async def prepare(superuser_dsn: str, database: str) -> None:
    """Makes the embedded database with a role and a schema for each service, and the bus.

    Every statement may be run again. The roles have no password: the server listens only on a
    socket in a directory of its own.
    """
    connection = await asyncpg.connect(superuser_dsn)
    try:
        exists = "SELECT 1 FROM pg_database WHERE datname = $1"
        if not await connection.fetchval(exists, database):
            await connection.execute(f'CREATE DATABASE "{database}"')
        for schema in SCHEMAS.values():
            exists = "SELECT 1 FROM pg_roles WHERE rolname = $1"
            if not await connection.fetchval(exists, schema.role):
                await connection.execute(f'CREATE ROLE "{schema.role}" LOGIN')
    finally:
        await connection.close()
    connection = await asyncpg.connect(superuser_dsn, database=database)
    try:
        await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        await connection.execute((ROOT / "shared" / "bus" / "schema.sql").read_text())
        await connection.execute((ROOT / "services" / "audit-log" / "roles.sql").read_text())
        for schema in SCHEMAS.values():
            await connection.execute(
                f'CREATE SCHEMA IF NOT EXISTS "{schema.role}" AUTHORIZATION "{schema.role}"'
            )
            await connection.execute(f'GRANT bus_member TO "{schema.role}"')
    finally:
        await connection.close()
