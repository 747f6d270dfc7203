"""The whole house as real processes, and what a bad night does to it."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import httpx2

from handrail.keys import private_file, public_file, secret_file
from handrail.postgres import EmbeddedPostgres, PostgresUnavailable
from shared.sealing import KeyPurpose
from tests.faults.issuer import ISSUER, Issuer

SERVICES = ("intake", "escalation", "notify", "audit-log")
HANDRAIL = Path(sys.executable).with_name("handrail")
START_SECONDS = 60.0
DIED_AT_A_FAIL_POINT = 9
_KEPT = ("PATH", "PYTHONPATH")
_OPENS: dict[str, KeyPurpose] = {"escalation": "details", "notify": "contacts"}


@dataclass(frozen=True)
class Surroundings:
    """What the processes are told of. dsn: a service's own, by its name; reader: the log's."""

    dsn: Callable[[str], str]
    reader: str
    superuser: str
    bus: str
    keys: Path
    issuer: Issuer
    smtp_url: str

    def environment(self, service: str) -> dict[str, str]:
        told = {
            **{name: os.environ[name] for name in _KEPT if name in os.environ},
            "PYTHONUNBUFFERED": "1",  # a killed process would take its last lines with it
            "HANDRAIL_DATABASE_URL": self.dsn(service),
            "HANDRAIL_BUS": self.bus,
            "HANDRAIL_ISSUER": ISSUER,
            "HANDRAIL_JWKS_URL": self.issuer.jwks_url,
            "HANDRAIL_ALGORITHM": self.issuer.algorithm,
            "HANDRAIL_KEYS_PUBLIC": str(public_file(self.keys)),
            "HANDRAIL_MATCH_SECRET": secret_file(self.keys).read_text(),
            "HANDRAIL_SMTP_URL": self.smtp_url,
            "HANDRAIL_MAIL_FROM": "handrail@mail.handrail.example",
            "HANDRAIL_PUBLIC_URL": "http://127.0.0.1:1",
            "HANDRAIL_UNACCOUNTED_AFTER": "PT1S",
            "HANDRAIL_ORIGIN": "https://handrail.example.org",
            "HANDRAIL_OIDC_ISSUER": "https://login.example.org",
            "HANDRAIL_OIDC_CLIENT_ID": "handrail-pages",
            "HANDRAIL_OIDC_CLIENT_SECRET": "only-in-tests",
            "HANDRAIL_READER_DATABASE_URL": self.reader,
        }
        if service in _OPENS:
            told["HANDRAIL_KEYS_PRIVATE"] = str(private_file(self.keys, _OPENS[service]))
        return told


@dataclass
class House:
    """The four services. acknowledged: every concern that was answered with 201, ever."""

    around: Surroundings
    directory: Path
    acknowledged: set[UUID] = field(default_factory=set)
    _ports: dict[str, int] = field(default_factory=dict)
    _processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    _started: dict[str, float] = field(default_factory=dict)

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self._ports[service]}"

    def started(self, service: str) -> float:
        """When the process that runs now was started."""
        return self._started[service]

    def start(self, service: str, failpoint: str = "") -> None:
        port = self._ports.setdefault(service, free_port())
        environment = self.around.environment(service)
        if failpoint:
            environment["HANDRAIL_FAILPOINT"] = failpoint
        command = [str(HANDRAIL), "serve", service, "--port", str(port)]
        self._started[service] = time.time()
        with (self.directory / f"{service}.log").open("ab") as log:
            self._processes[service] = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, service: str) -> None:
        """As a power cut: nothing of the process gets a word in."""
        self._send(service, signal.SIGKILL)
        self.ended(service)

    def pause(self, service: str) -> None:
        self._send(service, signal.SIGSTOP)

    def resume(self, service: str) -> None:
        self._send(service, signal.SIGCONT)

    def restart(self, service: str, failpoint: str = "") -> None:
        if service in self._processes:
            self.kill(service)
        self.start(service, failpoint)

    def running(self, service: str) -> bool:
        return service in self._processes and self._processes[service].poll() is None

    def ended(self, service: str, within: float = START_SECONDS) -> int:
        """Waits for the process to end by itself; its exit code."""
        return self._processes[service].wait(within)

    def pid(self, service: str) -> int:
        assert self.running(service), f"{service} ended: {self.tail(service)}"
        return self._processes[service].pid

    def wait_until_ready(self, services: Sequence[str] = SERVICES) -> None:
        deadline = time.monotonic() + START_SECONDS
        for service in services:
            while not self._answers(service):
                assert self.running(service), f"{service} ended: {self.tail(service)}"
                assert time.monotonic() < deadline, f"{service} hangs: {self.tail(service)}"
                time.sleep(0.05)

    def make_whole(self) -> None:
        """Every service runs, without fail-points."""
        for service in SERVICES:
            if not self.running(service):
                self.start(service)
        self.wait_until_ready()

    def stop(self) -> None:
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self._processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def tail(self, service: str) -> str:
        return (self.directory / f"{service}.log").read_text(errors="replace")[-3000:]

    def _answers(self, service: str) -> bool:
        with suppress(httpx2.TransportError):
            return httpx2.get(f"{self.url(service)}/livez", timeout=2).status_code == 200
        return False

    def _send(self, service: str, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._processes[service].pid, number)


class Server:
    """A PostgreSQL whose address stays the same when it comes back."""

    def __init__(self, directory: Path) -> None:
        self.postgres = EmbeddedPostgres(directory / "postgres")
        self._address = directory / f"socket-{secrets.token_hex(4)}"

    def start(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                self.postgres.start()
                break
            except PostgresUnavailable:
                # What the dead one left behind holds its shared memory for a moment.
                if time.monotonic() > deadline:
                    raise
        socket_directory = self.postgres.dsn().partition("host=")[2]
        self._address.unlink(missing_ok=True)
        self._address.symlink_to(socket_directory)

    def kill(self) -> None:
        self.postgres.kill()

    def dsn(self, database: str = "postgres", user: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={self._address}"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
