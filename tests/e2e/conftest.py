"""The demo as a person starts it, and a real browser to look at it with."""

import asyncio
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest
from playwright.sync_api import Browser, sync_playwright

from handrail.postgres import EmbeddedPostgres
from tests.conftest import required

ROOT = Path(__file__).parents[2]
HANDRAIL = Path(sys.executable).parent / "handrail"
ARTEFACTS = ROOT / ".artefacts"


@dataclass
class Demo:
    """One `handrail demo` as a process of its own."""

    data: Path
    options: tuple[str, ...] = ()
    port: int = 0
    process: subprocess.Popen[str] | None = None
    said: list[str] = field(default_factory=list)

    def start(self, seconds: float = 60) -> None:
        command = [str(HANDRAIL), "demo", "--port", str(self.port), "--data", str(self.data)]
        command += ["--no-browser", *self.options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
        )
        deadline = time.monotonic() + seconds
        self.said.clear()
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if line.startswith("ready ") or time.monotonic() > deadline:
                break
        assert any(line.startswith("ready ") for line in self.said), self.said

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def base(self) -> str:
        found = re.fullmatch(r"ready (http://127\.0\.0\.1:\d+)", self.said[-1])
        assert found, self.said
        return found[1]

    def token(self, *options: str) -> str:
        command = [str(HANDRAIL), "token", *options, "--data", str(self.data)]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout.strip()

    def headers(self, *options: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(*options)}"}

    def sql(self, statement: str, database: str = "postgres", role: str = "postgres") -> None:
        """In its own PostgreSQL; in a thread, since a browser's loop has this one."""
        server = EmbeddedPostgres(self.data / "postgres")
        server.attach()
        dsn = server.dsn(database, role)

        async def run() -> None:
            connection = await asyncpg.connect(dsn)
            await connection.execute(statement)
            await connection.close()

        with ThreadPoolExecutor(1) as apart:
            apart.submit(asyncio.run, run()).result()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Stops it and returns the seconds that took."""
        assert self.process is not None
        started = time.monotonic()
        self.process.send_signal(how)
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            if self.process.stdout:
                self.process.stdout.close()
        return time.monotonic() - started


@contextmanager
def a_place() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix=f"handrail-demo-{secrets.token_hex(3)}-"))
    yield directory / "data"
    EmbeddedPostgres(directory / "data" / "postgres").destroy()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory for a demo's data, gone afterwards with what root's PostgreSQL kept apart."""
    with a_place() as made:
        yield made


@pytest.fixture(scope="module")
def one_demo() -> Iterator[Demo]:
    with a_place() as data:
        made = Demo(data, ("--no-generator",))
        yield made
        if made.running:
            made.stop()


@pytest.fixture
def demo(one_demo: Demo) -> Demo:
    """The file's one demo, which runs whatever the test before did to it."""
    if not one_demo.running:
        one_demo.start()
    return one_demo


@pytest.fixture(scope="module")  # its event loop must be gone before another test's begins
def browser() -> Iterator[Browser]:
    """Debian's Chromium. Without it these tests skip, or fail where a browser is required."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if found is None:
        if required("browser"):
            pytest.fail("Chromium is missing: install Debian's package chromium")
        pytest.skip("Chromium is missing: install Debian's package chromium")
    options = ["--disable-gpu", "--disable-quic", "--disable-background-networking"]
    options += ["--disable-component-update", "--disable-sync", "--no-first-run"]
    if os.geteuid() == 0:
        options.append("--no-sandbox")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=options)
        yield launched
        launched.close()
