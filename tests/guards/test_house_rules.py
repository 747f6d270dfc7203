"""What review forgets: what may be installed, how long files grow, what all services share."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = (ROOT / "requirements.lock", ROOT / "requirements-dev.lock")
SOURCES = sorted(
    path
    for top in ("services", "shared", "deploy")
    for path in (ROOT / top).rglob("*.py")
    if not {"migrations", "target", "node_modules"} & set(path.parts)
)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_is_pinned_with_hashes_and_without_an_address(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", lock.read_text().strip())
    assert all(re.match(r"[a-z0-9._-]+==\S+", entry) for entry in entries)
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in lock.read_text()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_signature_packages_with_known_flaws_are_not_installed(lock: Path) -> None:
    names = {line.split("==")[0] for line in lock.read_text().splitlines() if "==" in line}
    assert not names & {"ecdsa", "rsa"}
    assert "python-jose" in names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_source_file_is_one_idea_of_at_most_300_lines_that_says_what_it_is_for(
    path: Path,
) -> None:
    text = path.read_text()
    assert text.count("\n") <= 300
    assert not text.strip() or text.lstrip().startswith('"""')


def test_the_common_house_stays_small() -> None:
    files = [path.name for path in (ROOT / "shared").glob("*.py") if path.name != "__init__.py"]
    assert len(files) <= 12
    assert not {"utils.py", "helpers.py", "common.py", "base.py", "manager.py", "core.py"} & set(
        files
    )
