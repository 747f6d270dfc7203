"""The issuer's keys are fetched once for many, kept while it is down, and never too often."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shared.auth import KeysUnavailable, RemoteKeys
from shared.clock import SetClock
from tests.unit.auth.tokens import (
    EC_KEY,
    NOW,
    OTHER_EC_KEY,
    P384_KEY,
    RSA_KEY,
    WEAK_RSA_KEY,
    b64,
    ec_jwk,
    rsa_jwk,
)


class Issuer:
    """A real HTTP server on this machine that serves a key set and counts who asks."""

    def __init__(self) -> None:
        self.body = b""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked = 0
        self.slow = threading.Event()
        self.slow.set()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                issuer.slow.wait(2)
                self.send_response(issuer.status)
                for name, value in issuer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(issuer.body)))
                self.end_headers()
                self.wfile.write(issuer.body)

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def offer(self, *keys: dict[str, Any]) -> None:
        self.body = json.dumps({"keys": keys}).encode()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    issuer.offer(ec_jwk(EC_KEY, "one"))
    yield issuer
    issuer.stop()


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


async def settled() -> None:
    """Lets a fetch that nobody waits for come to its end."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others)


async def test_fifty_callers_with_unknown_kids_make_one_request(
    issuer: Issuer, clock: SetClock
) -> None:
    keys = RemoteKeys(issuer.url, "ES256", clock)
    assert await keys.find("one") is not None
    clock.advance(timedelta(seconds=31))
    found = await asyncio.gather(*(keys.find(f"unknown-{n}") for n in range(50)))
    assert found == [None] * 50
    assert issuer.asked == 2


async def test_a_caller_who_goes_away_does_not_stop_the_fetch_for_the_others(
    issuer: Issuer, clock: SetClock
) -> None:
    issuer.slow.clear()
    keys = RemoteKeys(issuer.url, "ES256", clock)
    impatient, patient = (asyncio.create_task(keys.find("one")) for _ in range(2))
    await asyncio.sleep(0.05)
    impatient.cancel()
    issuer.slow.set()
    assert await patient is not None
    assert issuer.asked == 1


async def test_unknown_kids_ask_the_issuer_at_most_every_thirty_seconds(
    issuer: Issuer, clock: SetClock
) -> None:
    keys = RemoteKeys(issuer.url, "ES256", clock)
    await keys.find("one")
    for _ in range(29):
        clock.advance(timedelta(seconds=1))
        assert await keys.find("unknown") is None
    assert issuer.asked == 1
    clock.advance(timedelta(seconds=1))
    assert await keys.find("unknown") is None
    assert issuer.asked == 2


async def test_a_new_key_is_found_as_soon_as_a_token_names_it(
    issuer: Issuer, clock: SetClock
) -> None:
    keys = RemoteKeys(issuer.url, "ES256", clock)
    await keys.find("one")
    issuer.offer(ec_jwk(EC_KEY, "one"), ec_jwk(OTHER_EC_KEY, "two"))
    clock.advance(timedelta(minutes=2))
    assert await keys.find("two") is not None


async def test_a_withdrawn_key_is_forgotten_after_the_hour(issuer: Issuer, clock: SetClock) -> None:
    keys = RemoteKeys(issuer.url, "ES256", clock)
    await keys.find("one")
    issuer.offer(ec_jwk(OTHER_EC_KEY, "two"))
    clock.advance(timedelta(minutes=59))
    assert await keys.find("one") is not None
    assert issuer.asked == 1
    clock.advance(timedelta(minutes=2))
    await keys.find("one")
    await settled()
    assert await keys.find("one") is None


async def test_the_last_good_keys_serve_a_day_while_the_issuer_is_down(
    issuer: Issuer, clock: SetClock
) -> None:
    keys = RemoteKeys(issuer.url, "ES256", clock)
    await keys.find("one")
    issuer.status = 500
    for _ in range(23):
        clock.advance(timedelta(hours=1))
        assert await keys.find("one") is not None
        await settled()
    assert issuer.asked > 10
    clock.advance(timedelta(hours=1, seconds=1))
    with pytest.raises(KeysUnavailable):
        await keys.find("one")


