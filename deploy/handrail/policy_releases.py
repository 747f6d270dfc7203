"""Writes what is signed and what is released, so that a crash leaves the old or the new."""

import json
import os
import tempfile
from pathlib import Path

from handrail.policy_packs import stop
from shared.policy import Policy
from shared.policy.control.drafts import NATIONAL, Draft
from shared.policy.control.ledger import LOCK, Ledger, hash_of, written
from shared.policy.control.signing import SIGNING
from shared.policy.control.statements import Malformed, Release, release_of
from shared.policy.load import load_local
from shared.policy.prove import Prover, load_register
from shared.policy.schema import load_schema


def pending(directory: Path, name: str) -> Release | None:
    """What has been signed of a pack and is not released yet."""
    file = directory / SIGNING / f"{name}.json"
    try:
        return release_of(json.loads(file.read_bytes())) if file.exists() else None
    except (Malformed, ValueError):
        stop(f"{file} is not as `policy sign` writes it; remove it and sign again")


def broken_promises(ledger: Ledger, draft: Draft) -> list[str]:
    """What the pack, with all that is released of the others, would not keep from its first day."""
    newest = {r.statement.pack: r for r in ledger.releases if ledger.why_not(r) is None}
    locals_ = {}
    for name, release in newest.items():
        if name not in (NATIONAL, draft.pack.ref.id):
            pack = load_local(ledger.file_of(release), load_schema(), draft.national)
            locals_[pack.authority] = pack
    if draft.local is not None:
        locals_[draft.local.authority] = draft.local
    policy = Policy(load_schema(), draft.national, locals_, ())
    register = load_register(policy.schema, policy.national)
    proof = Prover(policy, register, "fast", draft.pack.in_force).run()
    return [f"{each.promise} is not kept ({each.layer}): {each.what}" for each in proof.failures]


def publish(ledger: Ledger, signed: Release, draft: Path) -> None:
    """Adds it to the lock that was read, which nobody else may write meanwhile."""
    raw = draft.read_bytes()
    if hash_of(raw) != signed.statement.hash:
        stop(f"{draft.name} changed just now; have it signed again")
    # Its file first: a crash before the lock is written leaves one that nothing names yet.
    put(ledger.file_of(signed), raw.decode())
    # COMMIT POINT: from here on the version is released.
    put(ledger.directory / LOCK, written((*ledger.releases, signed)))
    (ledger.directory / SIGNING / f"{signed.statement.pack}.json").unlink(missing_ok=True)


def put(file: Path, text: str) -> None:
    """Readable by all, as packs are: none of it is secret."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    Path(name).chmod(0o644)
    Path(name).replace(file)
