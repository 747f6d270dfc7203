"""The lock of a directory of packs: every version that was ever released, and its file."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from shared.policy.control.approvers import Approvers, read_approvers
from shared.policy.control.statements import Malformed, Release, release_of

LOCK: Final = "released.lock"
APPROVERS: Final = "approvers.json"
RELEASED: Final = "released"
FORMAT: Final = 1
PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Ledger:
    """releases: oldest first. approvers: whose signatures count here."""

    directory: Path
    approvers: Approvers
    releases: tuple[Release, ...]

    def file_of(self, release: Release) -> Path:
        """Beside the drafts, so that a draft may break while what was signed stays."""
        said = release.statement
        return self.directory / RELEASED / f"{said.pack}@{said.version}.yaml"

    def of(self, pack: str) -> list[Release]:
        return [release for release in self.releases if release.statement.pack == pack]

    def why_not(self, release: Release) -> str | None:
        """What keeps a release from being used: its signatures, or its file."""
        said = release.statement
        if not (PLAIN_NAME.fullmatch(said.pack) and PLAIN_NAME.fullmatch(said.version)):
            return "its name or version holds more than letters, digits, dots and dashes"
        if (unsigned := self.approvers.why_not(release)) is not None:
            return unsigned
        file = self.file_of(release)
        try:
            changed = hash_of(file.read_bytes()) != said.hash
        except OSError:
            return f"{RELEASED}/{file.name} cannot be read; bring it back from a copy"
        return f"{RELEASED}/{file.name} was changed since it was signed" if changed else None

    def usable(self, pack: str) -> Iterator[Release]:
        return (release for release in self.of(pack) if self.why_not(release) is None)


def hash_of(raw: bytes) -> str:
    """As the loader names a pack's content."""
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def under_control(directory: Path, approvers: Path | None = None) -> bool:
    """Whether only what is signed counts there: somebody has said whose signatures do."""
    return approvers is not None or (directory / APPROVERS).exists()


def read_ledger(directory: Path, approvers: Path | None = None) -> Ledger:
    """Raises Malformed or OSError. Without a lock nothing has been released yet.

    approvers: kept where who writes the packs cannot write; else the file beside them.
    """
    allowed = read_approvers(approvers or directory / APPROVERS)
    file = directory / LOCK
    if not file.exists():
        return Ledger(directory, allowed, ())
    try:
        body = json.loads(file.read_bytes())
        releases = tuple(release_of(entry) for entry in body["releases"])
        known = body["format"] == FORMAT
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(f"{LOCK}: this is no lock; bring it back from a copy") from error
    if not known:
        raise Malformed(f"{LOCK}: it was written by a newer Handrail; update this one")
    return Ledger(directory, allowed, releases)


def written(releases: tuple[Release, ...]) -> str:
    """The lock's text: one order, so that a review shows only what was added."""
    body = {"format": FORMAT, "releases": [release.to_json() for release in releases]}
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def weaknesses(ledger: Ledger, today: date) -> Iterator[str]:
    """What is wrong with the lock itself: signatures, files, and acceptances that have ended."""
    for release in ledger.releases:
        said = release.statement
        if (why := ledger.why_not(release)) is not None:
            yield f"{LOCK}:1: {said.pack} {said.version}: {why}"
    for pack in dict.fromkeys(release.statement.pack for release in ledger.releases):
        for acceptance in ledger.of(pack)[-1].statement.accepted:
            if not acceptance.holds_on(today):
                yield (
                    f"{LOCK}:1: {pack}: what was accepted ended on {acceptance.expires}: "
                    f"{acceptance.says}; mend the pack, or accept it anew, and release it"
                )
