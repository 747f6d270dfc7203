"""Keys are made, rotated and retired on the command line while services keep running."""

import json
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from handrail.files import only_one
from handrail.keys import keys_app, make, private_file, public_file, secret_file
from shared.sealing import KEY_PURPOSES, KeyPurpose, Opener, SealBroken, Sealer

CONCERN = "5f0c6f3e-9a52-4d0e-8a35-1f0a6f0d9b11"


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(keys_app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def kids(file: Path) -> list[str]:
    return [key["kid"] for key in json.loads(file.read_bytes())["keys"]]


def opener(directory: Path, purpose: KeyPurpose) -> Opener:
    return Opener.from_files(private_file(directory, purpose), recheck_seconds=0)


def sealer(directory: Path) -> Sealer:
    return Sealer.from_files(public_file(directory), recheck_seconds=0)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    directory = tmp_path / "keys"
    assert run("init", "--dir", directory)[0] == 0
    return directory


def test_what_init_makes_seals_and_opens_each_purpose(keys: Path) -> None:
    for purpose in KEY_PURPOSES:
        blob = sealer(keys).seal(purpose, b"a", context=CONCERN)
        assert opener(keys, purpose).open(purpose, blob, context=CONCERN) == b"a"


def test_only_the_owner_reads_any_of_the_files(keys: Path) -> None:
    files = [path for path in keys.rglob("*") if path.is_file() and path.name != ".lock"]
    assert len(files) == 5
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_the_public_file_holds_no_private_part(keys: Path) -> None:
    assert not any("d" in key for key in json.loads(public_file(keys).read_bytes())["keys"])


def test_init_never_replaces_keys(keys: Path) -> None:
    before = public_file(keys).read_bytes(), secret_file(keys).read_bytes()
    assert run("init", "--dir", keys)[0] == 1
    make(keys)
    assert (public_file(keys).read_bytes(), secret_file(keys).read_bytes()) == before


def test_a_running_service_seals_with_the_rotated_key_and_opens_both(keys: Path) -> None:
    running, reading = sealer(keys), opener(keys, "details")
    before = running.seal("details", b"before", context=CONCERN)
    assert run("rotate", "--purpose", "details", "--dir", keys)[0] == 0
    after = running.seal("details", b"after", context=CONCERN)
    assert before.split(".")[0] != after.split(".")[0]
    assert reading.open("details", before, context=CONCERN) == b"before"
    assert reading.open("details", after, context=CONCERN) == b"after"
    assert len(kids(private_file(keys, "details"))) == 2
    assert len(kids(private_file(keys, "contacts"))) == 1


def test_a_retired_key_opens_nothing_any_more(keys: Path) -> None:
    blob = sealer(keys).seal("details", b"a", context=CONCERN)
    (old,) = kids(private_file(keys, "details"))
    run("rotate", "--purpose", "details", "--dir", keys)
    assert run("retire", "--kid", old, "--dir", keys)[0] == 0
    with pytest.raises(SealBroken):
        opener(keys, "details").open("details", blob, context=CONCERN)


def test_the_key_in_use_cannot_be_retired(keys: Path) -> None:
    (current,) = kids(private_file(keys, "details"))
    code, told = run("retire", "--kid", current, "--dir", keys)
    assert (code, "rotate its purpose first" in told) == (1, True)
    assert kids(private_file(keys, "details")) == [current]


@pytest.mark.parametrize(
    "arguments", [("retire", "--kid", "nobody"), ("rotate", "--purpose", "all")]
)
def test_a_key_or_purpose_that_is_not_there_is_told(keys: Path, arguments: tuple[Any, ...]) -> None:
    assert run(*arguments, "--dir", keys)[0] != 0


def test_a_rotation_waits_for_another_to_end_so_that_no_private_key_is_lost(keys: Path) -> None:
    before = public_file(keys).read_bytes()
    rotation = threading.Thread(target=run, args=("rotate", "--purpose", "details", "--dir", keys))
    with only_one(keys):
        rotation.start()
        rotation.join(0.3)
        assert public_file(keys).read_bytes() == before
    rotation.join()
    assert public_file(keys).read_bytes() != before
