"""The escalation service with its pages, the demo's provider behind a real port, and a browser."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
import pytest_asyncio
import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from pydantic import SecretStr

from escalation.app import create_app
from escalation.settings import EscalationSettings
from escalation.web.live import Live
from handrail.issuer import client_secret, issuer_app
from handrail.issuer_people import PEOPLE_CLIENT, PEOPLE_PATH, People, people_router
from shared.auth import Principal
from shared.clock import Clock, SetClock
from shared.errors import install_problem_handlers
from shared.web import page_router, posted, signed_in
from tests.conftest import TestIssuer
from tests.journey.web.streams import Open

ORIGIN = "http://127.0.0.1:1"
DUTY = "demo-worker-mash-821"
_INPUT = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


@asynccontextmanager
async def listening(app: FastAPI, port: socket.socket) -> AsyncIterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve([port]))
    while not server.started:  # noqa: ASYNC110 - it has no event to wait for
        await asyncio.sleep(0.01)
    yield
    server.should_exit = True
    await task


@dataclass
class Provider:
    """The demo's OpenID provider on a port of its own."""

    base: str
    people: People
    directory: Path

    @property
    def issuer(self) -> str:
        return self.base + PEOPLE_PATH


@pytest_asyncio.fixture
async def provider(issuer_directory: Path, clock: SetClock) -> AsyncIterator[Provider]:
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{port.getsockname()[1]}"
        people = People(issuer_directory, base, ("escalation",), clock)
        people.callbacks = frozenset({f"{ORIGIN}/escalation/sign-in/callback"})
        made = Provider(base, people, issuer_directory)
        app = FastAPI()
        install_problem_handlers(app)
        app.include_router(people_router(people))
        for route in issuer_app(issuer_directory, clock, {}).routes:
            app.router.routes.append(route)
        async with listening(app, port):
            yield made


@dataclass
class Desk:
    """One browser at one desk: it keeps cookies and says where its requests come from."""

    app: FastAPI
    provider: Provider
    client: httpx2.AsyncClient
    clock: Clock

    @property
    def cookie(self) -> str | None:
        return self.client.cookies.get("handrail-escalation")

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        url = path if path.startswith("http") else ORIGIN + path
        return await self.client.get(url, headers={"Accept": "text/html", **headers})

    async def post(self, path: str, fields: Any, **headers: str) -> httpx2.Response:
        """As a form of our own page does, unless `headers` say otherwise."""
        sent = {"Accept": "text/html", "Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
        return await self.client.post(ORIGIN + path, data=fields, headers=sent | headers)

    async def begin(self, path: str = "/triage") -> str:
        """To the provider's page; returns its address, which has the state in it."""
        to_sign_in = await self.get(path)
        assert to_sign_in.status_code == 303, to_sign_in.text
        to_provider = await self.get(to_sign_in.headers["location"])
        assert to_provider.status_code == 303, to_provider.text
        return str(to_provider.headers["location"])

    async def choose(self, authorize: str, account: str = DUTY) -> str:
        """Picks a person on the provider's page; returns where it sends the browser."""
        asked = await self.client.get(authorize)
        assert asked.status_code == 200, asked.text
        fields = hidden(asked.text) | {"account": account}
        chosen = await self.client.post(f"{self.provider.issuer}/authorize", data=fields)
        assert chosen.status_code == 303, chosen.text
        return str(chosen.headers["location"])

    async def sign_in(self, account: str = DUTY, path: str = "/triage") -> httpx2.Response:
        """All of it, and the page that it comes back to."""
        back = await self.get(await self.choose(await self.begin(path), account))
        assert back.status_code == 303, back.text
        return await self.get(back.headers["location"])

    async def token(self) -> str:
        """The token of the forms on a page of this session."""
        return hidden((await self.get("/triage")).text)["csrf"]


def hidden(html: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in _INPUT.findall(html)}


def query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def notes_router() -> APIRouter:
    """A page with a form, as a service would have one: it keeps what was sent."""
    router = page_router()
    kept: list[tuple[str, tuple[tuple[str, str], ...]]] = []
    who = Depends(signed_in("worker"))

    @router.post("/triage/notes")
    async def add(request: Request, worker: Principal = who) -> Response:
        kept.append((worker.subject, (await posted(request)).fields))
        return Response("kept")

    router.kept = kept  # type: ignore[attr-defined]
    return router


def live_router() -> APIRouter:
    router = APIRouter()

    @router.get("/triage/live-for-tests", dependencies=[Depends(signed_in("worker"))])
    async def live() -> Response:
        return Response("live")

    return router


@pytest.fixture
def app(
    provider: Provider,
    settings_for: Callable[..., EscalationSettings],
    clock: SetClock,
    issuer: TestIssuer,
) -> FastAPI:
    settings = settings_for(
        "escalation",
        oidc_issuer=provider.issuer,
        oidc_client_id=PEOPLE_CLIENT,
        oidc_client_secret=SecretStr(client_secret(provider.directory, PEOPLE_CLIENT)),
    )
    made = create_app(settings, clock, issuer.keys)
    notes = notes_router()
    made.include_router(notes)
    made.include_router(live_router())
    made.state.kept = notes.kept  # type: ignore[attr-defined]
    return made


@pytest_asyncio.fixture
async def desks(
    app: FastAPI, provider: Provider, clock: SetClock
) -> AsyncIterator[Callable[[], Desk]]:
    """Gives one more browser with each call."""
    clients: list[httpx2.AsyncClient] = []

    def another() -> Desk:
        inner = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        clients.append(httpx2.AsyncClient(mounts={ORIGIN: inner}, trust_env=False))
        return Desk(app, provider, clients[-1], clock)

    yield another
    for client in clients:
        await client.aclose()
    await app.state.runtime.engine.dispose()


@pytest.fixture
def desk(desks: Callable[[], Desk]) -> Desk:
    return desks()


@pytest_asyncio.fixture
async def opened(desk: Desk) -> AsyncIterator[Open]:
    live: Live = desk.app.state.live
    work = [asyncio.create_task(live.feed.run()), asyncio.create_task(live.ends.run())]
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        async with listening(desk.app, port):
            yield Open(port.getsockname()[1])
            live.ends._end_all()
    for task in work:
        task.cancel()
