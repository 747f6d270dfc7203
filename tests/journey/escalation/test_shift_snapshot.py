"""A queue on paper for when the system is away: sealed to the authority, and with nobody in it."""

import asyncio
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from handrail.snapshot import _forget, snapshot_app
from tests.conftest import Database
from tests.journey.escalation.house import House


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    assert run("key", "--dir", tmp_path / "keys").exit_code == 0
    return tmp_path / "keys"


def run(*arguments: object, **env: str) -> Result:
    return CliRunner().invoke(snapshot_app, [str(a) for a in arguments], env=env)


async def taken(house: House, keys: Path, out: Path, reader: str = "anna", **more: str) -> Result:
    options = {"--route": "MASH", "--la": "821", "--reader": reader} | more
    options |= {"--for": str(keys / "snapshot.public.json"), "-o": str(out)}
    env = {
        "HANDRAIL_DATABASE_URL": house.database.dsn("escalation"),
        "HANDRAIL_MATCH_SECRET": house.runtime.secret.decode(),
    }
    flat = [part for pair in options.items() for part in pair]
    return await asyncio.to_thread(run, *flat, **env)


def opened(file: Path, keys: Path) -> str:
    page = file.with_suffix(".html")
    result = run("open", file, "--key", keys / "snapshot.private.json")
    assert result.exit_code == 0, result.output
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    return page.read_text()


async def test_a_snapshot_opens_to_the_queue_with_what_is_to_be_spoken_of(
    house: House, keys: Path, tmp_path: Path
) -> None:
    life = await house.raised(facts={"immediate_danger": "yes"})
    plain = await house.raised(facts={"concern_types": ["neglect"]})
    file = tmp_path / "mash.snapshot"
    result = await taken(house, keys, file)
    assert result.exit_code == 0, result.output
    assert "2 unfinished, sealed." in result.output
    html = opened(file, keys)
    for told in (str(life)[-8:].upper(), str(plain)[-8:].upper(), "Life in danger", "neglect"):
        assert told in html
    assert "DRILL" in html, "an invented concern is never mistaken for a real one"
    assert "what was said" not in html


async def test_what_lies_on_the_disk_tells_nothing_but_whose_it_is(
    house: House, keys: Path, tmp_path: Path
) -> None:
    case_id = await house.raised()
    file = tmp_path / "mash.snapshot"
    await taken(house, keys, file)
    kept = file.read_text()
    assert kept.startswith("MASH-821 ey")
    assert str(case_id)[-8:].upper() not in kept


async def test_a_long_queue_is_whole(house: House, keys: Path, tmp_path: Path) -> None:
    await house.raised()
    await house.sql(
        "INSERT INTO task (id, case_id, kind, route, la, priority, rank, due_at, certainty, "
        "opened_at, owner, owner_role, channel, contact, script, because, read_only, state, "
        "notice_failed, version) SELECT gen_random_uuid(), case_id, kind, route, la, priority, "
        "rank, due_at, certainty, opened_at, owner, owner_role, channel, contact, script, because, "
        "read_only, state, notice_failed, version FROM task, generate_series(1, 250) "
        "WHERE route = 'MASH'"
    )
    file = tmp_path / "mash.snapshot"
    assert "251 unfinished" in (await taken(house, keys, file)).output
    assert opened(file, keys).count("<tr>") == 252


async def test_what_its_reader_may_not_know_of_is_left_out(
    house: House, keys: Path, tmp_path: Path
) -> None:
    hidden = str(await house.raised(excluded_refs=[house.ref("anna")]))[-8:].upper()
    for reader, knows in (("anna", False), ("ben", True)):
        file = tmp_path / f"{reader}.snapshot"
        await taken(house, keys, file, reader)
        assert (hidden in opened(file, keys)) is knows


async def test_another_key_or_a_changed_file_opens_nothing(
    house: House, keys: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mash.snapshot"
    await taken(house, keys, file)
    run("key", "--dir", tmp_path / "other")
    wrong = run("open", file, "--key", tmp_path / "other" / "snapshot.private.json")
    assert wrong.exit_code == 1
    file.write_text(file.read_text().replace("MASH-821", "EDT-821"))
    assert run("open", file, "--key", keys / "snapshot.private.json").exit_code == 1
    assert not file.with_suffix(".html").exists()


async def test_while_the_database_is_away_the_last_snapshot_stays(
    house: House, keys: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mash.snapshot"
    await taken(house, keys, file)
    before = file.read_bytes()
    house.database = Database(house.database.server, "gone")
    again = await taken(house, keys, file)
    assert again.exit_code == 1
    assert "No snapshot" in again.output
    assert file.read_bytes() == before


def test_old_snapshots_go_and_nothing_else(tmp_path: Path) -> None:
    now = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    old, new = "MASH-821-20261123T095900Z.snapshot", "MASH-821-20261123T100100Z.snapshot"
    others = ("MASH-886-20261101T000000Z.snapshot", "MASH-821-notes.snapshot", "keys.json")
    for name in (old, new, *others):
        (tmp_path / name).touch()
    _forget(tmp_path, "MASH-821-", now - timedelta(hours=24))
    assert {path.name for path in tmp_path.iterdir()} == {new, *others}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "Give --route, --la, --reader, --for and -o"),
        (("--route", "../x", "--la", "821"), "Give --route"),
    ],
)
def test_what_is_missing_is_said(options: tuple[str, ...], says: str) -> None:
    result = run(*options)
    assert result.exit_code == 2
    assert says in result.output


def test_a_key_is_never_replaced(keys: Path) -> None:
    again = run("key", "--dir", keys)
    assert again.exit_code == 1
    assert "already holds a key" in again.output
