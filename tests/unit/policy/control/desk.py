"""A directory of packs under control, with two approvers who hold keys of their own."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from handrail.policy_releases import publish
from shared.policy.control.approvers import sign
from shared.policy.control.ledger import APPROVERS, Ledger, read_ledger
from shared.policy.control.signing import accepting, prepare
from shared.policy.control.statements import Acceptance, Release, Statement
from shared.policy.load import PACKS
from tests.unit.policy.packs import HEAD, RULE

TODAY = date(2026, 11, 24)
BOTH = ("A. Smith", "B. Jones")
LOCAL = HEAD + RULE
LATER = LOCAL.replace('version: "1"', 'version: "2"')


@dataclass
class Desk:
    packs: Path
    keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict)

    @property
    def ledger(self) -> Ledger:
        return read_ledger(self.packs)

    def enrol(self, name: str, **more: str) -> None:
        self.keys.setdefault(name, Ed25519PrivateKey.generate())
        file = self.packs / APPROVERS
        body: Any = (
            json.loads(file.read_text()) if file.exists() else {"needed": 2, "approvers": []}
        )
        public = base64.b64encode(self.keys[name].public_key().public_bytes_raw()).decode()
        others = [entry for entry in body["approvers"] if entry["name"] != name]
        body["approvers"] = [*others, {"name": name, "key": public} | more]
        file.write_text(json.dumps(body))

    def write(self, text: str, name: str = "testshire") -> Path:
        file = self.packs / f"{name}.yaml"
        file.write_text(text)
        return file

    def statement(
        self, name: str = "testshire", accepted: Iterable[Mapping[str, Any]] = ()
    ) -> Statement:
        prepared = prepare(self.ledger, self.packs / f"{name}.yaml")
        return accepting(prepared, accepted, TODAY)

    def signed(self, statement: Statement, by: Iterable[str] = BOTH, on: date = TODAY) -> Release:
        approvals = tuple(sign(statement, name, on, self.keys[name]) for name in by)
        return Release(statement, approvals)

    def release(
        self, text: str, name: str = "testshire", accepted: Iterable[Mapping[str, Any]] = ()
    ) -> Release:
        file = self.write(text, name)
        release = self.signed(self.statement(name, accepted))
        publish(self.ledger, release, file)
        return release

    def put_by_force(self, text: str, *accepted: Acceptance, name: str = "testshire") -> Release:
        """Released without asking the gate, as nobody can who uses the command line."""
        file = self.write(text, name)
        said = prepare(self.ledger, file).statement
        whole = Statement(**{n: getattr(said, n) for n in said.__slots__} | {"accepted": accepted})
        release = self.signed(whole)
        publish(self.ledger, release, file)
        return release


def new_desk(directory: Path) -> Desk:
    """With the national pack released."""
    directory.mkdir(exist_ok=True)
    desk = Desk(directory)
    for name in BOTH:
        desk.enrol(name)
    desk.release((PACKS / "national.yaml").read_text(), "national")
    return desk