async def test_an_issuer_that_was_down_at_the_start_is_asked_again_within_seconds(
    issuer: Issuer, clock: SetClock
) -> None:
    issuer.status = 503
    keys = RemoteKeys(issuer.url, "ES256", clock)
    with pytest.raises(KeysUnavailable):
        await keys.find("one")
    issuer.status = 200
    with pytest.raises(KeysUnavailable):
        await keys.find("one")
    assert issuer.asked == 1
    clock.advance(timedelta(seconds=2))
    assert await keys.find("one") is not None


async def test_nobody_at_the_address_is_unavailable_not_a_crash(clock: SetClock) -> None:
    keys = RemoteKeys("http://127.0.0.1:9/jwks", "ES256", clock)
    with pytest.raises(KeysUnavailable):
        await keys.find("one")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"keys": {}}',
        b'{"keys": []}',
        b"<html>",
        b"\xff\xfe",
        b"[" * 20_000,
        b'{"keys": [' + b" " * 70_000 + b"]}",
    ],
)
async def test_an_answer_that_is_no_key_set_changes_nothing(
    issuer: Issuer, clock: SetClock, body: bytes
) -> None:
    keys = RemoteKeys(issuer.url, "ES256", clock)
    await keys.find("one")
    issuer.body = body
    clock.advance(timedelta(hours=2))
    assert await keys.find("one") is not None
    await settled()
    assert await keys.find("one") is not None
    assert issuer.asked == 2


async def test_a_good_key_set_of_more_than_64_kib_is_not_read(
    issuer: Issuer, clock: SetClock
) -> None:
    issuer.offer(*(ec_jwk(EC_KEY, f"key-{n}") for n in range(400)))
    assert len(issuer.body) > 64 * 1024
    with pytest.raises(KeysUnavailable):
        await RemoteKeys(issuer.url, "ES256", clock).find("key-1")


async def test_a_redirect_is_not_followed(issuer: Issuer, clock: SetClock) -> None:
    issuer.status, issuer.headers = 302, {"Location": "http://192.0.2.1/jwks"}
    with pytest.raises(KeysUnavailable):
        await RemoteKeys(issuer.url, "ES256", clock).find("one")


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example/jwks",
        "http://127.0.0.1.evil.example/jwks",
        "ftp://127.0.0.1/jwks",
        "file:///etc/passwd",
        "issuer.example/jwks",
    ],
)
def test_keys_are_not_fetched_in_the_clear(url: str, clock: SetClock) -> None:
    with pytest.raises(ValueError, match="https"):
        RemoteKeys(url, "ES256", clock)


async def test_a_kid_given_to_two_keys_names_neither(issuer: Issuer, clock: SetClock) -> None:
    issuer.offer(ec_jwk(EC_KEY, "one"), ec_jwk(OTHER_EC_KEY, "one"), ec_jwk(EC_KEY, "two"))
    keys = RemoteKeys(issuer.url, "ES256", clock)
    assert await keys.find("one") is None
    assert await keys.find("two") is not None


@pytest.mark.parametrize(
    "member",
    [
        rsa_jwk(WEAK_RSA_KEY, "it"),
        rsa_jwk(RSA_KEY, "it", use="enc"),
        rsa_jwk(RSA_KEY, "it", alg="RS512"),
        rsa_jwk(RSA_KEY, "it", n=1),
        rsa_jwk(RSA_KEY, "it", key_ops=["sign"]),
        rsa_jwk(RSA_KEY, "it", kty="EC"),
        {name: value for name, value in rsa_jwk(RSA_KEY, "it").items() if name != "use"},
        ec_jwk(P384_KEY, "it", alg="RS256"),
        {"kty": "oct", "kid": "it", "use": "sig", "alg": "RS256", "k": b64(b"k" * 32)},
        {"kid": "it"},
    ],
)
async def test_an_unfit_key_is_passed_over(
    issuer: Issuer, clock: SetClock, member: dict[str, Any]
) -> None:
    issuer.offer(rsa_jwk(RSA_KEY, "good"), member)
    keys = RemoteKeys(issuer.url, "RS256", clock)
    assert await keys.find("good") is not None
    assert await keys.find("it") is None


async def test_a_key_that_leaves_its_algorithm_out_is_read_as_the_one_of_the_settings(
    issuer: Issuer, clock: SetClock
) -> None:
    member = rsa_jwk(RSA_KEY, "it")
    del member["alg"]
    issuer.offer(member)
    assert await RemoteKeys(issuer.url, "RS256", clock).find("it") is not None
