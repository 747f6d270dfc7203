"""The largest head that was ever signed, in a file that no database backup restores."""

import hashlib
import os
from pathlib import Path
from typing import Final

from audit_log.trust.checkpoints import Checkpoint, parse_checkpoint
from audit_log.trust.plain import Malformed

# Two places, written in turn: a crash while one is written leaves the other whole.
_PLACE: Final = 1024
_SUM: Final = 32


class MemoryDamaged(Exception):
    """The file is there and is not one of ours; a person must see why before anything is signed."""


class SignedMemory:
    def __init__(self, file: Path) -> None:
        self._file, self._turn = file, 0

    def read(self) -> Checkpoint | None:
        try:
            data = self._file.read_bytes()
        except FileNotFoundError:
            return None
        heads = [_head(data[at : at + _PLACE]) for at in (0, _PLACE)]
        found = max((one for one in heads if one), key=lambda one: one.size, default=None)
        if found is None and data.strip(b"\0"):
            raise MemoryDamaged
        if found is not None:
            self._turn = 1 - heads.index(found)
        return found

    def write(self, head: Checkpoint) -> None:
        """COMMIT POINT: from here on nothing smaller and nothing else of this size is signed.

        A crash just after it loses nothing: the head is in the database, and is signed at the next
        start. A crash before it, or within, leaves what was remembered before.
        """
        text = str(head).encode()
        if len(text) > _PLACE - _SUM:
            raise Malformed("the log's name is too long to be remembered")
        if not self._file.exists():
            self._make()
        descriptor = os.open(self._file, os.O_WRONLY)
        try:
            place = (hashlib.sha256(text).digest() + text).ljust(_PLACE, b"\0")
            os.pwrite(descriptor, place, self._turn * _PLACE)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        self._turn = 1 - self._turn

    def _make(self) -> None:
        """At its full length from the start, so that each write has only its own bytes to flush."""
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600)
        directory = os.open(self._file.parent, os.O_RDONLY)
        try:
            os.write(descriptor, bytes(2 * _PLACE))
            os.fsync(descriptor)
            os.fsync(directory)
        finally:
            os.close(descriptor)
            os.close(directory)


def _head(place: bytes) -> Checkpoint | None:
    text = place[_SUM:].rstrip(b"\0")
    if hashlib.sha256(text).digest() != place[:_SUM]:
        return None
    try:
        return parse_checkpoint(text.decode())
    except (Malformed, UnicodeDecodeError):
        return None
