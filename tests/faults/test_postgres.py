"""PostgreSQL lost in the middle of the load: never a 201 that is not durable, and no silence."""

import asyncio
from typing import Any

import asyncpg
import pytest

from tests.faults.conftest import Ground
from tests.faults.harness import SERVICES, House
from tests.faults.load import load
from tests.faults.oracle import settle

# Every kind of session that a service holds; each must come back by itself.
SESSIONS = ("handrail-intake-lane", "handrail-escalation", "relay %", "bus %", "handrail-notify")


async def test_a_crash_of_postgresql_refuses_with_advice_and_loses_nothing(
    house: House, ground: Ground
) -> None:
    pids = {service: house.pid(service) for service in SERVICES}
    async with load(house) as running:
        await running.until(4)
        before = running.accepted[0]
        await asyncio.to_thread(ground.server.kill)
        try:
            await running.until_refused(3)
        finally:
            await asyncio.to_thread(ground.server.start)
        await running.until(len(running.acknowledged) + 4)
    assert set(running.given) == {201, 503}
    for refusal in running.refusals:
        assert_advised(refusal, before)
    await settle(house)
    assert pids == {service: house.pid(service) for service in SERVICES}, "one was restarted"


def assert_advised(refusal: dict[str, Any], accepted: dict[str, Any]) -> None:
    assert "999" in {number["number"] for number in refusal["emergency"]["numbers"]}
    assert {a["route"] for a in refusal["actions"]} == {a["route"] for a in accepted["actions"]}
    assert "concerns" not in refusal


@pytest.mark.parametrize("session", SESSIONS)
async def test_a_lost_session_comes_back_by_itself(house: House, session: str) -> None:
    async with load(house, schools=2) as running:
        await running.until(2)
        connection = await asyncpg.connect(house.around.superuser)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name LIKE $1 AND datname = current_database()",
            session,
        )
        await connection.close()
        await running.until(len(running.acknowledged) + 2)
    await settle(house)
