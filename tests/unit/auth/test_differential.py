"""Our verifier and a second, independent library believe the same tokens."""

from collections.abc import Mapping

import pytest
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shared.auth import FixedKeys, TokenRefused, Verifier
from shared.auth.principal import ClaimsRefused, principal_of
from shared.clock import SetClock
from tests.unit.auth import corpus
from tests.unit.auth.tokens import AUDIENCE, ISSUER, JWKS, NOW, T, raw

LEEWAY = 30
EXPECTED = (
    {name: (token, True) for name, token in corpus.ACCEPTED.items()}
    | {name: (token, False) for name, token in corpus.REFUSED.items()}
    | {name: (token, False) for name, token in corpus.NOT_BASE64.items()}
)


async def ours(token: str) -> bool:
    verifier = Verifier(
        FixedKeys(JWKS, "ES256"),
        issuer=ISSUER,
        audience=AUDIENCE,
        algorithm="ES256",
        clock=SetClock(NOW),
    )
    try:
        await verifier.verify(token)
    except TokenRefused:
        return False
    return True


def theirs(token: str) -> bool:
    """joserfc as strict as it goes, with the checks that no JOSE library makes spelt out."""
    keys = KeySet.import_key_set({"keys": [key for key in JWKS["keys"] if key["alg"] == "ES256"]})
    essential = {"essential": True}
    rules = jwt.JWTClaimsRegistry(
        now=T,
        leeway=LEEWAY,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        sub=essential,  # type: ignore[arg-type]
        exp=essential,  # type: ignore[arg-type]
        iat=essential,  # type: ignore[arg-type]
    )
    registry = jws.JWSRegistry(algorithms=["ES256"], strict_check_header=False)
    try:
        found = jwt.decode(token, keys, algorithms=["ES256"], registry=registry)
        rules.validate(found.claims)
        principal_of(found.claims)
    except (JoseError, ClaimsRefused, ValueError, TypeError, AttributeError, OverflowError):
        return False
    lives = found.claims["exp"] - found.claims["iat"]
    return len(token) <= 8192 and _header_fits(found.header) and 0 < lives <= 12 * 3600


def _header_fits(header: Mapping[str, object]) -> bool:
    types = ("JWT", "at+jwt", "application/at+jwt")
    return header.get("typ") in types and bool(header.get("kid")) and "crit" not in header


@pytest.mark.parametrize("name", EXPECTED)
async def test_both_libraries_give_the_right_verdict(name: str) -> None:
    token, good = EXPECTED[name]
    assert (await ours(token), theirs(token)) == (good, good)


@pytest.mark.parametrize("name", corpus.STRICTER)
async def test_what_can_be_read_in_two_ways_is_refused(name: str) -> None:
    assert not await ours(corpus.STRICTER[name])


def test_the_corpus_is_as_large_as_it_claims_to_be() -> None:
    assert len({token for token, _ in EXPECTED.values()}) == len(EXPECTED) >= 100
    assert not corpus.ACCEPTED.keys() & corpus.REFUSED.keys()


async def test_a_deeply_nested_token_is_refused_not_a_crash() -> None:
    assert not await ours(raw(body=b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}"))
