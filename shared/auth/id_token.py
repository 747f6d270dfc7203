"""Decides whether an ID token signs a person in: made for us and for this sign-in."""

from dataclasses import dataclass
from hmac import compare_digest
from typing import Final

from shared.auth.jwks import Algorithm, Keys
from shared.auth.principal import ClaimsRefused, Principal, principal_of
from shared.auth.verify import MAX_TOKEN, TokenRefused, check_claims, signed_claims
from shared.clock import Clock

# An access token (at+jwt) must never pass for an ID token; providers may leave the type out.
_TYPES: Final = ("JWT", None)
_LEEWAY_SECONDS: Final = 30.0
_MOST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Person:
    """Who has signed in. name: for greeting them and nothing else."""

    principal: Principal
    name: str


class IdTokens:
    """Verifies the ID tokens of one OpenID provider for one client (its Core, 3.1.3.7)."""

    def __init__(
        self, keys: Keys, *, issuer: str, client: str, algorithm: Algorithm, clock: Clock
    ) -> None:
        self._keys, self._issuer, self._client = keys, issuer, client
        self._algorithm, self._clock = algorithm, clock

    async def person(self, token: str, nonce: str) -> Person:
        """The person, or TokenRefused; KeysUnavailable when the provider's keys cannot be had."""
        if len(token) > MAX_TOKEN:
            raise TokenRefused
        claims = await signed_claims(token, self._keys, self._algorithm, _TYPES)
        now = self._clock.now().timestamp()
        check_claims(claims, self._issuer, self._client, now, _LEEWAY_SECONDS)
        given = claims.get("nonce")
        if not isinstance(given, str) or not compare_digest(
            given.encode("utf-8", "replace"), nonce.encode()
        ):
            raise TokenRefused
        # One audience of several is ours only where the token says that it was made for us.
        if claims.get("azp", self._client) != self._client or (
            isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and "azp" not in claims
        ):
            raise TokenRefused
        try:
            principal = principal_of({**claims, "azp": self._client, "scope": ""})
        except ClaimsRefused:
            raise TokenRefused from None
        if principal.kind != "person":
            raise TokenRefused
        return Person(principal, _name(claims.get("name")))


def _name(claim: object) -> str:
    shown = claim if isinstance(claim, str) and claim.isprintable() else ""
    return shown.strip()[:_MOST_NAME] or "an account without a name"
