"""The file of the log's signing keys: all of them sign, so that a new key overlaps the old one."""

from pathlib import Path

from audit_log.trust.plain import Malformed
from audit_log.trust.signers import Signer, parse_signer
from audit_log.trust.vkeys import LOG_ALGORITHMS


class KeysUnusable(ValueError):
    """Why the log cannot be signed with that file, in a sentence that quotes nothing of it."""


def read_signers(file: Path) -> tuple[Signer, ...]:
    try:
        lines = file.read_text("utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise KeysUnusable("the file of HANDRAIL_LOG_KEYS cannot be read") from error
    try:
        signers = tuple(map(parse_signer, lines))
    except Malformed as error:
        raise KeysUnusable(f"a line of HANDRAIL_LOG_KEYS is no signing key: {error}") from error
    if len({one.key.name for one in signers}) != 1:
        raise KeysUnusable("the keys of HANDRAIL_LOG_KEYS are to be of one name, the log's")
    if any(one.key.algorithm not in LOG_ALGORITHMS for one in signers):
        raise KeysUnusable("a key of HANDRAIL_LOG_KEYS is a witness's, not a log's")
    return signers


class KeyFile:
    """The signers that the file holds now; it is read again when it has changed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._signers = read_signers(file)
        self._read = self._state()
        self.origin = self._signers[0].key.name

    def signers(self) -> tuple[Signer, ...]:
        state = self._state()
        if state != self._read:
            signers = read_signers(self._file)
            if signers[0].key.name != self.origin:
                raise KeysUnusable("the keys are another log's now")
            self._signers, self._read = signers, state
        return self._signers

    def _state(self) -> tuple[int, int, int]:
        try:
            found = self._file.stat()
        except OSError as error:
            raise KeysUnusable("the file of the log's keys is gone") from error
        return found.st_ino, found.st_mtime_ns, found.st_size
