"""An issuer of tokens with its keys at an address, as services in processes of their own need."""

import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

ISSUER = "https://issuer.handrail.example"
Algorithm = Literal["ES256", "RS256"]


class Issuer:
    """Signs with one key, and serves its public part on loopback."""

    def __init__(self, algorithm: Algorithm = "ES256") -> None:
        self.algorithm = algorithm
        self._kid = f"tests-{secrets.token_hex(4)}"
        self._key: ECKey | RSAKey = (
            ECKey.generate_key("P-256") if algorithm == "ES256" else RSAKey.generate_key(2048)
        )
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def jwks_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/jwks"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def client(self, client: str) -> dict[str, str]:
        """The header of a school's system, which may write and read concerns."""
        scope = "concerns:write concerns:read"
        return self._bearer(client, client, [{"role": "mis"}], kind="client", scope=scope)

    def person(self, account: str, **grant: str | None) -> dict[str, str]:
        return self._bearer(account, "pages", [grant], kind="person")

    def _bearer(
        self, subject: str, client: str, grants: list[dict[str, Any]], **more: str
    ) -> dict[str, str]:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": "handrail",
            "sub": subject,
            "client_id": client,
            "iat": now,
            "exp": now + 3600,
            "grants": grants,
            **more,
        }
        header = {"alg": self.algorithm, "typ": "at+jwt", "kid": self._kid}
        return {"Authorization": f"Bearer {jwt.encode(header, claims, self._key)}"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        extra = {"use": "sig", "alg": self.algorithm, "kid": self._kid}
        body = json.dumps({"keys": [self._key.as_dict(private=False) | extra]}).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """A test's output is for what failed."""

        return Handler
