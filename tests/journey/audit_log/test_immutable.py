"""What is in the log stays: every role tries every statement that could change it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest

from tests.conftest import Database
from tests.journey.audit_log.conftest import Log

IN_THE_TREE = (
    "log_entry", "log_entry_0", "log_event", "log_tile", "tree_head", "checkpoint", "cosignature",
    "erased_subject", "prune_step",
)  # fmt: skip
COLUMN = {
    "log_tile": "root", "tree_head": "root", "checkpoint": "note", "cosignature": "line",
    "erased_subject": "seq",
    "prune_step": "actor_ref",
}  # fmt: skip
ROLES: dict[str, Callable[[Database], str]] = {
    "sequencer": lambda database: database.dsn("audit-log"),
    "checkpointer": lambda database: database.log_role("checkpointer"),
    "reader": lambda database: database.log_role("reader"),
    "another service": lambda database: database.dsn("intake"),
    "migrator": lambda database: database.migrator("audit-log"),
    "superuser": lambda database: database.superuser,
    "superuser as a replica": lambda database: database.superuser,
}
CHANGES = (
    "ALTER TABLE audit_log.log_entry DISABLE TRIGGER append_only",
    "ALTER TABLE audit_log.log_entry_0 DISABLE TRIGGER ALL",
    "ALTER TABLE audit_log.tree_head ADD COLUMN more text",
    "ALTER TABLE audit_log.log_entry DETACH PARTITION audit_log.log_entry_0",
    "DROP TRIGGER append_only ON audit_log.log_entry",
    "DROP TABLE audit_log.log_entry CASCADE",
    "DROP TABLE audit_log.log_entry_0",
    "DROP VIEW audit_read.log_entry",
    "DROP SCHEMA audit_log CASCADE",
    "ALTER SCHEMA audit_log RENAME TO old_log",
    "ALTER TABLE audit_log.log_entry SET SCHEMA bus",
    "ALTER TABLE audit_log.log_entry RENAME TO old_entry",
    "CREATE TRIGGER mine BEFORE INSERT ON audit_log.log_entry EXECUTE FUNCTION "
    "audit_log.log_is_append_only()",
    "CREATE RULE mine AS ON INSERT TO audit_log.tree_head DO INSTEAD NOTHING",
    "CREATE OR REPLACE FUNCTION audit_log.log_is_append_only() RETURNS trigger "
    "LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
)


@asynccontextmanager
async def session_of(role: str, database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(ROLES[role](database))
    try:
        if role.endswith("replica"):
            await connection.execute("SET session_replication_role = replica")
        yield connection
    finally:
        await connection.close()


def forbidden(table: str) -> list[str]:
    column, name = COLUMN.get(table, "seq"), f"audit_log.{table}"
    return [
        f"UPDATE {name} SET {column} = {column}",
        f"UPDATE {name} SET {column} = {column} WHERE false",
        f"DELETE FROM {name}",
        f"TRUNCATE {name} CASCADE",
        f"MERGE INTO {name} USING (VALUES (1)) AS one(n) ON true WHEN MATCHED THEN DELETE",
    ]


@pytest.mark.parametrize("role", ROLES)
async def test_no_role_changes_or_deletes_what_is_in_the_tree(
    log: Log, database: Database, role: str
) -> None:
    await log.hears(log.record("task.opened"))
    before = await log.entries()
    async with session_of(role, database) as connection:
        for table in IN_THE_TREE:
            for statement in forbidden(table):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
    assert await log.entries() == before


@pytest.mark.parametrize("role", [role for role in ROLES if role != "migrator"])
async def test_nobody_but_a_migration_changes_the_shape_of_the_log(
    log: Log, database: Database, role: str
) -> None:
    await log.hears(log.record("task.opened"))
    async with session_of(role, database) as connection:
        for statement in CHANGES:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    assert len(await log.entries()) == 1


@pytest.mark.parametrize("role", ["sequencer", "superuser"])
async def test_a_setting_does_not_make_one_the_migrator(database: Database, role: str) -> None:
    """A name in a setting is anyone's to set; the session's own role is not."""
    async with session_of(role, database) as connection:
        for setting in ("SET audit.migrating = 'on'", "SET application_name = 'handrail-migrate'"):
            await connection.execute(setting)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("ALTER TABLE audit_log.tree_head ADD COLUMN more text")


@pytest.mark.parametrize("role", ["sequencer", "checkpointer", "reader"])
async def test_nobody_takes_the_owners_place_or_gives_rights_away(
    database: Database, role: str
) -> None:
    async with session_of(role, database) as connection:
        for statement in (
            "SET ROLE audit_log_owner",
            "SET SESSION AUTHORIZATION audit_log_migrator",
            "SET session_replication_role = replica",
            "SET event_triggers = off",
            "CREATE TABLE audit_log.mine (n int)",
        ):
            with pytest.raises(asyncpg.PostgresError):
                await connection.execute(statement)
        with suppress(asyncpg.InsufficientPrivilegeError):  # or a warning that nothing was granted
            await connection.execute("GRANT UPDATE, DELETE ON audit_log.log_entry TO intake")
        given = "SELECT has_table_privilege('intake', 'audit_log.log_entry', 'UPDATE, DELETE')"
        assert not await connection.fetchval(given)


async def test_a_temporary_table_is_no_change_of_the_log(database: Database) -> None:
    for role in ("sequencer", "superuser"):
        async with session_of(role, database) as connection:
            await connection.execute("CREATE TEMPORARY TABLE mine (n int)")
            await connection.execute("DROP TABLE mine")


async def test_the_checkpointer_sees_hashes_and_no_entry(log: Log, database: Database) -> None:
    await log.hears(log.record("task.opened"))
    async with session_of("checkpointer", database) as connection:
        assert await connection.fetchval("SELECT size FROM tree_head") == 1
        assert await connection.fetchval("SELECT length(leaf_hash) FROM log_entry") == 32
        for table in ("SELECT payload FROM log_entry", "SELECT * FROM dead_letter"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(table)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("INSERT INTO tree_head VALUES (9, '', '', now())")


async def test_the_reader_sees_entries_through_its_view_and_writes_nothing(
    log: Log, database: Database
) -> None:
    await log.hears(log.record("task.opened"))
    async with session_of("reader", database) as connection:
        assert await connection.fetchval("SELECT count(*) FROM log_entry") == 1
        for statement in (
            "SELECT * FROM audit_log.log_entry",
            "SELECT * FROM audit_log.commitment",
            "SELECT * FROM audit_log.outbox",
            "INSERT INTO log_entry (seq) VALUES (7)",
            "INSERT INTO tree_head VALUES (9, '', '', now())",
            "SELECT log_add_partitions_ahead()",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


async def test_the_service_makes_partitions_ahead_although_it_may_make_no_table(
    log: Log, database: Database
) -> None:
    async with session_of("sequencer", database) as connection:
        assert await connection.fetchval("SELECT log_add_partitions_ahead()") == 0
    last = (1 << 24) - 2
    async with session_of("superuser", database) as connection:
        await connection.execute("INSERT INTO audit_log.tree_head VALUES ($1, '', '', now())", last)
    async with session_of("sequencer", database) as connection:
        assert await connection.fetchval("SELECT log_add_partitions_ahead()") == 1
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("TRUNCATE audit_log.log_entry_16777216")
