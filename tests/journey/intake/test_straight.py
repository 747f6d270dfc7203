"""The short way of a submission answers in all things as its declared route does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import orjson
import pytest

from intake.straight import Straight
from tests.journey.intake.harness import Intake, a_body

JSON = {"content-type": "application/json"}


@asynccontextmanager
async def declared(intake: Intake) -> AsyncIterator[httpx2.AsyncClient]:
    """The same service with only the route to go by."""
    layers: list[Any] = intake.app.user_middleware
    short = next(layer for layer in layers if layer.cls is Straight)
    layers.remove(short)
    intake.app.middleware_stack = None
    transport = httpx2.ASGITransport(app=intake.app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://intake") as http:
        yield http
    layers.insert(0, short)
    intake.app.middleware_stack = None


async def both(intake: Intake, body: bytes, headers: dict[str, str]) -> list[httpx2.Response]:
    short = await intake.http.post("/v1/concerns", content=body, headers=headers)
    async with declared(intake) as http:
        return [short, await http.post("/v1/concerns", content=body, headers=headers)]


def shown(response: httpx2.Response) -> tuple[int, dict[str, str], Any]:
    return response.status_code, dict(response.headers), response.json()


@pytest.mark.parametrize(
    ("who", "body"),
    [
        ("nobody", orjson.dumps(a_body())),
        ("stranger", orjson.dumps(a_body())),
        ("mis", b'{"narrative": "cut sho'),
        ("mis", orjson.dumps(a_body(narrative="word " * 60_000))),
    ],
)
async def test_a_refusal_is_the_same(intake: Intake, who: str, body: bytes) -> None:
    callers = {
        "nobody": {},
        "stranger": intake.issuer.headers("worker", route="MASH"),
        "mis": intake.mis(),
    }
    short, other = await both(intake, body, callers[who] | JSON)
    assert short.status_code >= 400
    assert shown(short) == shown(other)
    assert {"999", "101"} <= {n["number"] for n in short.json()["emergency"]["numbers"]}


async def test_what_one_has_stored_the_other_finds_again(intake: Intake) -> None:
    headers = intake.mis() | JSON | {"idempotency-key": "key-1"}
    short, other = await both(intake, orjson.dumps(a_body()), headers)
    assert (short.status_code, short.json()) == (201, other.json())
    assert other.headers["idempotent-replayed"] == "true"
    assert await intake.count("concern") == 1


async def test_a_failure_inside_says_nothing_and_keeps_nothing_open(intake: Intake) -> None:
    """Having no policy stands for any defect of ours."""
    intake.app.state.desk = replace(intake.desk, policies=None)  # type: ignore[arg-type]
    short, other = await both(intake, orjson.dumps(a_body()), intake.mis() | JSON)
    assert short.status_code == 500
    assert shown(short) == shown(other)
