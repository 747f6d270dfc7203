"""Writes files that only their owner may read, whole or not at all."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Where the demo keeps its data when nothing else is said.
USUAL_DATA = Path(".demo")


@contextmanager
def only_one(directory: Path) -> Iterator[None]:
    """Keeps a second process that changes the same directory waiting."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_private(file: Path, text: str, *, only_if_absent: bool = False) -> None:
    """Mode 0600. A crash leaves the old file or the new one; of two who write first, one wins."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if only_if_absent:
            with suppress(FileExistsError):
                os.link(draft, file)
        else:
            draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    _sync_directory(file.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
