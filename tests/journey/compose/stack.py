"""docker-compose.yml as processes of this machine: its own commands and environments.

Only hosts, ports, places of mounted files and ${VARIABLES} are put in; a service sees nothing else.
"""

import compileall
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
VARIABLE = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")
# The first is what every service listens on in its container, the second its metrics.
PORTS = ("8000", "9000", "8443", "8080")
SERVICES = ("intake", "escalation", "notify", "audit-log")


def read_compose() -> dict[str, Any]:
    compose: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_bytes())
    return compose


def is_job(service: Mapping[str, Any]) -> bool:
    return service.get("restart") == "no"


def is_ours(service: Mapping[str, Any]) -> bool:
    return str(service["image"]).startswith("handrail:")


def filled_in(text: str, variables: Mapping[str, str]) -> str:
    """As compose does it; what is required must be there."""

    def value(match: re.Match[str]) -> str:
        name, how, rest = match.groups()
        return variables.get(name, rest) if how == "-" else variables[name]

    return VARIABLE.sub(value, text)


def image_files(target: Path) -> Path:
    """What deploy/Dockerfile copies into the image, at the places it copies it to."""
    for line in (ROOT / "deploy" / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            source, place = line.removeprefix("COPY ").split()
            if (ROOT / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / source, target / place, ignore=ignored)
            else:
                shutil.copy(ROOT / source, target / place)
    compileall.compile_dir(target, quiet=1)  # as the image has it; each process would do it again
    return target


class Stack:
    """Starts, asks and stops the services of the file."""

    def __init__(self, place: Path, variables: Mapping[str, str], hosts: Mapping[str, str]) -> None:
        self.compose = read_compose()
        self.place = place
        self.app = image_files(place)
        self.variables, self.hosts = variables, hosts
        names = [name for name, service in self.compose["services"].items()]
        self.ports = {name: dict(zip(PORTS, free_ports(len(PORTS)), strict=True)) for name in names}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.volume = place / "var-lib-handrail"
        self.volume.mkdir()

    def order(self) -> list[str]:
        """Our services and jobs, each after all that it waits for."""
        services = self.compose["services"]
        graph = {name: service.get("depends_on", {}) for name, service in services.items()}
        order = TopologicalSorter(graph).static_order()
        return [name for name in order if is_ours(services[name])]

    def url(self, name: str, port: str = "8000") -> str:
        return f"http://127.0.0.1:{self.ports[name][port]}"

    def secret(self, name: str) -> Path:
        return Path(filled_in(self.compose["secrets"][name]["file"], self.variables))

    def run(self, name: str) -> "subprocess.CompletedProcess[str]":
        """A job, to its end."""
        return subprocess.run(
            self.command(name),
            env=self.environment(name),
            cwd=self.place,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def start(self, name: str) -> None:
        with (self.place / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                self.command(name),
                env=self.environment(name),
                cwd=self.place,
                stdout=log,
                stderr=log,
            )

    def wait_until_healthy(self, name: str, seconds: float = 60) -> None:
        """By the health check of the file."""
        test = self._local(name, self.compose["services"][name]["healthcheck"]["test"])
        assert test[:2] == ["CMD", "python"]
        command = [sys.executable, *test[2:]]
        deadline = time.monotonic() + seconds
        while subprocess.run(command, capture_output=True, check=False, timeout=10).returncode:
            assert self.running[name].poll() is None, f"{name} ended:\n{self.log(name)}"
            assert time.monotonic() < deadline, f"{name} is not healthy:\n{self.log(name)}"
            time.sleep(0.2)

    def terminate(self, *names: str) -> None:
        for name in names:
            self.running[name].terminate()

    def ended(self, name: str, seconds: float) -> int:
        return self.running.pop(name).wait(seconds)

    def kill(self) -> None:
        for process in self.running.values():
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()
        self.running.clear()

    def log(self, name: str) -> str:
        return (self.place / f"{name}.log").read_text(errors="replace")[-4000:]

    def command(self, name: str) -> list[str]:
        first, *rest = self._local(name, self.compose["services"][name]["command"])
        assert first == "handrail"
        return [str(Path(sys.executable).with_name("handrail")), *rest]

    def environment(self, name: str) -> dict[str, str]:
        """The service's own, with the image's; its code is that of the image, not the checkout."""
        code = (".", *(f"services/{service}" for service in SERVICES), "deploy")
        image = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "PYTHONPATH": os.pathsep.join(str(self.app / part) for part in code),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
        }
        own: dict[str, str] = self._local(name, self.compose["services"][name]["environment"])
        return image | own

    def _local(self, name: str, value: Any) -> Any:
        """The same with this machine's hosts, ports and files."""
        allowed = self.compose["services"][name].get("secrets", ())

        def file(match: re.Match[str]) -> str:
            assert match[1] in allowed, f"{name} is not given {match[1]}"
            return str(self.secret(match[1]))

        def text(found: str) -> str:
            found = filled_in(found, self.variables)
            found = re.sub(r"/run/secrets/(\w+)", file, found)
            found = found.replace("/var/lib/handrail", str(self.volume))
            found = re.sub(r"@postgres:5432/(\w+)", self.hosts["postgres"], found)
            found = found.replace("kafka:9092", self.hosts["kafka"])
            found = found.replace("0.0.0.0", "127.0.0.1")
            for port, free in self.ports[name].items():
                found = re.sub(rf"(?<![\w]){port}(?![\w])", str(free), found)
            return found

        return _each_string(value, text)


def _each_string(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _each_string(one, change) for key, one in value.items()}
    if isinstance(value, list):
        return [_each_string(one, change) for one in value]
    return change(value) if isinstance(value, str) else json.dumps(value)


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
