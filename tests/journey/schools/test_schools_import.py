"""The public register of schools comes in whole, or not at all with the line that is wrong."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import Database

HANDRAIL = Path(sys.executable).parent / "handrail"
HEAD = (
    '"URN","LA (code)","EstablishmentName","EstablishmentStatus (name)","PhaseOfEducation (name)"\n'
)
OPEN = '"100001","821","Invented École","Open","Primary"\n'
CLOSED = '"100002","821","Invented Old School","Closed","Primary"\n'
RESERVED = '"999001","821","Not of the register","Open","Primary"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "register.csv"


def run(file: Path, database: Database) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(HANDRAIL), "schools", "import", str(file)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"HANDRAIL_DATABASE_URL": database.dsn("intake")},
    )


async def stored(database: Database) -> list[tuple[str, str, str]]:
    connection = await asyncpg.connect(database.dsn("intake"))
    try:
        rows = await connection.fetch("SELECT urn, la, name FROM school ORDER BY urn")
    finally:
        await connection.close()
    return [tuple(row) for row in rows]


def test_open_schools_come_in_and_closed_or_reserved_ones_do_not(
    file: Path, database: Database
) -> None:
    file.write_text(HEAD + OPEN + CLOSED + RESERVED, encoding="cp1252")
    done = run(file, database)
    assert (done.returncode, done.stdout) == (0, "1 schools are in the register now.\n"), (
        done.stderr
    )
    assert asyncio.run(stored(database)) == [("100001", "821", "Invented École")]


def test_a_wrong_line_is_named_and_nothing_is_stored(file: Path, database: Database) -> None:
    file.write_text(HEAD + OPEN + '"12","821","Short","Open","Primary"\n', encoding="cp1252")
    done = run(file, database)
    assert done.returncode == 1
    assert "line 3 has no six-digit URN" in done.stderr
    assert asyncio.run(stored(database)) == []


def test_another_file_is_refused_with_what_to_give(file: Path, database: Database) -> None:
    file.write_text("a,b\n1,2\n")
    done = run(file, database)
    assert done.returncode == 1
    assert "Get Information About Schools" in done.stderr
