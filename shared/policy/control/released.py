"""Chooses for each day the packs that were released for it; what is not signed never decides."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Final

from shared.policy.control.dated import Chosen, Trouble
from shared.policy.control.drafts import MISSHAPEN, NATIONAL
from shared.policy.control.ledger import LOCK, Ledger
from shared.policy.control.statements import Release, Statement
from shared.policy.load import load_local, load_national
from shared.policy.pack import LocalPack, NationalPack
from shared.policy.packfile import PolicyError
from shared.policy.schema import load_schema

ALONE: Final = "the national rules alone decide there"


class ReleasedPacks:
    """`choose` for a directory under control. Raises PolicyError where no national pack is left."""

    def __init__(self, ledger: Ledger, unreleased: Iterable[Trouble]) -> None:
        self._ledger = ledger
        self._unreleased = tuple(unreleased)  # drafts that differ from what was signed
        self._packs = tuple(dict.fromkeys(r.statement.pack for r in ledger.releases))
        self._unusable = {
            release.statement.hash: why
            for release in ledger.releases
            if (why := ledger.why_not(release)) is not None
        }

    def turns(self) -> Iterator[date]:
        for release in self._ledger.releases:
            said = release.statement
            yield said.starts
            yield from (last + timedelta(days=1) for last in _last_days(said))

    def choose(self, day: date) -> Chosen:
        failed: list[tuple[str, str]] = []
        national, version = self._national(day, failed)
        versions = {NATIONAL: version}
        locals_: dict[str, LocalPack] = {}
        for pack in self._packs:
            if pack != NATIONAL and (local := self._local(pack, day, national, failed)):
                locals_[local.authority] = local
                versions[pack] = local.ref.version
        troubles = [Trouble(pack, why, _instead(pack, versions.get(pack))) for pack, why in failed]
        for trouble in self._unreleased:
            instead = _instead(trouble.pack, versions.get(trouble.pack))
            troubles.append(Trouble(trouble.pack, trouble.why, instead))
        return Chosen(national, locals_, tuple(troubles))

    def _national(self, day: date, failed: list[tuple[str, str]]) -> tuple[NationalPack, str]:
        for release in _best_first(self._ledger.of(NATIONAL), day):
            try:
                self._check(release, day)
                file = self._ledger.file_of(release)
                pack = load_national(file.read_bytes(), file.name, load_schema())
            except (PolicyError, OSError, *MISSHAPEN) as error:
                failed.append((NATIONAL, _words(error, release)))
                continue
            return pack, release.statement.version
        raise PolicyError([why for _, why in failed] or [f"{LOCK}:1: no national pack is released"])

    def _local(
        self, pack: str, day: date, national: NationalPack, failed: list[tuple[str, str]]
    ) -> LocalPack | None:
        for release in reversed(self._ledger.of(pack)):
            said = release.statement
            if said.starts > day:
                continue
            if said.ends is not None and said.ends < day:
                return None  # it was meant to end
            try:
                self._check(release, day)
                return load_local(self._ledger.file_of(release), load_schema(), national)
            except (PolicyError, OSError, *MISSHAPEN) as error:
                failed.append((pack, _words(error, release)))
        return None

    def _check(self, release: Release, day: date) -> None:
        said = release.statement
        if (why := self._unusable.get(said.hash)) is not None:
            raise PolicyError([f"{LOCK}:1: {said.pack} {said.version}: {why}"])
        until = said.accepted_until
        if until is not None and until < day:
            raise PolicyError([
                f"{LOCK}:1: {said.pack} {said.version}: what was accepted of it ended on {until}; "
                "mend the pack, or have it accepted anew, and release it"
            ])  # fmt: skip


def _best_first(releases: list[Release], day: date) -> list[Release]:
    """The one that holds, then older ones, then those to come: some national pack always is."""
    begun = [r for r in reversed(releases) if r.statement.starts <= day]
    return begun + [r for r in releases if r.statement.starts > day]


def _last_days(said: Statement) -> Iterator[date]:
    yield from (last for last in (said.ends, said.accepted_until) if last is not None)


def _instead(pack: str, version: str | None) -> str:
    return ALONE if version is None else f"{pack} {version} decides, as it was signed"


def _words(error: Exception, release: Release) -> str:
    if isinstance(error, PolicyError):
        return error.problems[0]
    said = release.statement
    return f"{LOCK}:1: {said.pack} {said.version}: its file cannot be used ({type(error).__name__})"
