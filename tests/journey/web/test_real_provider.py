"""Sign-in against a certified OpenID provider that is not ours, as a process of its own."""

import re
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr

from escalation.app import create_app
from escalation.settings import EscalationSettings
from shared.clock import SystemClock
from tests.conftest import TestIssuer
from tests.journey.web.conftest import ORIGIN, hidden, query
from tests.node import ROOT, node_with

FOLDER = ROOT / "tests" / "oidc"
SECRET = "only-in-tests-only-in-tests-only"


@pytest.fixture(scope="module")
def real_issuer() -> Iterator[str]:
    node = node_with(FOLDER)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    addresses = [f"{ORIGIN}/escalation/{end}" for end in ("sign-in/callback", "signed-out")]
    command = [node, "server.mjs", str(port), *addresses]
    process = subprocess.Popen(
        command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.strip() == "listening":
            break
    assert said[-1:] == ["listening\n"], said
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def app(
    real_issuer: str, settings_for: Callable[..., EscalationSettings], wall_issuer: TestIssuer
) -> FastAPI:
    settings = settings_for(
        "escalation",
        oidc_issuer=real_issuer,
        oidc_client_id="handrail-pages",
        oidc_client_secret=SecretStr(SECRET),
        oidc_algorithm="RS256",
    )
    return create_app(settings, SystemClock(), wall_issuer.keys)


@pytest_asyncio.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    inner = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(mounts={ORIGIN: inner}, trust_env=False) as client:
        yield client
    await app.state.runtime.engine.dispose()


async def to_callback(browser: httpx2.AsyncClient, login: str, start: str) -> str:
    """Through the provider's own pages, to the address that it sends the browser back to."""
    url = start
    for _ in range(10):
        answer = await browser.get(url)
        if answer.status_code == 200:
            action = re.search(r'action="([^"]+)"', answer.text)
            assert action, answer.text
            fields = {"prompt": "login", "login": login, "password": "x"}
            answer = await browser.post(urljoin(str(answer.url), action[1]), data=fields)
        assert answer.status_code in {302, 303}, answer.text
        url = urljoin(str(answer.url), answer.headers["location"])
        if url.startswith(ORIGIN):
            return url
    raise AssertionError("the provider never sent the browser back")


async def begin(browser: httpx2.AsyncClient) -> str:
    answer = await browser.get(f"{ORIGIN}/escalation/sign-in?back=/triage")
    return str(answer.headers["location"])


async def test_a_person_signs_in_and_out_with_a_real_provider(browser: httpx2.AsyncClient) -> None:
    done = await browser.get(await to_callback(browser, "duty", await begin(browser)))
    assert done.headers["location"] == "/triage"
    page = await browser.get(f"{ORIGIN}/triage")
    assert page.status_code == 200
    assert "Signed in: Duty worker" in page.text
    form = {"csrf": hidden(page.text)["csrf"]}
    out = await browser.post(f"{ORIGIN}/escalation/sign-out", data=form, headers={"Origin": ORIGIN})
    gone = await browser.get(urljoin(ORIGIN, out.headers["location"]))
    link = re.search(r'href="(http://127[^"]+/session/end[^"]+)"', gone.text)
    assert link, gone.text
    ended = await browser.get(link[1].replace("&amp;", "&"))
    assert ended.status_code == 200
    assert "sign-out" in ended.text.lower()


async def test_whom_the_provider_grants_nothing_opens_nothing(browser: httpx2.AsyncClient) -> None:
    done = await browser.get(await to_callback(browser, "nobody", await begin(browser)))
    assert done.status_code == 303
    assert (await browser.get(f"{ORIGIN}/triage")).status_code == 403


async def test_a_code_cannot_be_replayed_nor_used_without_its_verifier(
    browser: httpx2.AsyncClient, app: FastAPI, real_issuer: str
) -> None:
    callback = await to_callback(browser, "duty", await begin(browser))
    stolen = query(callback)["code"]
    form = {
        "grant_type": "authorization_code",
        "code": stolen,
        "redirect_uri": f"{ORIGIN}/escalation/sign-in/callback",
    }
    basic = httpx2.BasicAuth("handrail-pages", SECRET)
    thief = await browser.post(f"{real_issuer}/token", data=form, auth=basic)
    assert thief.json()["error"] == "invalid_grant"
    assert (await browser.get(callback)).status_code in {303, 403}
    assert (await browser.get(callback)).status_code == 400


async def test_the_provider_refuses_a_sign_in_without_pkce(
    browser: httpx2.AsyncClient,
) -> None:
    asked = query(await begin(browser))
    del asked["code_challenge"], asked["code_challenge_method"]
    url = (await begin(browser)).partition("?")[0]
    answer = await browser.get(url, params=asked)
    assert query(answer.headers["location"])["error"] == "invalid_request"
    refused = await browser.get(answer.headers["location"])
    assert refused.status_code == 403


async def test_a_wrong_secret_signs_nobody_in(browser: httpx2.AsyncClient, app: FastAPI) -> None:
    provider = app.state.web.provider
    provider._settings = app.state.web.settings.model_copy(
        update={"oidc_client_secret": SecretStr("wrong")}
    )
    page = await browser.get(await to_callback(browser, "duty", await begin(browser)))
    assert page.status_code == 403


def test_the_packages_come_from_no_named_registry() -> None:
    for folder in (FOLDER, ROOT / "deploy" / "web"):
        assert '"resolved"' not in Path(folder / "package-lock.json").read_text()
