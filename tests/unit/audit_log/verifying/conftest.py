"""A log laid out in a directory, with its key and an auditor's policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from audit_log.trust.checkpoints import Checkpoint
from audit_log.trust.notes import Note
from audit_log.trust.policy import Policy, parse_policy
from audit_log.trust.signers import Signer, sign_note, signer
from audit_log.trust.vkeys import ED25519
from audit_log.verifying.drill import invented
from audit_log.verifying.laying import lay_out, put
from audit_log.verifying.sources import Directory

ORIGIN = "log.example/handrail"


@dataclass
class Copy:
    """place: laid out as an address is. `lay` makes it anew."""

    place: Path
    log: Signer

    @property
    def source(self) -> Directory:
        return Directory(self.place)

    @property
    def policy(self) -> Policy:
        return parse_policy(f"log {self.log.key}\nquorum none\n".encode())

    def lay(self, entries: Sequence[bytes]) -> Note:
        tree = Checkpoint(ORIGIN, len(entries), lay_out(self.place, entries))
        note = sign_note(str(tree), (self.log,), 1_700_000_000)
        put(self.place, "checkpoint", bytes(note))
        return note

    def lay_invented(self, count: int) -> Note:
        return self.lay(list(invented(count)))


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "log", signer(ORIGIN, ED25519))
