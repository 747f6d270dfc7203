"""What this service has just verified of an entry, in plain words, and what it has not.

Signatures are checked where the service was told whose count (HANDRAIL_LOG_POLICY); else the names
that stand under the checkpoint are shown as what they are: names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from audit_log.merkle import verify_inclusion
from audit_log.trust.checkpoints import parse_checkpoint
from audit_log.trust.notes import Note
from audit_log.trust.plain import base64_text
from audit_log.trust.policy import Policy
from audit_log.trust.signatures import BadSignature


class Signatures(BaseModel):
    """checked: whether keys were at hand. log: who signed it; witnesses: who cosigned, and when.

    enough: the policy's quorum; None where there is no policy. wrong: a signature does not hold.
    """

    model_config = ConfigDict(frozen=True)

    size: int
    origin: str
    root: str
    checked: bool
    log: str | None
    witnesses: tuple[tuple[str, datetime], ...] = ()
    unchecked: tuple[str, ...] = ()
    enough: bool | None = None
    wrong: bool = False


def signatures(note: Note, policy: Policy | None) -> Signatures:
    tree = parse_checkpoint(note.text)
    names = tuple(dict.fromkeys(one.name for one in note.signatures))
    about = {"size": tree.size, "origin": tree.origin, "root": base64_text(tree.root)}
    if policy is None:
        return Signatures(**about, checked=False, log=None, unchecked=names)
    try:
        judged = policy.judge(note)
    except BadSignature:
        return Signatures(**about, checked=True, log=None, unchecked=names, wrong=True)
    witnesses = tuple(
        (name, datetime.fromtimestamp(at, UTC)) for name, at in sorted(judged.cosigned.items())
    )
    return Signatures(
        **about,
        checked=True,
        log=judged.log.key.name if judged.log else None,
        witnesses=witnesses,
        enough=judged.quorum if policy.quorum else None,
    )


@dataclass(frozen=True)
class Account:
    """verified, not_verified: sentences. sound: nothing that was looked at is wrong."""

    sound: bool
    verified: tuple[str, ...]
    not_verified: tuple[str, ...]


def account(seq: int, leaf: bytes, proof: Sequence[bytes], note: Note, told: Signatures) -> Account:
    """leaf: the hash of the entry's bytes as they were read just now."""
    tree = parse_checkpoint(note.text)
    holds = verify_inclusion(leaf, seq, tree.size, proof, tree.root)
    verified, missing = [], []
    if holds:
        verified.append(
            f"Its bytes, hashed just now, lead by a proof of {len(proof)} hashes to the root of "
            f"checkpoint {tree.size}: it is entry {seq} of a tree of {tree.size}, and is what was "
            "logged there."
        )
    else:
        missing.append(
            f"WRONG: its bytes do not lead to the root of checkpoint {tree.size}. It, or the tree, "
            "was changed. Keep this page and tell whoever is responsible for the log."
        )
    _say_signers(told, verified, missing)
    missing += [
        "That the entry says the truth: only that it was logged then, and is unchanged since.",
        "That nothing is missing beside it: for that, verify the whole log.",
        "This page was made by the service that you audit. The proof file holds the entry and "
        "verifies without it: handrail audit verify, or any other tlog-proof verifier.",
    ]
    return Account(holds and not told.wrong, tuple(verified), tuple(missing))


def _say_signers(told: Signatures, verified: list[str], missing: list[str]) -> None:
    if told.wrong:
        missing.append("WRONG: a signature under the checkpoint does not hold. It is a forgery.")
    elif not told.checked:
        names = ", ".join(told.unchecked)
        missing.append(
            f"Whose signatures stand under the checkpoint: it names {names}, and this service "
            "was given no keys to check them with."
        )
    elif told.log is None:
        missing.append("That the log signed it: no signature of a key that counts is under it.")
    else:
        verified.append(f"The signature of {told.log} under checkpoint {told.size} holds.")
    if told.witnesses:
        names = ", ".join(name for name, _ in told.witnesses)
        verified.append(f"Witnessed by {names}: they have seen no other history of this log.")
    elif told.checked:
        missing.append("That anyone outside has seen the same log: no witness cosigned it.")
    if told.enough is False:
        missing.append("That enough witnesses vouch for it: fewer did than the policy asks for.")
