"""The migrated tables are those of the models, and each service has one newest version."""

import pytest
from alembic.config import Config
from sqlalchemy import text

from handrail import migrations
from tests.conftest import Database


@pytest.mark.parametrize("service", migrations.SCHEMAS)
def test_the_migrated_tables_are_those_of_the_models(service: str, database: Database) -> None:
    migrations.check(service, database.migrator(service))


@pytest.mark.parametrize("service", migrations.SCHEMAS)
def test_migrating_again_changes_nothing(service: str, database: Database) -> None:
    migrations.upgrade(service, database.migrator(service))
    migrations.check(service, database.migrator(service))


def test_a_migration_may_take_its_time_but_makes_nobody_wait_for_a_lock(database: Database) -> None:
    limits: dict[str, str] = {}

    def look(config: Config) -> None:
        for name in ("statement_timeout", "transaction_timeout", "lock_timeout"):
            shown = config.attributes["connection"].execute(text(f"SHOW {name}"))
            limits[name] = shown.scalar_one()

    migrations._run(migrations.SCHEMAS["intake"], database.migrator("intake"), look)
    assert limits == {
        "statement_timeout": "0",
        "transaction_timeout": "0",
        "lock_timeout": "2s",
    }
