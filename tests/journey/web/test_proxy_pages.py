"""What the proxy says by itself: on a page to a person, in problem+json to a program."""

import json
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from intake.emergency import NATIONAL
from tests.conftest import required
from tests.journey.compose.outside import make_certificate
from tests.node import ROOT

HEALTH = [f"/{service}/readyz" for service in ("intake", "audit-log")]
PERSON = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """nginx on deploy/proxy/nginx.conf while all services are away."""
    nginx = shutil.which("nginx")
    if nginx is None:
        (pytest.fail if required("proxy") else pytest.skip)("Proxy: install nginx, then try again.")
    place = tmp_path_factory.mktemp("proxy-pages")
    certificate, key = make_certificate(place)
    ports = []
    for _ in range(3):
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            ports.append(found.getsockname()[1])
    text = (ROOT / "deploy" / "proxy" / "nginx.conf").read_text()
    for old, new in (
        ("/tmp/", f"{place}/"),
        ("127.0.0.1:8080;", f"127.0.0.1:{ports[0]};"),
        (" 8443 ssl;", f" 127.0.0.1:{ports[1]} ssl;"),
        ("/run/secrets/tls_certificate", str(certificate)),
        ("/run/secrets/tls_key", str(key)),
        ("error_log stderr", f"error_log {place}/log"),
    ):
        text = text.replace(old, new)
    for service in ("intake", "escalation", "notify", "audit-log"):
        text = text.replace(f"http://{service}:8000;", f"http://127.0.0.1:{ports[2]};")
    conf = Path(place / "nginx.conf")
    conf.write_text(text)
    process = subprocess.Popen([nginx, "-c", str(conf), "-g", "daemon off;"])
    deadline = time.monotonic() + 10
    while not listens(ports[1]) and time.monotonic() < deadline:
        time.sleep(0.05)
    base = f"https://127.0.0.1:{ports[1]}"
    with httpx2.Client(base_url=base, verify=False, trust_env=False) as client:
        yield client
    process.terminate()
    process.wait(10)


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_a_person_is_told_on_a_page_that_a_service_is_away(proxy: httpx2.Client) -> None:
    page = proxy.get("/triage", headers=PERSON)
    assert page.status_code == 503
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["retry-after"] == "5"
    assert "The service did not answer." in page.text
    assert "ring 999 now" in page.text


def test_a_person_is_told_on_a_page_that_there_is_nothing(proxy: httpx2.Client) -> None:
    page = proxy.get("/nothing-here", headers=PERSON)
    assert page.status_code == 404
    assert "<h1>Page not found</h1>" in page.text


def test_a_program_is_told_as_before(proxy: httpx2.Client) -> None:
    for path, status in (("/triage", 503), ("/nothing-here", 404)):
        answer = proxy.get(path, headers={"Accept": "*/*"})
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["emergency"]["numbers"][0]["number"] == "999"


@pytest.mark.parametrize("path", [*HEALTH, "/readyz", "/intake/%72eadyz", "/notify/livez/"])
def test_nobody_outside_is_told_how_a_service_stands(proxy: httpx2.Client, path: str) -> None:
    answer = proxy.get(path)  # 503 were the proxy's answer where it asked the service
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"NOT HTTP\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400),  # names no host
        (b"GET /%s HTTP/1.1\r\nHost: h\r\n\r\n" % (b"x" * 20_000), 414),
        (b"GET / HTTP/1.1\r\nHost: h\r\nCookie: %s\r\n\r\n" % (b"x" * 20_000), 431),
    ],
)
def test_who_sends_what_cannot_be_read_is_told_whom_to_ring(
    proxy: httpx2.Client, sent: bytes, status: int
) -> None:
    head, body = exchanged(proxy, sent, tls=True)
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Content-Type: application/problem+json" in head
    problem = json.loads(body)
    assert (problem["status"], problem["emergency"]) == (status, NATIONAL)


def test_who_forgets_the_s_of_https_is_told_whom_to_ring(proxy: httpx2.Client) -> None:
    head, body = exchanged(proxy, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", tls=False)
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["emergency"] == NATIONAL


def exchanged(proxy: httpx2.Client, sent: bytes, *, tls: bool) -> tuple[bytes, bytes]:
    """Bytes that no client library would send, and the head and the body of the answer."""
    where = (proxy.base_url.host, proxy.base_url.port or 443)
    with socket.create_connection(where, timeout=10) as plain:
        trusting = ssl._create_unverified_context()
        with trusting.wrap_socket(plain) if tls else plain as line:
            line.sendall(sent)
            answer = b"".join(iter(lambda: line.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body
