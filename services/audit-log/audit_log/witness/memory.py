"""What a witness remembers: a SQLite file in which comparing and keeping are one transaction."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Lock

from audit_log.trust.checkpoints import Checkpoint, parse_checkpoint
from audit_log.trust.notes import Note, Signature, parse_note
from audit_log.trust.witnessing import AddCheckpoint, Logs, judge

_TABLE = "CREATE TABLE IF NOT EXISTS latest (origin TEXT PRIMARY KEY, note BLOB NOT NULL) STRICT"
_KEEP = """
INSERT INTO latest (origin, note) VALUES (?, ?)
ON CONFLICT (origin) DO UPDATE SET note = excluded.note
"""
Cosign = Callable[[str], tuple[Signature, ...]]


class Memory:
    """One file for all logs. Several processes may share it; each add takes its write lock."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = Lock()
        self._connection = sqlite3.connect(
            file, isolation_level=None, check_same_thread=False, timeout=10
        )
        self._connection.execute("PRAGMA journal_mode = WAL")
        # FULL: a commit has reached the disk when it returns.
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(_TABLE)

    def close(self) -> None:
        self._connection.close()

    def latest(self, origin: str) -> Note | None:
        with self._lock:
            return self._read(origin)

    def add(self, request: AddCheckpoint, logs: Logs, cosign: Cosign) -> tuple[Signature, ...]:
        """The cosignatures of a checkpoint that extends what is remembered; raises `Refused`.

        COMMIT POINT: before it the witness stands where it stood. A crash just after it leaves a
        checkpoint remembered that nobody got a cosignature for; the log is told so by the conflict
        on its next try, and asks again from there.
        """
        with self._lock, closing(self._connection.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                origin = parse_checkpoint(request.note.text).origin
                checkpoint = judge(request, logs, self._latest(origin))
                signatures = cosign(str(checkpoint))
                note = Note(request.note.text, _of_log(request.note, logs, origin))
                kept = bytes(note.with_signatures(*signatures))
                cursor.execute(_KEEP, (origin, kept))
                cursor.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    cursor.execute("ROLLBACK")
                raise
        return signatures

    def _read(self, origin: str) -> Note | None:
        row = self._connection.execute(
            "SELECT note FROM latest WHERE origin = ?", (origin,)
        ).fetchone()
        return parse_note(row[0]) if row else None

    def _latest(self, origin: str) -> Checkpoint | None:
        note = self._read(origin)
        return parse_checkpoint(note.text) if note else None


def _of_log(note: Note, logs: Logs, origin: str) -> tuple[Signature, ...]:
    """Only the signatures that were verified: what others wrote below it is not passed on."""
    known = {(key.name, key.key_id) for key in logs[origin]}
    return tuple(one for one in note.signatures if (one.name, one.key_id) in known)
