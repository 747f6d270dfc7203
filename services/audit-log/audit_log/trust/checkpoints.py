"""A checkpoint: what a log says of itself at one size (C2SP tlog-checkpoint)."""

from dataclasses import dataclass

from audit_log.merkle import EMPTY_ROOT
from audit_log.trust.plain import (
    CONTROL,
    HASH_BYTES,
    MAX_SIZE,
    Malformed,
    base64_text,
    decimal,
    hash_of,
)


@dataclass(frozen=True)
class Checkpoint:
    """origin: the log's name. extensions: further lines; ours has none, another log's may."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extensions)
        if any(not line or CONTROL.search(line) for line in lines):
            raise Malformed("no line of a checkpoint is empty")
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_BYTES:
            raise Malformed("a checkpoint has a size below 2^63 and a root of 32 bytes")

    @property
    def sound_if_empty(self) -> bool:
        """A tree without leaves has one root; any other of size 0 is a lie."""
        return self.size > 0 or self.root == EMPTY_ROOT

    def __str__(self) -> str:
        lines = (self.origin, str(self.size), base64_text(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def parse_checkpoint(text: str) -> Checkpoint:
    """From the text of a note: at least three lines, each with its end, none empty."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() != "":  # noqa: PLR2004 - three lines and what ends the last
        raise Malformed("a checkpoint has three lines: origin, size and root")
    return Checkpoint(lines[0], decimal(lines[1]), hash_of(lines[2]), tuple(lines[3:]))
