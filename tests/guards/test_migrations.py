"""The migrated tables are those of the models, and each service has one newest version."""

import pytest

from handrail import migrations
from tests.conftest import Database


@pytest.mark.parametrize("service", migrations.SCHEMAS)
def test_the_migrated_tables_are_those_of_the_models(service: str, database: Database) -> None:
    migrations.check(service, database.migrator(service))


@pytest.mark.parametrize("service", migrations.SCHEMAS)
def test_migrating_again_changes_nothing(service: str, database: Database) -> None:
    migrations.upgrade(service, database.migrator(service))
    migrations.check(service, database.migrator(service))
