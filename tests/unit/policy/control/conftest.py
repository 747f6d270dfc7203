"""One directory with the national pack released, copied for each test."""

import shutil
from pathlib import Path

import pytest

from tests.unit.policy.control.desk import Desk, new_desk


@pytest.fixture(scope="session")
def first_desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return new_desk(tmp_path_factory.mktemp("desk") / "packs")


@pytest.fixture
def desk(first_desk: Desk, tmp_path: Path) -> Desk:
    shutil.copytree(first_desk.packs, tmp_path / "packs")
    return Desk(tmp_path / "packs", dict(first_desk.keys))
