"""What is remembered of a verified token, and what a verifier refuses to be set up as."""

from datetime import timedelta
from typing import Any

import pytest

from shared.auth import DEMO_ISSUER, FixedKeys, TokenRefused, Verifier
from shared.auth.jwks import read_jwks
from shared.clock import SetClock
from tests.unit.auth.tokens import (
    AUDIENCE,
    ISSUER,
    JWKS,
    NOW,
    RSA_KEY,
    T,
    encoded,
    header,
    rs256,
    rsa_jwk,
    signed,
    token,
)
from tests.unit.auth.tokens import claims as good_claims


class CountingKeys(FixedKeys):
    """The fixed keys, and how often they were asked for."""

    asked = 0

    async def find(self, kid: str) -> Any:
        self.asked += 1
        return await super().find(kid)


def verifier(clock: SetClock, keys: FixedKeys | None = None, **changes: Any) -> Verifier:
    settings: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "algorithm": "ES256"}
    keys = keys or FixedKeys(JWKS, "ES256")
    return Verifier(keys, clock=clock, **(settings | changes))


async def test_a_token_seen_before_is_not_verified_again_for_a_minute() -> None:
    clock, keys = SetClock(NOW), CountingKeys(JWKS, "ES256")
    ours, good = verifier(clock, keys), token()
    first = await ours.verify(good)
    clock.advance(timedelta(seconds=59))
    assert await ours.verify(good) is first
    assert keys.asked == 1
    clock.advance(timedelta(seconds=1))
    assert await ours.verify(good) == first
    assert keys.asked == 2


async def test_a_remembered_token_still_expires() -> None:
    clock = SetClock(NOW)
    ours, brief = verifier(clock), token(exp=T + 10)
    await ours.verify(brief)
    clock.advance(timedelta(seconds=39))
    await ours.verify(brief)
    clock.advance(timedelta(seconds=2))
    with pytest.raises(TokenRefused):
        await ours.verify(brief)


async def test_a_refused_token_is_not_remembered_as_good() -> None:
    clock = SetClock(NOW)
    ours, early = verifier(clock), token(iat=T + 45)
    with pytest.raises(TokenRefused):
        await ours.verify(early)
    clock.advance(timedelta(seconds=20))
    assert (await ours.verify(early)).subject == "demo-mis"


async def test_no_more_than_ten_thousand_tokens_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.auth.verify._REMEMBERED_TOKENS", 3)
    keys = CountingKeys(JWKS, "ES256")
    ours = verifier(SetClock(NOW), keys)
    tokens = [token(jti=str(n)) for n in range(4)]
    for one in tokens:
        await ours.verify(one)
    await ours.verify(tokens[3])
    assert keys.asked == 4
    await ours.verify(tokens[0])
    assert keys.asked == 5


async def test_rs256_is_verified_where_it_is_the_one_algorithm() -> None:
    keys = FixedKeys({"keys": [rsa_jwk(RSA_KEY, "rsa")]}, "RS256")
    head, body = encoded(header(alg="RS256", kid="rsa")), encoded(good_claims())
    good = signed(head, body, rs256(f"{head}.{body}".encode()))
    ours = verifier(SetClock(NOW), keys, algorithm="RS256")
    assert (await ours.verify(good)).client == "demo-mis"
    with pytest.raises(TokenRefused):
        await ours.verify(token())


@pytest.mark.parametrize(
    "changes",
    [
        {"algorithm": "HS256"},
        {"algorithm": "none"},
        {"algorithm": ["RS256", "HS256"]},
        {"issuer": ""},
        {"audience": ""},
        {"leeway": timedelta(minutes=5)},
        {"leeway": timedelta(0)},
        {"issuer": DEMO_ISSUER},
        {"demo": True},
    ],
)
def test_a_verifier_does_not_start_with_settings_that_would_let_too_much_in(
    changes: dict[str, Any],
) -> None:
    with pytest.raises(ValueError, match=r"signed with|are named|the demo"):
        verifier(SetClock(NOW), **changes)


def test_a_key_set_of_another_algorithm_holds_nothing_usable() -> None:
    assert read_jwks({"keys": [rsa_jwk(RSA_KEY, "rsa")]}, "ES256") == {}
