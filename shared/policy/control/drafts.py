"""A pack that somebody is changing: what is wrong with it, and whether it was released."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from shared.policy.checks import problems
from shared.policy.control.dated import Trouble
from shared.policy.control.ledger import LOCK, Ledger, hash_of
from shared.policy.control.structure import Packs
from shared.policy.engine import Policy
from shared.policy.examples import failures
from shared.policy.load import load_local, load_national
from shared.policy.pack import LocalPack, NationalPack
from shared.policy.packfile import PolicyError
from shared.policy.schema import load_schema

NATIONAL: Final = "national"
# A part of a quite different shape than packs have; the loader meets it as one of these.
MISSHAPEN: Final = (KeyError, AttributeError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Draft:
    """A pack as it stands, alone with the national pack it builds on."""

    national: NationalPack
    local: LocalPack | None = None

    @property
    def pack(self) -> NationalPack | LocalPack:
        return self.local or self.national

    def packs(self) -> Packs:
        locals_ = {} if self.local is None else {self.local.authority: self.local}
        return Packs(load_schema(), self.national, locals_)


def read_draft(file: Path, national: Path) -> Draft:
    """Raises PolicyError with every problem: of form, of contradiction, of the rules' examples."""
    try:
        base = load_national(national.read_bytes(), national.name, load_schema())
        if file.stem == NATIONAL:
            draft = Draft(base)
        else:
            draft = Draft(base, load_local(file, load_schema(), base))
    except MISSHAPEN as error:
        told = f"{file.name}:1: {error!r} is not as packs are; compare it with another pack"
        raise PolicyError([told]) from error
    packs = draft.packs()
    # A local pack's own rules are looked at; the national ones were when they were released.
    own = packs.national if draft.local is None else replace(packs.national, rules=())
    policy = Policy(packs.schema, own, packs.locals, ())
    found = [*problems(policy), *failures(policy)]
    if found:
        raise PolicyError(found)
    return draft


def unreleased(ledger: Ledger) -> Iterator[Trouble]:
    """The drafts of a directory that are not what was released, each with what to do first."""
    signed = {release.statement.hash for release in ledger.releases}
    base = next((ledger.file_of(r) for r in reversed([*ledger.usable(NATIONAL)])), None)
    for file in sorted(ledger.directory.glob("*.yaml")):
        try:
            if hash_of(file.read_bytes()) in signed:
                continue
            read_draft(file, file if file.stem == NATIONAL or base is None else base)
        except PolicyError as error:
            yield Trouble(file.stem, error.problems[0], "")
        except OSError as error:
            why = f"{file.name}:1: it cannot be read ({type(error).__name__}); see to its rights"
            yield Trouble(file.stem, why, "")
        else:
            newest = next((r.statement.version for r in reversed(ledger.of(file.stem))), None)
            was = f"changed since {newest} was signed" if newest else "not signed yet"
            told = f"it is {was} ({LOCK}); check, sign and release it"
            yield Trouble(file.stem, f"{file.name}:1: {told}", "")
