"""The OpenID provider: where it is found, how a code becomes a verified person (RFC 9700, PKCE)."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import httpx2
import structlog

from shared.auth import IdTokens, KeysUnavailable, Person, RemoteKeys, TokenRefused
from shared.clock import Clock
from shared.web.settings import WebSettings

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import AsyncOAuth2Client

SCOPE: Final = "openid profile"
_KNOWN_FOR: Final = timedelta(hours=1)
_TIMEOUT_SECONDS: Final = 5.0
_MAX_BYTES: Final = 256 * 1024

log = structlog.get_logger(__name__)


class ProviderAway(Exception):
    """The provider cannot be asked now, or answers what no provider may."""


class SignInRefused(Exception):
    """The provider, or what it sent, does not sign anybody in. Says no more: it could quote."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The part of the provider's metadata that is used (OpenID Connect Discovery 1.0)."""

    authorize: str
    token: str
    logout: str | None
    says_issuer: bool
    token_auth: str


class Provider:
    """One a service. The library is imported at the first sign-in: most processes never see one."""

    def __init__(self, settings: WebSettings, redirect_uri: str, clock: Clock) -> None:
        self._settings, self._redirect_uri, self._clock = settings, redirect_uri, clock
        self._endpoints: Endpoints | None = None
        self._tokens: IdTokens | None = None
        self._asked: datetime | None = None

    async def endpoints(self) -> Endpoints:
        now = self._clock.now()
        fresh = self._asked is not None and now - self._asked < _KNOWN_FOR
        if self._endpoints is None or not fresh:
            try:
                self._take(await self._metadata())
                self._asked = now
            except (OSError, ValueError, TypeError, KeyError) as error:
                log.warning("the OpenID provider cannot be asked", error=type(error).__name__)
                if self._endpoints is None:
                    raise ProviderAway from None
        assert self._endpoints is not None  # noqa: S101 - set, or raised above
        return self._endpoints

    def _take(self, metadata: dict[str, Any]) -> None:
        settings = self._settings
        if metadata["issuer"] != settings.oidc_issuer:
            raise ValueError("another issuer's metadata")
        if "S256" not in metadata.get("code_challenge_methods_supported", ["S256"]):
            raise ValueError("no PKCE")
        offered = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        ways = ("client_secret_basic", "client_secret_post")
        logout = metadata.get("end_session_endpoint")
        self._endpoints = Endpoints(
            authorize=self._checked(metadata["authorization_endpoint"]),
            token=self._checked(metadata["token_endpoint"]),
            logout=self._checked(logout) if logout else None,
            says_issuer=bool(metadata.get("authorization_response_iss_parameter_supported")),
            token_auth=next(way for way in ways if way in offered),
        )
        if self._tokens is None:
            keys = RemoteKeys(
                self._checked(metadata["jwks_uri"]), settings.oidc_algorithm, self._clock
            )
            self._tokens = IdTokens(
                keys,
                issuer=settings.oidc_issuer,
                client=settings.oidc_client_id,
                algorithm=settings.oidc_algorithm,
                clock=self._clock,
            )

    def _checked(self, url: object) -> str:
        if not isinstance(url, str) or not self._settings.may_reach(url):
            raise ValueError("an address that may not be reached")
        return url

    async def authorization_url(self, state: str, nonce: str, verifier: str) -> str:
        """Where the browser goes; `verifier` (PKCE) stays here, only its hash goes along."""
        endpoints = await self.endpoints()
        async with self._client(endpoints) as client:
            url, _ = client.create_authorization_url(
                endpoints.authorize, state=state, nonce=nonce, code_verifier=verifier
            )
        return str(url)

    async def person(self, code: str, nonce: str, verifier: str) -> Person:
        """Exchanges the code and verifies the ID token; the access token is thrown away."""
        endpoints = await self.endpoints()
        from authlib.integrations.base_client import OAuthError  # noqa: PLC0415 - see the class

        try:
            async with self._client(endpoints) as client:
                answer = await client.fetch_token(
                    endpoints.token, code=code, code_verifier=verifier
                )
        except OAuthError:
            raise SignInRefused from None
        except (OSError, ValueError, httpx2.HTTPError) as error:
            log.warning("the OpenID provider gave no token", error=type(error).__name__)
            raise ProviderAway from None
        token = answer.get("id_token")
        if self._tokens is None or not isinstance(token, str):
            raise SignInRefused
        try:
            return await self._tokens.person(token, nonce)
        except TokenRefused:
            raise SignInRefused from None
        except KeysUnavailable:
            raise ProviderAway from None

    def _client(self, endpoints: Endpoints) -> "AsyncOAuth2Client":
        from authlib.integrations.httpx_client import (  # noqa: PLC0415 - see the class
            AsyncOAuth2Client,
        )

        settings = self._settings
        return AsyncOAuth2Client(
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret.get_secret_value(),
            token_endpoint_auth_method=endpoints.token_auth,
            scope=SCOPE,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            timeout=_TIMEOUT_SECONDS,
            trust_env=settings.oidc_issuer.startswith("https://"),
        )

    async def _metadata(self) -> dict[str, Any]:
        issuer = self._settings.oidc_issuer
        url = issuer.rstrip("/") + "/.well-known/openid-configuration"
        body = b""
        try:
            async with (
                httpx2.AsyncClient(
                    timeout=_TIMEOUT_SECONDS, trust_env=issuer.startswith("https://")
                ) as client,
                client.stream("GET", url, headers={"Accept": "application/json"}) as response,
            ):
                if response.status_code != httpx2.codes.OK:
                    raise ValueError("the provider did not answer 200")
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > _MAX_BYTES:
                        raise ValueError("the metadata is too large")
        except httpx2.HTTPError as error:
            raise OSError(type(error).__name__) from None
        metadata: dict[str, Any] = json.loads(body)
        return metadata
