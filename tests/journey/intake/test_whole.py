"""The whole service as it runs: relay and consumer too."""

import asyncio
from typing import Any

from tests.journey.intake.harness import a_body


async def test_what_was_accepted_leaves_the_outbox_and_the_service_is_ready(start: Any) -> None:
    async with start(whole=True) as intake:
        assert (await intake.http.get("/readyz")).status_code == 200
        assert (await intake.post(a_body())).status_code == 201
        async with asyncio.timeout(10):
            while await intake.count("outbox"):  # noqa: ASYNC110 - the relay tells nobody
                await asyncio.sleep(0.02)
        schema = (await intake.http.get("/intake/openapi.json")).json()
        assert "/v1/concerns" in schema["paths"]
