"""The issuer's signing keys: read strictly, kept while good, fetched when a new one appears."""

import asyncio
import base64
import ipaddress
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Protocol, get_args

import httpx2
import structlog
from jose import jwk
from jose.backends.base import Key
from jose.exceptions import JOSEError

from shared.clock import Clock

Algorithm = Literal["RS256", "ES256"]
ALGORITHMS: Final[tuple[Algorithm, ...]] = get_args(Algorithm)

TTL: Final = timedelta(hours=1)
LAST_GOOD: Final = timedelta(hours=24)
FLOOR: Final = timedelta(seconds=30)
FLOOR_WITHOUT_KEYS: Final = timedelta(seconds=2)
MAX_BYTES: Final = 64 * 1024
TIMEOUT_SECONDS: Final = 5.0
_MIN_RSA_BITS = 2048
_PARTS: Final = {"RS256": ("RSA", ("n", "e")), "ES256": ("EC", ("crv", "x", "y"))}

log = structlog.get_logger(__name__)


class KeysUnavailable(Exception):
    """The issuer's keys cannot be had and none that were good are left."""


class Keys(Protocol):
    async def find(self, kid: str) -> Key | None:
        """The verifying key of that id, or None when the issuer has no such key."""


class FixedKeys:
    """Keys known beforehand: the demo's, and an issuer's whose keys are handed over by hand."""

    def __init__(self, jwks: Mapping[str, Any], algorithm: Algorithm) -> None:
        self._keys = read_jwks(jwks, algorithm)

    async def find(self, kid: str) -> Key | None:
        return self._keys.get(kid)


class RemoteKeys:
    """A cache of the issuer's JWKS address; many may wait, one fetches."""

    def __init__(self, url: str, algorithm: Algorithm, clock: Clock) -> None:
        self._url, self._algorithm, self._clock = _checked(url), algorithm, clock
        self._keys: dict[str, Key] = {}
        self._fetched: datetime | None = None
        self._tried: datetime | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> Key | None:
        held = self._held()
        if kid in held:
            if self._older_than(TTL):
                self._start()
            return held[kid]
        fetching = self._start()
        if fetching is not None:
            # Shielded: a caller who goes away must not stop the fetch that others wait for.
            await asyncio.shield(fetching)
        held = self._held()
        if not held:
            raise KeysUnavailable
        return held.get(kid)

    async def close(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _held(self) -> Mapping[str, Key]:
        return {} if self._older_than(LAST_GOOD) else self._keys

    def _older_than(self, age: timedelta) -> bool:
        return self._fetched is None or self._clock.now() - self._fetched > age

    def _start(self) -> asyncio.Task[None] | None:
        """The fetch under way, else a new one, else None when the last was too short a time ago."""
        if self._fetching is not None and not self._fetching.done():
            return self._fetching
        now = self._clock.now()
        floor = FLOOR if self._held() else FLOOR_WITHOUT_KEYS
        if self._tried is not None and now - self._tried < floor:
            return None
        self._tried = now
        self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                keys = read_jwks(json.loads(await self._body()), self._algorithm)
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError, RecursionError) as e:
            log.warning("the issuer's keys could not be fetched", error=type(e).__name__)
            return
        if not keys:
            log.warning("the issuer offers no usable key, the last good ones stay in use")
            return
        self._keys, self._fetched = keys, self._clock.now()

    async def _body(self) -> bytes:
        # A proxy of the environment must not see, nor answer for, an address of this machine.
        proxies = not _is_loopback(httpx2.URL(self._url).host)
        body = b""
        async with (
            httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=proxies) as client,
            client.stream("GET", self._url, headers={"Accept": "application/json"}) as response,
        ):
            if response.status_code != httpx2.codes.OK:
                raise ValueError("the issuer did not answer 200")
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > MAX_BYTES:
                    raise ValueError("the issuer's key set is too large")
        return body


def _checked(url: str) -> str:
    parsed = httpx2.URL(url)
    if parsed.scheme == "https" or (parsed.scheme == "http" and _is_loopback(parsed.host)):
        return url
    raise ValueError("a JWKS address is https, or http on this machine")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def read_jwks(jwks: object, algorithm: Algorithm) -> dict[str, Key]:
    """The usable signing keys by kid; others are passed over, and a kid used twice names none."""
    members = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(members, list):
        raise ValueError("not a JWK set")
    usable = [(member, _key(member, algorithm)) for member in members if isinstance(member, dict)]
    kids = [member.get("kid") for member in members if isinstance(member, dict)]
    return {
        member["kid"]: key
        for member, key in usable
        if key is not None and kids.count(member["kid"]) == 1
    }


def _key(member: Mapping[str, Any], algorithm: Algorithm) -> Key | None:
    kty, parts = _PARTS[algorithm]
    names = isinstance(member.get("kid"), str) and bool(member["kid"])
    signs = member.get("use") == "sig" and "verify" in _listed(member.get("key_ops", ["verify"]))
    # An issuer may leave alg out (Entra ID does): the one algorithm of the settings then holds.
    fits = member.get("kty") == kty and member.get("alg", algorithm) == algorithm
    strings = all(isinstance(member.get(part), str) for part in parts)
    if not (names and signs and fits and strings) or not _strong(member, algorithm):
        return None
    try:
        # Only the public parts go in, so that nothing else in the member can choose how it is read.
        return jwk.construct({"kty": kty} | {part: member[part] for part in parts}, algorithm)
    except (JOSEError, ValueError, TypeError, KeyError):
        return None


def _strong(member: Mapping[str, Any], algorithm: Algorithm) -> bool:
    if algorithm == "ES256":
        return bool(member["crv"] == "P-256")
    try:
        modulus = base64.urlsafe_b64decode(member["n"] + "=" * (-len(member["n"]) % 4))
    except ValueError:
        return False
    return int.from_bytes(modulus, "big").bit_length() >= _MIN_RSA_BITS


def _listed(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else ()
