"""Node and its packages where a test needs them; without them it skips, or fails where required."""

import fcntl
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from tests.conftest import required

ROOT = Path(__file__).parents[1]


def node_with(folder: Path) -> str:
    """The path of node, with the packages of the folder's lock file installed beside it."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        _missing("Node is missing: install Debian's packages nodejs and npm")
    lock = folder / "package-lock.json"
    installed = folder / "node_modules" / ".package-lock.json"
    with lock.open() as mine:
        fcntl.flock(mine, fcntl.LOCK_EX)  # two workers of one run
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            done = subprocess.run(
                [npm, "ci", "--silent"], cwd=folder, capture_output=True, text=True, check=False
            )
            if done.returncode:
                _missing(f"npm ci failed in {folder.relative_to(ROOT)}: is there a registry?")
            installed.touch()
    return node


def _missing(sentence: str) -> NoReturn:
    if required("node"):
        pytest.fail(sentence)
    pytest.skip(sentence)
