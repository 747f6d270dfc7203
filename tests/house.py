"""All four services in this process on a fresh database and the Postgres bus, behind one client."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from handrail.house import SERVICES, part
from handrail.mailsink import MailSink
from handrail.paths import service_for
from handrail.seed import seed
from shared.clock import SetClock
from shared.settings import Settings
from tests.conftest import Database, TestIssuer

SCHOOL_OF = {"886": "999001", "821": "999002", "926": "999003"}


@dataclass
class House:
    """The running services. `client` reaches each by its path, as the proxy does."""

    apps: dict[str, FastAPI]
    client: httpx2.AsyncClient
    mail: MailSink
    clock: SetClock
    issuer: TestIssuer
    database: Database
    keys: Path

    async def post_concern(
        self, body: dict[str, Any], key: str, urn: str = "999002", **headers: str
    ) -> httpx2.Response:
        return await self.client.post(
            "/v1/concerns",
            json={"school": {"urn": urn}} | body,
            headers=self.issuer.headers("mis", client="demo-mis", school=urn)
            | {"Idempotency-Key": key}
            | headers,
        )

    async def until(self, condition: Callable[[], Any], seconds: float = 15) -> Any:
        """Waits until the awaitable that `condition` gives is truthy, and returns what it was."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if value := await condition():
                return value
            await asyncio.sleep(0.02)
        raise AssertionError("it did not come to pass in time")

    async def queue(self, route: str, la: str) -> list[dict[str, Any]]:
        answer = await self.client.get(
            f"/v1/queues/{route}",
            params={"la": la},
            headers=self.issuer.headers("worker", route=route, la=la),
        )
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


class ByPath(httpx2.AsyncBaseTransport):
    """Hands each request to the app whose path it is."""

    def __init__(self, apps: dict[str, FastAPI]) -> None:
        self._inner = {
            name: httpx2.ASGITransport(app=app, raise_app_exceptions=False)
            for name, app in apps.items()
        }

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        service = service_for(request.url.path)
        assert service is not None, f"no service answers {request.url.path}"
        return await self._inner[service].handle_async_request(request)


@pytest.fixture
async def house(
    database: Database,
    sealing_keys: Path,
    settings_for: Callable[..., Settings],
    clock: SetClock,
    issuer: TestIssuer,
) -> AsyncIterator[House]:
    long_ago = SetClock(datetime(2026, 1, 1, tzinfo=UTC))
    await seed(database.server.dsn, database.name, sealing_keys, long_ago)
    mail = MailSink()
    async with AsyncExitStack() as stack:
        await mail.start()
        stack.push_async_callback(mail.stop)
        apps = {}
        for service in SERVICES:
            more: dict[str, Any] = {}
            if service == "notify":
                more = {
                    "smtp_url": SecretStr(mail.url),
                    "mail_from": "handrail@demo.example",
                    "public_url": "http://127.0.0.1:8000",
                }
            made = part(service)
            settings = settings_for(service, made.settings, **more)
            apps[service] = made.create_app(settings, clock, issuer.keys)
            await stack.enter_async_context(apps[service].router.lifespan_context(apps[service]))
        client = httpx2.AsyncClient(transport=ByPath(apps), base_url="http://house")
        await stack.enter_async_context(client)
        yield House(apps, client, mail, clock, issuer, database, sealing_keys)
