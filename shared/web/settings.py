"""What a service with pages must be told: where people reach it, and who signs them in."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import SecretStr, model_validator

from shared.settings import Settings

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class WebSettings(Settings):
    """origin: https://host[:port] that people use; redirects are made from it, never from a header.

    oidc_issuer, oidc_client_id, oidc_client_secret: the OpenID provider that signs people in, and
    how it knows us. oidc_algorithm: how it signs its ID tokens.
    """

    origin: str
    oidc_issuer: str
    oidc_client_id: str
    oidc_client_secret: SecretStr
    oidc_algorithm: Literal["RS256", "ES256"] = "RS256"

    @model_validator(mode="after")
    def _safe_addresses(self) -> "WebSettings":
        parts = urlsplit(self.origin)
        if not self.may_reach(self.origin) or parts.path or parts.query or parts.fragment:
            raise ValueError("HANDRAIL_ORIGIN, which is https://host without a path")
        if not self.may_reach(self.oidc_issuer):
            raise ValueError("HANDRAIL_OIDC_ISSUER, which is an https address")
        if self.oidc_client_id == self.audience:
            # An access token would pass for an ID token.
            raise ValueError("HANDRAIL_OIDC_CLIENT_ID, which must differ from HANDRAIL_AUDIENCE")
        return self

    def may_reach(self, url: str) -> bool:
        """Plain http is for the demo and for tests: on this machine, and on invented data alone."""
        parts = urlsplit(url)
        local = parts.scheme == "http" and parts.hostname in _LOOPBACK and self.synthetic
        return bool(parts.hostname) and (parts.scheme == "https" or local)

    @property
    def https(self) -> bool:
        return self.origin.startswith("https://")
