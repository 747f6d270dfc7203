"""What a witness is asked, and when it may agree (C2SP tlog-witness). It is kept elsewhere."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from audit_log.merkle import verify_consistency
from audit_log.trust.checkpoints import Checkpoint, parse_checkpoint
from audit_log.trust.notes import Note, parse_note
from audit_log.trust.plain import Malformed, base64_text, decimal, hash_of
from audit_log.trust.signatures import BadSignature, vouchers
from audit_log.trust.vkeys import VerifierKey

MAX_PROOF: Final = 63
SIZE_TYPE: Final = "text/x.tlog.size"
Logs = Mapping[str, Sequence[VerifierKey]]


class Refused(Exception):
    """status: as the protocol has it. latest: of a conflict, the size the witness stands at."""

    def __init__(self, status: int, why: str, latest: int | None = None) -> None:
        super().__init__(why)
        self.status, self.why, self.latest = status, why, latest


@dataclass(frozen=True)
class AddCheckpoint:
    """old: the size that the witness is taken to stand at. proof: from there to the checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    note: Note

    def __bytes__(self) -> bytes:
        lines = [f"old {self.old}", *map(base64_text, self.proof), "", ""]
        return "\n".join(lines).encode() + bytes(self.note)


def parse_request(body: bytes) -> AddCheckpoint:
    head, gap, note = body.partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise Malformed("the request holds what is not ASCII before the checkpoint") from error
    if not gap or not first.startswith("old "):
        raise Malformed("a request begins with the old size and has a blank line before its note")
    if len(lines) > MAX_PROOF:
        raise Malformed("the proof has too many lines")
    old = decimal(first.removeprefix("old "))
    return AddCheckpoint(old, tuple(map(hash_of, lines)), parse_note(note))


def judge(request: AddCheckpoint, logs: Logs, latest: Checkpoint | None) -> Checkpoint:
    """The checkpoint that the witness may cosign. latest: what it cosigned last for that log.

    Raises `Refused` with the status that the protocol demands, checked in the protocol's order.
    """
    checkpoint = parse_checkpoint(request.note.text)
    _signed(request.note, logs.get(checkpoint.origin))
    if request.old > checkpoint.size:
        raise Refused(400, "the old size is larger than the checkpoint's")
    stands = latest.size if latest else 0
    if request.old != stands:
        raise Refused(409, "the witness stands at another size", stands)
    if not checkpoint.sound_if_empty:
        raise Refused(422, "the empty tree has another root")
    if request.old == 0 or latest is None:
        if request.proof:
            raise Refused(422, "from the empty tree no proof is needed and none is taken")
        same = checkpoint.size > 0 or latest is None or latest.root == checkpoint.root
        if not same:
            raise Refused(422, "the tree has another root at the same size")
        return checkpoint
    sizes, roots = (request.old, checkpoint.size), (latest.root, checkpoint.root)
    if not verify_consistency(*sizes, *roots, request.proof):
        raise Refused(422, "the checkpoint does not extend the one before")
    return checkpoint


def _signed(note: Note, keys: Sequence[VerifierKey] | None) -> None:
    if not keys:
        raise Refused(404, "the log is not one of this witness's")
    try:
        if not vouchers(note, keys):
            raise Refused(403, "no key of the log has signed the checkpoint")
    except BadSignature as error:
        raise Refused(403, "a signature of the log's key does not hold") from error


def logs_of(keys: Iterable[VerifierKey]) -> dict[str, list[VerifierKey]]:
    """By origin, the name in a log's key; a log that changes its key has two for a time."""
    found: dict[str, list[VerifierKey]] = {}
    for key in keys:
        found.setdefault(key.name, []).append(key)
    return found


def origin_hash(origin: str) -> str:
    """Where a witness shows its latest checkpoint of the log."""
    return hashlib.sha256(origin.encode()).hexdigest()
