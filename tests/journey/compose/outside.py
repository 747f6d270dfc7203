"""What stands around the stack in the tests: a token issuer, a mail server, a certificate."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.journey.compose.stack import free_ports

ISSUER = "https://login.example.org"
LOOPBACK = IPv4Address("127.0.0.1")


class Issuer:
    """An identity provider as far as services know one: signed tokens and an address of keys."""

    def __init__(self) -> None:
        self._key = RSAKey.generate_key(2048, {"kid": "k-1", "use": "sig", "alg": "RS256"})
        self.jwks_url = ""

    def token(self, subject: str, kind: str, scope: str = "", **grant: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": "handrail",
            "sub": subject,
            "client_id": subject if kind == "client" else "pages",
            "kind": kind,
            "iat": now,
            "exp": now + 600,
            "scope": scope,
            "grants": [grant],
        }
        return jwt.encode({"alg": "RS256", "typ": "at+jwt", "kid": "k-1"}, claims, self._key)

    @contextmanager
    def serving(self) -> Iterator["Issuer"]:
        body = json.dumps({"keys": [self._key.as_dict(private=False)]}).encode()

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.jwks_url = f"http://127.0.0.1:{server.server_port}/jwks"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class MailServer:
    """Takes every message and keeps it."""

    def __init__(self) -> None:
        self.messages: list[tuple[list[str], str]] = []
        self.url = ""

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        content = envelope.content or b""
        text = content if isinstance(content, str) else content.decode()
        self.messages.append((list(envelope.rcpt_tos), text))
        return "250 taken"

    @contextmanager
    def serving(self) -> Iterator["MailServer"]:
        (port,) = free_ports(1)
        controller = Controller(self, hostname="127.0.0.1", port=port)
        controller.start()
        self.url = f"smtp://127.0.0.1:{port}"
        try:
            yield self
        finally:
            controller.stop()


def make_certificate(place: Path) -> tuple[Path, Path]:
    """For this machine's address, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(LOOPBACK)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    (place / "tls.pem").write_bytes(certificate.public_bytes(pem))
    (place / "tls.key").write_bytes(private)
    return place / "tls.pem", place / "tls.key"
