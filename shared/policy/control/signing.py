"""From a changed pack to a release: what it takes away, who accepts that, and who signs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from shared.policy import yaml12
from shared.policy.control.changes import Change, losses, thinned
from shared.policy.control.drafts import NATIONAL, Draft, read_draft
from shared.policy.control.ledger import PLAIN_NAME, Ledger
from shared.policy.control.statements import Acceptance, Release, Statement
from shared.policy.control.structure import Packs
from shared.policy.load import load_local, load_national
from shared.policy.pack import LocalPack
from shared.policy.packfile import PolicyError
from shared.policy.schema import load_schema

ACCEPTED: Final = "accepted.yaml"
SIGNING: Final = "signing"
TWO: Final = 2


@dataclass(frozen=True, slots=True)
class Prepared:
    """What would be signed, had nobody to accept anything; and what somebody has to accept.

    against: the version that it must not be weaker than, or None for a first one.
    losses: each weaker region, and what a rule asks no more by itself.
    """

    draft: Draft
    statement: Statement
    against: Release | None
    losses: tuple[Change, ...]


def prepare(ledger: Ledger, file: Path) -> Prepared:
    """Raises PolicyError for a pack that cannot be released, whoever would sign it."""
    national = file if file.stem == NATIONAL else _national_of(ledger, file)
    draft = read_draft(file, national)
    pack = draft.pack
    newest = next(reversed([*ledger.usable(pack.ref.id)]), None)
    _check_names(draft, file, ledger, newest)
    statement = Statement(
        pack=pack.ref.id,
        version=pack.ref.version,
        hash=pack.ref.hash,
        in_force=pack.in_force.isoformat(),
        in_force_to=pack.in_force_to.isoformat() if pack.in_force_to else None,
        follows=newest.statement.hash if newest else None,
    )
    against = _never_accepted(ledger, newest)
    if draft.local is None:
        _check_local_packs(ledger, draft)
    else:
        _check_national_packs(ledger, draft.local, file)
    if against is None:
        return Prepared(draft, statement, None, ())
    before = _packs_of(ledger, against, draft)
    less = [
        change
        for changes in (losses, thinned)
        for change in changes(before, draft.packs(), pack.in_force)
    ]
    return Prepared(draft, statement, against, tuple(less))


def _national_of(ledger: Ledger, file: Path) -> Path:
    """A local pack builds on the national one that is signed."""
    newest = next(reversed([*ledger.usable(NATIONAL)]), None)
    if newest is None:
        raise PolicyError([f"{file.name}:1: no national pack is released; release that one first"])
    return ledger.file_of(newest)


def _check_names(draft: Draft, file: Path, ledger: Ledger, newest: Release | None) -> None:
    ref, found = draft.pack.ref, []
    if ref.id != file.stem:
        found.append(f"`pack: {ref.id}` stands in {file.name}; a pack's file has its name")
    if not (PLAIN_NAME.fullmatch(ref.id) and PLAIN_NAME.fullmatch(ref.version)):
        found.append("a name and a version hold letters, digits, dots and dashes only")
    if any(r.statement.version == ref.version for r in ledger.of(ref.id)):
        found.append(f"version {ref.version} was released before; give the pack a new `version`")
    if newest and draft.pack.in_force < newest.statement.starts:
        found.append(
            f"it would be in force before {newest.statement.version}, which it follows; "
            f"let `in_force` begin on {newest.statement.in_force} or later"
        )
    if found:
        raise PolicyError(f"{file.name}:1: {each}" for each in found)


def _never_accepted(ledger: Ledger, newest: Release | None) -> Release | None:
    """The last version of which no weaker answer had to be accepted: what has been is accepted
    anew with each release, or ends."""
    by_hash = {release.statement.hash: release for release in ledger.releases}
    while newest is not None and newest.statement.accepted_until is not None:
        newest = by_hash.get(newest.statement.follows or "")
    return newest


def _packs_of(ledger: Ledger, release: Release, draft: Draft) -> Packs:
    file, schema = ledger.file_of(release), load_schema()
    if draft.local is None:
        return Packs(schema, load_national(file.read_bytes(), file.name, schema), {})
    local = load_local(file, schema, draft.national)
    return Packs(schema, draft.national, {local.authority: local})


def _check_local_packs(ledger: Ledger, draft: Draft) -> None:
    """What is released of the authorities must still fit a new national pack."""
    for pack in dict.fromkeys(r.statement.pack for r in ledger.releases):
        newest = next(reversed([*ledger.usable(pack)]), None)
        if pack != NATIONAL and newest is not None:
            load_local(ledger.file_of(newest), load_schema(), draft.national)


def _check_national_packs(ledger: Ledger, local: LocalPack, file: Path) -> None:
    """One that comes into force later is signed already: until then the one before it holds."""
    begun = [r for r in ledger.usable(NATIONAL) if r.statement.starts <= local.in_force]
    to_come = [r for r in ledger.usable(NATIONAL) if r.statement.starts > local.in_force]
    for release in begun[-1:] + to_come:
        base = ledger.file_of(release)
        load_local(file, load_schema(), load_national(base.read_bytes(), base.name, load_schema()))


def read_accepted(file: Path) -> list[Mapping[str, Any]]:
    """The entries of `accepted:`, as people wrote them; none where there is no file."""
    if not file.exists():
        return []
    try:
        body = yaml12.load(file.read_bytes())
        entries = body["accepted"]
    except yaml12.Unreadable as error:
        told = f"{file.name}:{error.line}: this is not valid YAML; check it"
        raise PolicyError([told]) from error
    except (TypeError, KeyError) as error:
        raise PolicyError([f"{file.name}:1: it begins with `accepted:` and a list"]) from error
    return [entry for entry in entries or [] if isinstance(entry, Mapping)]


def accepting(prepared: Prepared, entries: Iterable[Mapping[str, Any]], today: date) -> Statement:
    """The statement with what people accept. Raises PolicyError naming what nobody does."""
    by_region = {str(entry.get("region")): entry for entry in entries}
    accepted, wrong = [], []
    for loss in prepared.losses:
        entry = by_region.get(loss.region)
        problem = "nobody accepts it" if entry is None else _problem(entry, today, ends=loss.ends)
        if problem or entry is None:
            less = "weaker" if loss.ends else "held by fewer rules"
            wrong.append(f"{less} than before: {loss.says}: {problem} (region {loss.region})")
        else:
            names = tuple(str(name) for name in entry["approvers"])
            last = entry.get("expires")
            day = date.fromisoformat(str(last)).isoformat() if last else None
            accepted.append(Acceptance(loss.region, loss.says, str(entry["reason"]), names, day))
    if wrong:
        raise PolicyError(wrong)
    return replace(prepared.statement, accepted=tuple(accepted))


def _problem(entry: Mapping[str, Any], today: date, *, ends: bool) -> str:
    names = entry.get("approvers")
    if not isinstance(names, list) or len({str(name) for name in names}) < TWO:
        return "two different approvers have to accept it"
    if not str(entry.get("reason") or "").strip():
        return "its acceptance has no reason"
    if not ends and not entry.get("expires"):
        return ""
    try:
        expires = date.fromisoformat(str(entry.get("expires")))
    except ValueError:
        return "its acceptance has no `expires: YYYY-MM-DD`"
    return f"its acceptance ended on {expires}" if expires < today else ""


def to_accept(prepared: Prepared) -> Iterator[str]:
    """Lines to paste into accepted.yaml, for two people to complete."""
    for loss in prepared.losses:
        yield f"- region: {loss.region}  # {loss.pack} {loss.rule}"
        yield "  reason:"
        yield "  approvers: []"
        if loss.ends:
            yield "  expires:"
