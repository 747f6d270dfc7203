"""The proxy as a process of this machine: nginx on deploy/proxy/nginx.conf."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.journey.compose.stack import ROOT, SERVICES, Stack


class Proxy:
    """Its own command and configuration, with this machine's ports and files."""

    def __init__(self, stack: Stack, place: Path) -> None:
        self._stack, self._place = stack, place
        self._service = stack.compose["services"]["proxy"]
        self._process: subprocess.Popen[bytes] | None = None
        self._ports = stack.ports["proxy"]
        self.url = f"https://127.0.0.1:{self._ports['8443']}"

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        conf = self._place / "nginx.conf"
        conf.write_text(self._configuration())
        own = "/etc/nginx/nginx.conf"
        command = [str(conf) if part == own else part for part in self._service["command"]]
        self._process = subprocess.Popen(command, cwd=self._place)
        try:
            self._wait_until_listening(int(self._ports["8443"]))
            yield self
        finally:
            self.stop()

    def stop(self) -> int:
        """As the image's own stop signal does: requests under way are finished."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
        return self._process.wait(15)

    def written(self) -> list[Path]:
        """Files beside the configuration and what nginx notes about itself."""
        files = (path for path in self._place.rglob("*") if path.is_file())
        return [path for path in files if path.name not in ("nginx.conf", "nginx.pid", "log")]

    def _configuration(self) -> str:
        text = (ROOT / "deploy" / "proxy" / "nginx.conf").read_text()
        text = text.replace("/tmp/", f"{self._place}/")
        for service in SERVICES:
            text = text.replace(f"http://{service}:8000;", f"{self._stack.url(service)};")
        for port in ("8443", "8080"):
            text = text.replace(f"127.0.0.1:{port};", f"127.0.0.1:{self._ports[port]};")
            text = text.replace(f" {port} ssl;", f" 127.0.0.1:{self._ports[port]} ssl;")
        for secret in self._service["secrets"]:
            text = text.replace(f"/run/secrets/{secret};", f"{self._stack.secret(secret)};")
        return text.replace("error_log stderr", f"error_log {self._place}/log")

    def _wait_until_listening(self, port: int) -> None:
        assert self._process is not None
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            assert self._process.poll() is None, "nginx ended"
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("nginx does not listen")
