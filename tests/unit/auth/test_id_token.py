"""An ID token signs a person in only when it was made for us, for this sign-in, and just now."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from shared.auth import FixedKeys, IdTokens, TokenRefused
from shared.clock import SetClock

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
ISSUER, CLIENT, NONCE = "https://login.example.org", "handrail-pages", "n" * 43
KEY = ECKey.generate_key("P-256", {"kid": "k-1"})
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": CLIENT,
    "sub": "someone",
    "nonce": NONCE,
    "kind": "person",
    "name": "Some One",
    "grants": [{"role": "worker", "route": "MASH", "la": "821"}],
    "iat": int(NOW.timestamp()),
    "exp": int((NOW + timedelta(minutes=10)).timestamp()),
}


def token(header: dict[str, Any] | None = None, **said: Any) -> str:
    head = {"alg": "ES256", "typ": "JWT", "kid": "k-1"} | (header or {})
    kept = {name: value for name, value in head.items() if value is not None}
    claims = {name: value for name, value in (CLAIMS | said).items() if value is not None}
    return jwt.encode(kept, claims, KEY)


def id_tokens(clock: SetClock | None = None) -> IdTokens:
    public = KEY.as_dict(private=False) | {"use": "sig", "alg": "ES256", "kid": "k-1"}
    keys = FixedKeys({"keys": [public]}, "ES256")
    clock = clock or SetClock(NOW)
    return IdTokens(keys, issuer=ISSUER, client=CLIENT, algorithm="ES256", clock=clock)


@pytest.mark.parametrize(
    "made",
    [
        token(),
        token({"typ": None}),
        token(aud=[CLIENT]),
        token(azp=CLIENT),
        token(aud=[CLIENT, "another"], azp=CLIENT),
        token(client_id=CLIENT),
    ],
)
async def test_a_good_token_gives_the_person_and_their_grants(made: str) -> None:
    person = await id_tokens().person(made, NONCE)
    assert (person.principal.subject, person.name) == ("someone", "Some One")
    assert person.principal.holds("worker", route="MASH", la="821")
    assert person.principal.scopes == frozenset()


@pytest.mark.parametrize(
    "made",
    [
        token({"typ": "at+jwt"}),
        token({"typ": "logout+jwt"}),
        token({"kid": "k-2"}),
        token(nonce=None),
        token(nonce=NONCE + "n"),
        token(nonce=[NONCE]),
        token(iss=ISSUER + "/"),
        token(aud="handrail"),
        token(aud=[CLIENT, "another"]),
        token(aud=[CLIENT, "another"], azp="another"),
        token(client_id="another"),
        token(kind="client"),
        token(kind=None, sub=CLIENT),
        token(exp=None),
        token(iat=None),
        token(grants=[{"role": "dsl"}]),
        token(grants=[{"role": "worker", "route": "MASH", "team": "north"}]),
        token()[:-4] + "AAAA",
        "x" * 9000,
        "",
    ],
)
async def test_any_other_token_is_refused(made: str) -> None:
    with pytest.raises(TokenRefused):
        await id_tokens().person(made, NONCE)


async def test_a_token_of_another_time_is_refused() -> None:
    for moment in (NOW - timedelta(minutes=1), NOW + timedelta(minutes=11)):
        with pytest.raises(TokenRefused):
            await id_tokens(SetClock(moment)).person(token(), NONCE)


async def test_a_name_that_is_none_greets_without_one() -> None:
    for name in (None, "", 7, "a\nb", "  "):
        person = await id_tokens().person(token(name=name), NONCE)
        assert person.name == "an account without a name"
