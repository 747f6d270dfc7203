"""A database for each service alone, and one clear sentence where a setting is missing."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from handrail.postgres import EmbeddedPostgres
from tests.journey.compose.conftest import LOG_ROLES, ROLES, init_script, query
from tests.journey.compose.stack import SERVICES


def test_a_service_reaches_its_own_database_and_no_other(
    databases: EmbeddedPostgres, passwords: dict[str, str]
) -> None:
    for role in ROLES:
        mine = query(databases.dsn(role, role), "SELECT current_schema()", passwords[role])
        assert asyncio.run(mine) == role
        for other in ({*ROLES} - {role}) | {"postgres", "template1"}:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                asyncio.run(query(databases.dsn(other, role), "SELECT 1", passwords[role]))
    for role in LOG_ROLES:
        mine = query(databases.dsn("audit_log", role), "SELECT session_user", passwords[role])
        assert asyncio.run(mine) == role
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            asyncio.run(query(databases.dsn("intake", role), "SELECT 1", passwords[role]))


def test_a_wrong_password_does_not_open_a_database(
    databases: EmbeddedPostgres, passwords: dict[str, str]
) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(query(databases.dsn("intake", "intake"), "SELECT 1", passwords["notify"]))


def test_a_database_is_not_made_without_its_password(
    server: EmbeddedPostgres, passwords: dict[str, str]
) -> None:
    done = init_script(server, passwords | {"intake": ""})
    assert done.returncode == 1
    assert done.stderr == "Set INTAKE_PASSWORD: the role intake must have a password.\n"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_is_told_nothing_says_what_it_misses(service: str) -> None:
    done = without_settings("serve", service)
    assert done.returncode == 2
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("Not set, or not usable: HANDRAIL_BUS, HANDRAIL_DATABASE_URL, ")
    assert sentence.endswith(".")


@pytest.mark.parametrize("command", [("migrate", "intake"), ("topics", "create")])
def test_a_job_that_is_told_nothing_says_what_it_misses(command: tuple[str, str]) -> None:
    done = without_settings(*command)
    assert done.returncode == 2
    (sentence,) = done.stderr.splitlines()
    assert re.search(r"HANDRAIL_(DATABASE_URL|BUS)", sentence)


def without_settings(*command: str) -> "subprocess.CompletedProcess[str]":
    handrail = str(Path(sys.executable).with_name("handrail"))
    return subprocess.run(
        [handrail, *command], env={}, capture_output=True, text=True, check=False, timeout=60
    )
