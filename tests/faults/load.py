"""Schools that keep posting concerns, through every outage, until each one is acknowledged."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2

from tests.faults.harness import House

URN, CLIENT = "999001", "load-mis"
_WAIT_SECONDS = 0.1
_PATIENCE_SECONDS = 120.0


@dataclass
class Load:
    """What was answered. given: how often each status came; refusals: bodies of what was not 201.

    lost: how often an answer was cut off, so that nobody knew whether the concern was stored.
    """

    house: House
    acknowledged: list[UUID] = field(default_factory=list)
    given: Counter[int] = field(default_factory=Counter)
    accepted: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    lost: int = 0
    _answered: asyncio.Event = field(default_factory=asyncio.Event)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def school(self, pause: float) -> None:
        """One client: it posts, waits a moment and posts again; a submission is never given up."""
        async with httpx2.AsyncClient(timeout=15) as client:
            while not self._stop.is_set():
                await self.post(client, submission())
                try:
                    await asyncio.wait_for(self._stop.wait(), pause)
                except TimeoutError:
                    continue

    async def post(self, client: httpx2.AsyncClient, body: dict[str, Any]) -> list[UUID]:
        """The ids of its concerns, once they are acknowledged; always under one key."""
        headers = self.house.around.issuer.client(CLIENT)
        headers["Idempotency-Key"] = secrets.token_urlsafe(12)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                ids = await self._try(client, headers, body)
                if ids:
                    self.acknowledged += ids
                    self.house.acknowledged.update(ids)
                    return ids
                await asyncio.sleep(_WAIT_SECONDS)

    async def _try(
        self, client: httpx2.AsyncClient, headers: dict[str, str], body: dict[str, Any]
    ) -> list[UUID]:
        try:
            url = f"{self.house.url('intake')}/v1/concerns"
            answer = await client.post(url, json=body, headers=headers)
        except httpx2.ConnectError:
            return []
        except httpx2.TransportError:
            self.lost += 1
            return []
        self.given[answer.status_code] += 1
        self._answered.set()
        if answer.status_code != 201:
            assert answer.status_code in (409, 503), answer.text
            self.refusals.append(answer.json())
            return []
        self.accepted.append(answer.json())
        return [UUID(concern["concern_id"]) for concern in answer.json()["concerns"]]

    async def until(self, count: int, within: float = 60) -> None:
        """Until so many concerns are acknowledged."""
        await self._until(lambda: len(self.acknowledged) >= count, within)

    async def until_refused(self, count: int, within: float = 60) -> None:
        await self._until(lambda: len(self.refusals) >= count, within)

    async def _until(self, true: Callable[[], bool], within: float) -> None:
        async with asyncio.timeout(within):
            while not true():
                self._answered.clear()
                await self._answered.wait()

    def end(self) -> None:
        self._stop.set()


@asynccontextmanager
async def load(house: House, schools: int = 4, pause: float = 1.0) -> AsyncIterator[Load]:
    """Runs beside the block; at its end every submission under way is brought to its end."""
    running = Load(house)
    async with asyncio.TaskGroup() as group:
        for _ in range(schools):
            group.create_task(running.school(pause))
        try:
            yield running
        finally:
            running.end()


async def post_one(house: House, **facts: Any) -> UUID:
    """One concern about one child, acknowledged."""
    async with httpx2.AsyncClient(timeout=15) as client:
        ids = await Load(house).post(client, submission(children=1, **facts))
    return ids[0]


async def amend(house: House, concern_id: UUID, **facts: Any) -> None:
    headers = house.around.issuer.client(CLIENT) | {"Idempotency-Key": secrets.token_urlsafe(12)}
    url = f"{house.url('intake')}/v1/concerns/{concern_id}/amendments"
    async with httpx2.AsyncClient(timeout=15) as client:
        answer = await client.post(url, json={"facts": facts}, headers=headers)
        assert answer.status_code in (200, 201), answer.text


def submission(children: int | None = None, **facts: Any) -> dict[str, Any]:
    """A drill about invented children of a reserved school; every third one is about two."""
    count = children or (2 if secrets.randbelow(3) == 0 else 1)
    return {
        "school": {"urn": URN},
        "source_record_id": f"DRILL-{secrets.token_hex(6)}",
        "reporter": {"role": "teacher", "name": "A. Drill", "contact": "teacher@school.example"},
        "children": [
            {
                "ref": f"child-{n + 1}",
                "given_name": "Drill",
                "family_name": secrets.token_hex(4),
                "dob": "2014-05-01",
                "home_la": "886",
            }
            for n in range(count)
        ],
        "facts": {"concern_types": ["neglect"], "immediate_danger": "no", **facts},
        "narrative": "A drill: nothing in it is about anyone.",
    }
