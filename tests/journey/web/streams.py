"""Open pages of a queue, as a browser keeps them: what each is sent."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import TYPE_CHECKING

import httpx2

if TYPE_CHECKING:
    from tests.journey.web.conftest import Desk

HERE = "/triage/MASH/821"


@dataclass
class Stream:
    """What an open page is sent: the text of each event, and the last id."""

    events: list[str] = field(default_factory=list)
    last: str = ""
    over: bool = False

    @property
    def text(self) -> str:
        return unescape("\n".join(self.events))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - what it waits for is another task's
                await asyncio.sleep(0.02)


@dataclass
class Open:
    """Opens pages' streams over a real connection, as a browser does."""

    port: int

    @asynccontextmanager
    async def stream(
        self, desk: "Desk", address: str | None = None, last: str = ""
    ) -> AsyncIterator[Stream]:
        address = address or live_address((await desk.get(HERE)).text)
        headers = {"Cookie": f"handrail-escalation={desk.cookie}", "Sec-Fetch-Site": "same-origin"}
        headers |= {"Last-Event-ID": last} if last else {}
        found = Stream()
        url = f"http://127.0.0.1:{self.port}{address}"
        async with (
            httpx2.AsyncClient(trust_env=False, timeout=30) as client,
            client.stream("GET", url, headers=headers) as answer,
        ):
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            reading = asyncio.create_task(_read(answer, found))
            yield found
            reading.cancel()


async def _read(answer: httpx2.Response, into: Stream) -> None:
    data: list[str] = []
    async for line in answer.aiter_lines():
        if line.startswith("id: "):
            into.last = line[4:]
        elif line.startswith(("data: ", "event: ")):
            data.append(line)
        elif not line and data:
            into.events.append("\n".join(data))
            data = []
    into.over = True


def live_address(html: str) -> str:
    found = re.search(r'hx-sse:connect="([^"]+)"', html)
    assert found
    return unescape(found[1])
