"""The largest head that was ever signed, in a file that no database backup restores."""

import os
from pathlib import Path

from audit_log.trust.checkpoints import Checkpoint, parse_checkpoint
from audit_log.trust.plain import Malformed


class MemoryDamaged(Exception):
    """The file is there and is not one of ours; a person must see why before anything is signed."""


class SignedMemory:
    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> Checkpoint | None:
        try:
            return parse_checkpoint(self._file.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (Malformed, UnicodeDecodeError) as error:
            raise MemoryDamaged from error

    def write(self, head: Checkpoint) -> None:
        """COMMIT POINT: from here on nothing smaller and nothing else of this size is signed.

        A crash just after it loses nothing: the head is in the database, and is signed at the next
        start. A crash before it leaves the file as it was.
        """
        draft = self._file.with_name(f".{self._file.name}.new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(str(head))
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self._file)
        directory = os.open(self._file.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
