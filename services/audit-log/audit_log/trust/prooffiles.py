"""`.tlog-proof`: that an entry is in the log, in one file for years to come (C2SP tlog-proof)."""

from dataclasses import dataclass
from typing import Final

from audit_log.merkle import leaf_hash, verify_inclusion
from audit_log.trust.checkpoints import parse_checkpoint
from audit_log.trust.notes import Note, parse_note
from audit_log.trust.plain import Malformed, base64_text, decimal, from_base64, hash_of

_FIRST: Final = "c2sp.org/tlog-proof@v1"
MAX_HASHES: Final = 63


@dataclass(frozen=True)
class ProofFile:
    """extra: in ours the entry itself, which the proof then shows to be the one that was logged."""

    index: int
    proof: tuple[bytes, ...]
    checkpoint: Note
    extra: bytes | None = None

    def __bytes__(self) -> bytes:
        lines = [_FIRST]
        if self.extra is not None:
            lines.append(f"extra {base64_text(self.extra)}")
        lines += [f"index {self.index}", *map(base64_text, self.proof), "", ""]
        return "\n".join(lines).encode() + bytes(self.checkpoint)

    def holds(self, entry: bytes) -> bool:
        """Whether the proof leads from the entry to the checkpoint's root, whoever signed that."""
        tree = parse_checkpoint(self.checkpoint.text)
        return verify_inclusion(leaf_hash(entry), self.index, tree.size, self.proof, tree.root)


def parse_proof_file(data: bytes) -> ProofFile:
    head, gap, note = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise Malformed("the proof holds what is not ASCII") from error
    if not gap or lines.pop(0) != _FIRST or not lines:
        raise Malformed(f"a proof begins with the line {_FIRST}")
    extra = None
    if lines[0].startswith("extra "):
        extra = from_base64(lines.pop(0).removeprefix("extra "))
    if not lines or not lines[0].startswith("index "):
        raise Malformed("the proof has no line that says which entry it is of")
    index = decimal(lines.pop(0).removeprefix("index "))
    if len(lines) > MAX_HASHES:
        raise Malformed("the proof has more hashes than any tree is high")
    return ProofFile(index, tuple(map(hash_of, lines)), parse_note(note), extra)
