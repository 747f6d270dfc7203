"""Does to a copy of a log what an insider could do, and shows that an audit finds each of it."""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from audit_log.trust.checkpoints import Checkpoint
from audit_log.trust.notes import Note, parse_note
from audit_log.trust.policy import Policy, parse_policy
from audit_log.trust.signers import Signer, sign_note, signer
from audit_log.trust.vkeys import COSIGNATURE_ED25519, ED25519
from audit_log.verifying.audit import Wanted, audit
from audit_log.verifying.findings import Report
from audit_log.verifying.laying import lay_out, put
from audit_log.verifying.sources import Directory

ORIGIN: Final = "drill.example/log"
_AT: Final = 1_700_000_000
_PRODUCERS: Final = ("intake/lane-0", "escalation", "notify")


@dataclass
class Scene:
    """A sound log, what the auditor kept of its earlier state, and every key there is.

    victim: the entry that is tampered with, well inside what the auditor has kept.
    """

    place: Path
    entries: list[bytes]
    log: Signer
    witnesses: tuple[Signer, ...]
    kept_size: int
    victim: int
    signed: dict[int, Note] = field(default_factory=dict)

    @property
    def policy(self) -> Policy:
        lines = [f"log {self.log.key}"]
        lines += [f"witness w{nr} {one.key}" for nr, one in enumerate(self.witnesses)]
        names = " ".join(f"w{nr}" for nr in range(len(self.witnesses)))
        lines += [f"group two 2 {names}", "quorum two", ""]
        return parse_policy("\n".join(lines).encode())

    def note(self, size: int, root: bytes, *signers: Signer) -> Note:
        return sign_note(str(Checkpoint(ORIGIN, size, root)), signers, _AT)

    def lay(self, place: Path, entries: Sequence[bytes], *signers: Signer) -> Note:
        """The log of these entries, signed by these keys."""
        note = self.note(len(entries), lay_out(place, entries), *signers)
        put(place, "checkpoint", bytes(note))
        return note


def invented(count: int) -> Iterator[bytes]:
    """Entries as the log has them, about nobody."""
    for seq in range(count):
        producer, number = _PRODUCERS[seq % 3], seq // 3 + 1
        members = {
            "data": {"drill": True, "text": "x" * (seq % 40)}, "id": f"drill-{seq}",
            "producer": producer, "sequence": number, "type": "drill.entry", "version": 1,
        }  # fmt: skip
        yield json.dumps(members, sort_keys=True, separators=(",", ":")).encode()


def set_scene(place: Path, entries: Sequence[bytes]) -> Scene:
    """Lays out the log as it should be in `sound`, and the auditor's older copy in `kept`."""
    keys = [signer(f"witness-{name}.example", COSIGNATURE_ED25519) for name in "abc"]
    found, kept = list(entries), len(entries) * 3 // 4
    scene = Scene(place, found, signer(ORIGIN, ED25519), tuple(keys), kept, len(found) * 5 // 8)
    for name, size in (("sound", len(found)), ("kept", kept)):
        scene.signed[size] = scene.lay(place / name, found[:size], scene.log, *scene.witnesses)
    return scene


@dataclass(frozen=True)
class Outcome:
    """found: whether the audit failed. first, last: where it says so; exact: it named the entry."""

    attack: str
    found: bool
    what: str
    first: int | None
    last: int | None
    exact: bool
    seconds: float


Attack = Callable[[Scene, Path], int | None]


def run(scene: Scene, name: str, attack: Attack) -> Outcome:
    """One attack on a fresh copy. It returns the seq that it touched, or None for no one entry."""
    copy = scene.place / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(scene.place / "sound", copy)
    touched = attack(scene, copy)
    started = time.perf_counter()
    report = examine(scene, copy)
    seconds = time.perf_counter() - started
    exact = [one for one in report.findings if touched is not None and one.first == touched]
    best = next(iter(exact or report.findings), None)
    what = best.what if best else "; ".join(report.notes)
    return Outcome(
        name,
        report.exit_code != 0,
        what,
        best.first if best else None,
        best.last if best else None,
        touched is None or bool(exact),
        seconds,
    )


def examine(scene: Scene, copy: Path) -> Report:
    """As an auditor would, with the policy, the older checkpoint and the older copy at hand."""
    kept = Directory(scene.place / "kept")
    since = parse_note((scene.place / "kept" / "checkpoint").read_bytes())
    wanted = Wanted(scene.policy, since, kept, completeness=True, overtakes=timedelta(0))
    return audit(Directory(copy), wanted)
