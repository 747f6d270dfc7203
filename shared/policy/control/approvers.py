"""Whose signatures release a pack, and whether those on one suffice."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.policy.control.statements import (
    Approval,
    Malformed,
    Release,
    Statement,
    signed_bytes,
)

TWO: Final = 2


@dataclass(frozen=True, slots=True)
class Approver:
    """until: the last day on which a signature of theirs counts; None while they are in post."""

    name: str
    key: Ed25519PublicKey
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Approvers:
    """needed: how many of them each release takes."""

    needed: int
    by_name: Mapping[str, Approver]

    def why_not(self, release: Release) -> str | None:
        """What keeps the release from counting, or None when its signatures are good."""
        bad = {a.approver for a in release.approvals if not self._is_good(release.statement, a)}
        if bad:
            return f"the signature of {', '.join(sorted(bad))} is not good"
        good = {a.approver for a in release.approvals}
        if len(good) < self.needed:
            return f"{self.needed} approvers have to sign it, and {len(good)} did"
        for acceptance in release.statement.accepted:
            if len(set(acceptance.approvers)) < TWO or not set(acceptance.approvers) <= good:
                return f"{acceptance.region} is not accepted by two approvers who signed"
        return None

    def _is_good(self, statement: Statement, approval: Approval) -> bool:
        approver = self.by_name.get(approval.approver)
        if approver is None:
            return False
        try:
            signature = base64.b64decode(approval.signature, validate=True)
            late = approver.until is not None and date.fromisoformat(approval.on) > approver.until
            approver.key.verify(signature, signed_bytes(statement, approver.name, approval.on))
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return not late


def sign(statement: Statement, approver: str, on: date, key: Ed25519PrivateKey) -> Approval:
    signature = key.sign(signed_bytes(statement, approver, on.isoformat()))
    return Approval(approver, on.isoformat(), base64.b64encode(signature).decode())


def read_approvers(file: Path) -> Approvers:
    """Raises Malformed where the file cannot be used, OSError where it cannot be read."""
    try:
        body = json.loads(file.read_bytes())
        by_name = {str(entry["name"]): _approver(entry) for entry in body["approvers"]}
        needed = int(body["needed"])
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(f"{file.name}: this is no list of approvers and their keys") from error
    if needed < 1:
        raise Malformed(f"{file.name}: `needed` is at least 1")
    return Approvers(needed, by_name)


def _approver(entry: Mapping[str, Any]) -> Approver:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(entry["key"], validate=True))
    until = date.fromisoformat(entry["until"]) if entry.get("until") else None
    return Approver(str(entry["name"]), key, until)


def enrolled(body: Mapping[str, Any], name: str, key: Ed25519PrivateKey) -> dict[str, Any]:
    """The content of the file of approvers with one more in it."""
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    others = [entry for entry in body.get("approvers", []) if entry["name"] != name]
    return {
        "needed": body.get("needed", TWO),
        "approvers": [*others, {"name": name, "key": public}],
    }
