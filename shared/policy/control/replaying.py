"""Decides stored decisions once more by the very packs they rested on, and compares every bit."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.policy.control.basis import Basis, basis_of, digest
from shared.policy.control.drafts import MISSHAPEN, NATIONAL
from shared.policy.control.ledger import RELEASED, hash_of
from shared.policy.decision import PackRef
from shared.policy.engine import Policy
from shared.policy.load import load_local, load_national
from shared.policy.packfile import PolicyError
from shared.policy.raising import instant, raise_to
from shared.policy.schema import load_schema

Json = dict[str, Any]


class NotKept(Exception):
    """A version that no directory holds: bring its file back from a copy."""


class Shelf:
    """Every version of every pack that some directories hold, by the hash of its content."""

    def __init__(self, directories: Iterable[Path]) -> None:
        self._files: dict[str, Path] = {}
        for directory in directories:
            for file in [*directory.glob(f"{RELEASED}/*.yaml"), *directory.glob("*.yaml")]:
                self._files.setdefault(hash_of(file.read_bytes()), file)
        self._made: dict[tuple[str, ...], Policy] = {}

    def policy(self, packs: tuple[PackRef, ...]) -> Policy:
        key = tuple(pack.hash for pack in packs)
        if key not in self._made:
            self._made[key] = self._make(packs)
        return self._made[key]

    def _make(self, packs: tuple[PackRef, ...]) -> Policy:
        schema = load_schema()
        try:
            file = next(self._file(pack) for pack in packs if pack.id == NATIONAL)
            national = load_national(file.read_bytes(), file.name, schema)
            found = [
                load_local(self._file(pack), schema, national)
                for pack in packs
                if pack.id != NATIONAL
            ]
        except (PolicyError, StopIteration, *MISSHAPEN) as error:
            raise NotKept(f"its packs do not load together: {error}") from error
        return Policy(schema, national, {pack.authority: pack for pack in found}, ())

    def _file(self, pack: PackRef) -> Path:
        if pack.hash not in self._files:
            raise NotKept(f"{pack.id} {pack.version} ({pack.hash}) is kept in none of the places")
        return self._files[pack.hash]


@dataclass(frozen=True, slots=True)
class Stored:
    """A case as escalation keeps it."""

    id: str
    subject_role: str
    priority: str
    facts: Mapping[str, Any]
    decision: Json
    basis: list[Json]


def mismatches(stored: Stored, shelf: Shelf) -> Iterator[str]:
    """What differs from what the rules say, in words; nothing where all is as it was decided."""
    if not stored.basis:
        yield "nothing says what its decision rests on"
        return
    expected: Json | None = None
    for number, entry in enumerate(stored.basis, 1):
        try:
            basis = basis_of(entry)
            decision = basis.decide(shelf.policy(basis.packs))
        except NotKept as error:
            yield f"decision {number}: {error}"
            return
        except (KeyError, TypeError, ValueError):
            yield f"decision {number}: what it rests on cannot be read"
            return
        if digest(decision.to_json()) != entry.get("outcome"):
            yield f"decision {number}: the rules answer otherwise now than was stored"
        expected = decision.to_json() if expected is None else raise_to(expected, decision)
    yield from _as_kept(stored, basis)
    yield from _no_lower(stored, expected or {})


def _as_kept(stored: Stored, last: Basis) -> Iterator[str]:
    if stored.basis[-1].get("kept") != digest(stored.decision):
        yield "its decision was changed after it was taken"
    if {"subject_role": stored.subject_role, **stored.facts} != last.facts:
        yield "its facts are not those that it was decided on"


def _no_lower(stored: Stored, expected: Json) -> Iterator[str]:
    """What was joined to it (advice, a person's reading) can only have raised it."""
    if stored.priority > expected["priority"]:
        yield f"its priority is {stored.priority}, and the rules say {expected['priority']}"
    there = {_key(action): action for action in stored.decision.get("actions", [])}
    for action in expected["actions"]:
        kept = there.get(_key(action))
        if kept is None:
            yield f"{action['route']} is not in its decision, and the rules ask for it"
        elif kept["priority"] > action["priority"] or instant(kept["by"]) > instant(action["by"]):
            yield f"{action['route']} is less urgent in its decision than the rules say"
    bans = {ban["code"] for ban in stored.decision.get("prohibitions", [])}
    for ban in expected["prohibitions"]:
        if ban["code"] not in bans:
            yield f"the prohibition {ban['code']} is not in its decision"


def _key(action: Json) -> tuple[Any, ...]:
    return tuple(action.get(name) for name in ("route", "subject", "la", "owner_role"))
