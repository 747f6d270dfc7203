"""Signed notes: a text and the signatures below it (C2SP signed-note). Nothing is verified here."""

from dataclasses import dataclass
from typing import Final

from audit_log.trust.plain import CONTROL, Malformed, base64_text, from_base64
from audit_log.trust.vkeys import checked_name

_DASH: Final = "— "
# A log, a key that is on its way in or out, and a few dozen witnesses.
MAX_SIGNATURES: Final = 64
MAX_BYTES: Final = 512 * 1024


@dataclass(frozen=True)
class Signature:
    """signature: all that follows the key's id; of a cosignature that begins with the time."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {base64_text(self.key_id + self.signature)}\n"


@dataclass(frozen=True)
class Note:
    """text: what is signed, with its last newline."""

    text: str
    signatures: tuple[Signature, ...]

    def __bytes__(self) -> bytes:
        return (self.text + "\n" + "".join(map(str, self.signatures))).encode()

    def with_signatures(self, *more: Signature) -> "Note":
        """The same note with the signatures that it does not have yet."""
        new = [one for one in dict.fromkeys(more) if one not in self.signatures]
        return Note(self.text, (*self.signatures, *new))


def parse_note(data: bytes) -> Note:
    if len(data) > MAX_BYTES:
        raise Malformed("the note is too long")
    try:
        whole = data.decode()
    except UnicodeDecodeError as error:
        raise Malformed("the note is not UTF-8") from error
    if CONTROL.search(whole.replace("\n", "")):
        raise Malformed("the note holds a control character")
    text, gap, lines = whole.rpartition("\n\n")
    if not gap:
        raise Malformed("the note has no blank line before its signatures")
    return Note(text + "\n", parse_signatures(lines))


def parse_signatures(lines: str) -> tuple[Signature, ...]:
    """One or more signature lines, as they stand below a note or come from a witness."""
    if not lines.endswith("\n"):
        raise Malformed("the last signature line has no end")
    found = lines[:-1].split("\n")
    if len(found) > MAX_SIGNATURES:
        raise Malformed("the note has too many signatures")
    return tuple(map(_signature, found))


def _signature(line: str) -> Signature:
    name, space, blob = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise Malformed("a signature line is a dash, a name and base64")
    data = from_base64(blob)
    if len(data) < 5:  # noqa: PLR2004 - the key's id, and at least something after it
        raise Malformed("a signature is longer than its key's id")
    return Signature(checked_name(name), data[:4], data[4:])
