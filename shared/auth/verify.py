"""Decides whether an access token is good: one issuer, one audience, one algorithm, our clock."""

import base64
import hashlib
import json
import math
import re
from collections import OrderedDict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

from jose import jws
from jose.exceptions import JOSEError

from shared.auth.jwks import ALGORITHMS, Algorithm, Keys
from shared.auth.principal import ClaimsRefused, Principal, principal_of
from shared.clock import Clock

DEMO_ISSUER: Final = "urn:handrail:demo"
MAX_TOKEN: Final = 8 * 1024
MAX_LIFE: Final = timedelta(hours=12)
_TYPES = ("JWT", "at+jwt", "application/at+jwt")
# crit and b64 change what is signed, cty nests a token in a token: none is ever needed here.
_REFUSED_HEADERS = ("crit", "b64", "cty")
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_LEEWAY_MIN, _LEEWAY_MAX = timedelta(seconds=10), timedelta(seconds=60)
_REMEMBERED_SECONDS = 60.0
_REMEMBERED_TOKENS = 10_000


class TokenRefused(Exception):
    """The token is not accepted. Carries no reason: a reason would help only a forger."""


class Verifier:
    """Verifies access tokens and remembers, for at most a minute, those it has verified.

    A key withdrawn by the issuer therefore still counts for up to a minute with tokens seen before.
    """

    def __init__(
        self,
        keys: Keys,
        *,
        issuer: str,
        audience: str,
        algorithm: Algorithm,
        clock: Clock,
        leeway: timedelta = timedelta(seconds=30),
        demo: bool = False,
    ) -> None:
        if algorithm not in ALGORITHMS:
            raise ValueError(f"tokens are signed with one of {', '.join(ALGORITHMS)}")
        if not issuer or not audience or not _LEEWAY_MIN <= leeway <= _LEEWAY_MAX:
            raise ValueError("issuer and audience are named, the leeway is 10 to 60 seconds")
        if (issuer == DEMO_ISSUER) is not demo:
            raise ValueError("the demo accepts the demo's issuer, and nothing else does")
        self._keys, self._issuer, self._audience = keys, issuer, audience
        self._algorithm, self._clock, self._leeway = algorithm, clock, leeway.total_seconds()
        self._good: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """The principal, or TokenRefused; KeysUnavailable when the issuer's keys cannot be had."""
        now = self._clock.now()
        digest = _digest(token)
        remembered = self._remembered(digest, now)
        if remembered is not None:
            return remembered
        claims = await signed_claims(token, self._keys, self._algorithm, _TYPES)
        check_claims(claims, self._issuer, self._audience, now.timestamp(), self._leeway)
        return self._remember(digest, claims, now)

    def _remembered(self, digest: bytes, now: datetime) -> Principal | None:
        found = self._good.get(digest)
        if found is None:
            return None
        principal, until = found
        if now.timestamp() >= until:
            del self._good[digest]
            return None
        self._good.move_to_end(digest)
        return principal

    def _remember(self, digest: bytes, claims: Mapping[str, Any], now: datetime) -> Principal:
        try:
            principal = principal_of(claims)
        except ClaimsRefused:
            raise TokenRefused from None
        until = min(float(claims["exp"]), now.timestamp() + _REMEMBERED_SECONDS)
        self._good[digest] = principal, until
        if len(self._good) > _REMEMBERED_TOKENS:
            self._good.popitem(last=False)
        return principal


async def signed_claims(
    token: str, keys: Keys, algorithm: Algorithm, types: Collection[str | None]
) -> dict[str, Any]:
    """The claims of a token that one of the keys has signed; what they say is not yet checked."""
    header = _header(token)
    if header.get("alg") != algorithm or header.get("typ") not in types:
        raise TokenRefused
    kid = header.get("kid")
    key = await keys.find(kid) if isinstance(kid, str) else None
    if key is None:
        raise TokenRefused
    try:
        payload = jws.verify(token, key, [algorithm])
    except JOSEError:
        raise TokenRefused from None
    return _object(payload)


def check_claims(
    claims: Mapping[str, Any], issuer: str, audience: str, now: float, leeway: float
) -> None:
    """Whose token it is, for whom, and from when to when (seconds since 1970)."""
    given = claims.get("aud")
    audiences = given if isinstance(given, list) else [given]
    if not all(isinstance(one, str) for one in audiences) or audience not in audiences:
        raise TokenRefused
    if claims.get("iss") != issuer:
        raise TokenRefused
    expires, issued = _instant(claims.get("exp")), _instant(claims.get("iat"))
    starts = _instant(claims["nbf"]) if "nbf" in claims else issued
    if expires <= now - leeway or max(issued, starts) > now + leeway:
        raise TokenRefused
    if not 0 < expires - issued <= MAX_LIFE.total_seconds():
        raise TokenRefused


def _digest(token: str) -> bytes:
    if len(token) > MAX_TOKEN:
        raise TokenRefused
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _header(token: str) -> Mapping[str, Any]:
    """The header of a compact token in its one canonical spelling; not yet to be believed."""
    if _COMPACT.fullmatch(token) is None:
        raise TokenRefused
    header, _, _ = (_decoded(part) for part in token.split("."))
    members = _object(header)
    if any(name in members for name in _REFUSED_HEADERS):
        raise TokenRefused
    return members


def _decoded(part: str) -> bytes:
    # The library skips stray bits and characters, so one token would have many spellings.
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise TokenRefused from None
    if base64.urlsafe_b64encode(data).rstrip(b"=") != part.encode():
        raise TokenRefused
    return data


def _object(data: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise TokenRefused from None
    if not isinstance(parsed, dict):
        raise TokenRefused
    return parsed


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a member given twice, two readers may believe different ones."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise TokenRefused
    return members


def _refuse(_: str) -> NoReturn:
    raise TokenRefused


def _instant(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRefused
    try:
        instant = float(value)
    except OverflowError:
        raise TokenRefused from None
    if not math.isfinite(instant):
        raise TokenRefused
    return instant
