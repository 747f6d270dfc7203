"""`handrail privacy` reaches a running demo by its directory, and an export leaves no table out."""

import asyncio
import importlib
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlmodel import SQLModel
from typer.testing import CliRunner, Result

import audit_log
import escalation
import intake
import notify
from handrail import migrations
from handrail.cli import build
from handrail.demo import DATABASE
from handrail.keys import make
from handrail.postgres import EmbeddedPostgres
from handrail.subject_access import HELD
from intake import models, privacy

NOBODY = "3f8b7c1e-5a0d-4c57-9d3e-0c6f5b1a2d44"
_GIVEN = f"""
INSERT INTO intake.submission (id, client, key_ref, received_at, excluded_refs, excluded_roles,
    exclude_school_staff, private, quarantined, synthetic, data_issues, dropped_media)
VALUES ('{NOBODY}', 'c', 'k', now(), '[]', '[]', false, false, false, true, '[]', 0);
INSERT INTO intake.concern (id, incident_id, subject_ref, subject_role)
VALUES ('{NOBODY}', '{NOBODY}', 'child-1', 'child');
INSERT INTO notify.task_link (task_id, case_id, sealed, ends_at)
VALUES ('{NOBODY}', '{NOBODY}', 'a-way-in', now() + interval '1 day');
"""
# Rows that are on their way or stand for events, and rows of the log that an export lists itself.
_NOT_KEPT = {"outbox", "inbox", "log_entry", "commitment", "dead_letter", "erased_subject"}
# What the log's entries are found and watched by: all of it is made from those entries alone.
_MADE_FROM_THE_LOG = ("search_", "watched_")


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A demo's directory with its PostgreSQL running, and one concern in it."""
    server = EmbeddedPostgres(tmp_path / "postgres")
    server.start()
    asyncio.run(migrations.prepare(server.dsn(), DATABASE))
    for schema in migrations.SCHEMAS.values():
        migrations.upgrade(schema.name, server.dsn(DATABASE, schema.migrator))
    make(tmp_path / "keys")

    async def give() -> None:
        connection = await asyncpg.connect(server.dsn(DATABASE))
        await connection.execute(_GIVEN)
        await connection.close()

    asyncio.run(give())
    yield tmp_path
    server.destroy()


def run(*arguments: str, data: Path, given: str | None = None) -> Result:
    command = ["privacy", *arguments, "--concern", NOBODY, "--by", "dpo", "--data", str(data)]
    return CliRunner().invoke(build("privacy"), command, input=given, env={})


def test_a_running_demo_is_reached_by_its_directory_alone(data: Path, tmp_path: Path) -> None:
    assert run("hold", data=data).exit_code == 0
    refused = run("erase", "--yes", data=data)
    assert (refused.exit_code, "is held" in refused.output) == (1, True)
    asked = ["privacy", "release", "--concern", NOBODY, "--data", str(data)]
    assert CliRunner().invoke(build("privacy"), asked, input="dpo\n", env={}).exit_code == 0
    assert run("correct", data=data, given="It was her brother.\n").exit_code == 0
    written = run("export", "--out", str(tmp_path / "x.json"), data=data)
    assert written.exit_code == 0
    (link,) = json.loads((tmp_path / "x.json").read_text())["notify"]["task_links"]
    assert link.keys() == {"task_id", "case_id", "ends_at"}
    assert run("erase", data=data, given="y\n").exit_code == 0
    assert run("erase", "--yes", data=data).exit_code == 1


def test_a_demo_that_does_not_run_is_told_in_a_sentence(tmp_path: Path) -> None:
    done = run("hold", data=tmp_path)
    assert done.exit_code == 1
    assert done.output.startswith("Nothing runs on")


def test_what_is_not_set_is_named_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HANDRAIL_DATABASE_URL", "HANDRAIL_MATCH_SECRET"):
        monkeypatch.delenv(name, raising=False)
    command = ["privacy", "hold", "--concern", NOBODY, "--by", "dpo"]
    done = CliRunner().invoke(build("privacy"), command)
    assert done.exit_code == 2
    assert "HANDRAIL_DATABASE_URL, HANDRAIL_MATCH_SECRET" in done.output


def test_an_export_covers_every_table_that_keeps_something_about_a_concern() -> None:
    for service in (intake, escalation, notify, audit_log):
        for module in pkgutil.walk_packages(service.__path__, f"{service.__name__}."):
            importlib.import_module(module.name)
    exported = {model.__tablename__ for rows in HELD.values() for model, _ in rows.values()}
    exported |= {
        str(model.__tablename__)
        for model in vars(models).values()
        if isinstance(model, type)
        and issubclass(model, SQLModel)
        and model.__name__ in _of_intake()
    }
    keeping = {
        str(mapper.local_table)
        for mapper in SQLModel._sa_registry.mappers
        if mapper.class_.__module__.split(".")[0] in ("intake", "escalation", "notify", "audit_log")
        and {"concern_id", "case_id", "subject"} & set(mapper.local_table.columns.keys())
    }
    made = {name for name in keeping if name.startswith(_MADE_FROM_THE_LOG)}
    assert keeping - exported - _NOT_KEPT - made == set()


def _of_intake() -> set[str]:
    """What intake's own export names."""
    return set(privacy.export.__code__.co_names)
