"""What a service's pages hold for their whole life, and what one request has found out."""

from dataclasses import dataclass

from fastapi import Request

from shared.web.settings import WebSettings
from shared.web.signin.provider import Provider
from shared.web.signin.sessions import Session


@dataclass(frozen=True)
class Web:
    """service: its name. home: where to go when nothing else is said."""

    service: str
    settings: WebSettings
    provider: Provider
    home: str

    @property
    def sign_in(self) -> str:
        return f"/{self.service}/sign-in"

    @property
    def sign_out(self) -> str:
        return f"/{self.service}/sign-out"

    @property
    def signed_out(self) -> str:
        return f"/{self.service}/signed-out"

    @property
    def callback(self) -> str:
        return f"{self.settings.origin}{self.sign_in}/callback"

    def cookie(self, what: str = "") -> str:
        """With https the browser itself holds the cookie to this host, this path and https."""
        prefix = "__Host-" if self.settings.https else ""
        return f"{prefix}handrail-{self.service}{what}"


def web_of(request: Request) -> Web:
    web: Web = request.app.state.web
    return web


def session_of(request: Request) -> Session | None:
    """The session that `signed_in(…)` has found for this request."""
    found: Session | None = getattr(request.state, "session", None)
    return found
