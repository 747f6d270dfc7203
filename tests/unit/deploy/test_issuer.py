"""The demo's tokens are good in the demo, on this machine, and nowhere else."""

import json
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from handrail.issuer import client_secret, demo_jwks, demo_verifier, issue, issuer_app
from shared.auth import (
    DEMO_ISSUER,
    FixedKeys,
    Grant,
    Public,
    Role,
    TokenRefused,
    Verifier,
    authorities,
)
from shared.clock import SetClock
from shared.errors import install_problem_handlers

NOW = datetime(2026, 4, 7, 9, tzinfo=UTC)
HERE = "http://127.0.0.1:8000"


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


async def ask(
    data: Path, method: str, path: str, *, peer: str = "127.0.0.1", base: str = HERE, **form: str
) -> Any:
    app = issuer_app(data, SetClock(NOW), {"demo-mis": "999001"})
    install_problem_handlers(app)
    transport = httpx2.ASGITransport(app, client=(peer, 50000))
    async with httpx2.AsyncClient(transport=transport, base_url=base) as client:
        return await client.request(method, path, content=urlencode(form))


async def test_the_demo_believes_its_own_mis_client(tmp_path: Path, clock: SetClock) -> None:
    token = issue(tmp_path, role="mis", client="demo-mis", school="999001", clock=clock)
    who = await demo_verifier(tmp_path, clock).verify(token)
    assert (who.subject, who.client, who.kind) == ("demo-mis", "demo-mis", "client")
    assert who.roles == {Grant("mis", urn="999001")}
    assert "concerns:write" in who.scopes


async def test_a_worker_of_the_demo_is_a_person_of_one_hub(tmp_path: Path, clock: SetClock) -> None:
    token = issue(tmp_path, role="worker", route="MASH", la="886", account="w-1", clock=clock)
    who = await demo_verifier(tmp_path, clock).verify(token)
    assert (who.subject, who.kind) == ("w-1", "person")
    assert who.holds("worker", route="MASH", la="886")
    assert not who.holds("worker", route="MASH", la="821")


@pytest.mark.parametrize(
    "role",
    ["reporter", "dsl", "deputy_dsl", "head", "chair", "manager", "auditor", "dpo", "admin"],
)
async def test_there_is_a_token_for_every_role(tmp_path: Path, clock: SetClock, role: Role) -> None:
    token = issue(tmp_path, role=role, school="999001", route="MASH", clock=clock)
    assert (await demo_verifier(tmp_path, clock).verify(token)).holds(role)


async def test_a_token_ends_when_it_says(tmp_path: Path, clock: SetClock) -> None:
    token = issue(tmp_path, role="dpo", minutes=5, clock=clock)
    clock.advance(timedelta(minutes=6))
    with pytest.raises(TokenRefused):
        await demo_verifier(tmp_path, clock).verify(token)


async def test_the_demo_on_another_directory_does_not_believe_it(
    tmp_path: Path, clock: SetClock
) -> None:
    token = issue(tmp_path / "one", role="dpo", clock=clock)
    with pytest.raises(TokenRefused):
        await demo_verifier(tmp_path / "two", clock).verify(token)


def test_no_other_process_can_be_set_to_accept_the_demo(tmp_path: Path, clock: SetClock) -> None:
    keys = FixedKeys(demo_jwks(tmp_path), "ES256")
    with pytest.raises(ValueError, match="nothing else does"):
        Verifier(keys, issuer=DEMO_ISSUER, audience="handrail", algorithm="ES256", clock=clock)


@pytest.mark.parametrize(
    "asked",
    [
        {"role": "mis", "school": "123456"},
        {"role": "mis", "school": "999100"},
        {"role": "mis", "school": "x"},
        {"role": "dsl"},
        {"role": "worker", "la": "886"},
        {"role": "dpo", "minutes": 0},
        {"role": "dpo", "minutes": 721},
    ],
)
def test_a_token_for_no_demo_school_or_for_nowhere_is_not_made(
    tmp_path: Path, clock: SetClock, asked: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"schools|needs|lives"):
        issue(tmp_path, clock=clock, **asked)


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = demo_jwks(tmp_path)
    assert demo_jwks(tmp_path) == first
    assert "d" not in first["keys"][0]
    file = tmp_path / "issuer" / "signing.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    found: list[str] = []
    starts = [
        threading.Thread(target=lambda: found.append(json.dumps(demo_jwks(tmp_path))))
        for _ in range(8)
    ]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert len(found) == 8
    assert len(set(found)) == 1


async def test_a_client_gets_a_token_for_its_secret(tmp_path: Path, clock: SetClock) -> None:
    secret = client_secret(tmp_path, "demo-mis")
    answer = await ask(
        tmp_path,
        "POST",
        "/issuer/token",
        grant_type="client_credentials",
        client_id="demo-mis",
        client_secret=secret,
    )
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()["access_token"]
    who = await demo_verifier(tmp_path, clock).verify(token)
    assert who.roles == {Grant("mis", urn="999001")}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_secret": ""}, "invalid_client"),
        ({"client_id": "demo-other", "client_secret": ""}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "unsupported_grant_type"),
    ],
)
async def test_without_the_secret_there_is_no_token(
    tmp_path: Path, change: dict[str, str], error: str
) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": "demo-mis",
        "client_secret": client_secret(tmp_path, "demo-mis"),
    }
    answer = await ask(tmp_path, "POST", "/issuer/token", **(form | change))
    assert answer.json() == {"error": error}


async def test_discovery_leads_to_the_keys(tmp_path: Path) -> None:
    found = (await ask(tmp_path, "GET", "/issuer/.well-known/openid-configuration")).json()
    assert found["issuer"] == DEMO_ISSUER
    assert found["jwks_uri"] == f"{HERE}/issuer/jwks"
    assert (await ask(tmp_path, "GET", "/issuer/jwks")).json() == demo_jwks(tmp_path)


@pytest.mark.parametrize(
    ("peer", "base"),
    [("192.0.2.7", HERE), ("127.0.0.1", "http://rebound.example:8000"), ("testclient", HERE)],
)
async def test_the_issuer_is_silent_to_another_machine_and_to_another_name(
    tmp_path: Path, peer: str, base: str
) -> None:
    answer = await ask(tmp_path, "GET", "/issuer/jwks", peer=peer, base=base)
    assert answer.status_code == 403


async def test_a_flood_of_a_form_is_not_read(tmp_path: Path) -> None:
    answer = await ask(tmp_path, "POST", "/issuer/token", client_id="x" * 5000)
    assert answer.status_code == 413


def test_every_route_of_the_issuer_says_that_it_is_public(tmp_path: Path) -> None:
    app = issuer_app(tmp_path, SetClock(NOW), {})
    found = list(authorities(app))
    assert len(found) == 3
    for declared in found:
        assert any(isinstance(ask, Public) for ask in declared.asks)
