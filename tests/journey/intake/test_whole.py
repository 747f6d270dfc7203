"""The whole service as it runs: relay and consumer too."""

import asyncio
from typing import Any

import pytest

from tests.journey.intake.harness import a_body


@pytest.mark.usefixtures("durable")
async def test_what_was_accepted_leaves_the_outbox_and_the_service_is_ready(start: Any) -> None:
    async with start(whole=True) as intake:
        assert (await intake.http.get("/readyz")).status_code == 200
        assert (await intake.post(a_body())).status_code == 201
        async with asyncio.timeout(10):
            while await intake.count("outbox"):  # noqa: ASYNC110 - the relay tells nobody
                await asyncio.sleep(0.02)
        schema = (await intake.http.get("/intake/openapi.json")).json()
        assert "/v1/concerns" in schema["paths"]


async def test_a_database_that_could_lose_a_commit_is_not_ready(start: Any) -> None:
    async with start(whole=True) as intake:
        answer = await intake.http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == ["fsync", "full_page_writes"]
