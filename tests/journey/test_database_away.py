"""The database goes away and comes back: no service ends, and what was accepted goes its way."""

import asyncio

import asyncpg

from tests.house import House

BODY = {
    "reporter": {"role": "teacher"},
    "children": [{"ref": "child-1", "dob": "2014-05-01", "home_la": "821"}],
    "facts": {"concern_types": ["physical"], "harm_level": "suspected_significant"},
}


async def _as_superuser(house: House, *statements: str) -> None:
    connection = await asyncpg.connect(house.database.server.dsn())
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_every_service_outlives_an_unreachable_database(house: House) -> None:
    before = await house.post_concern(BODY, "before")
    assert before.status_code == 201, before.text
    name = house.database.name
    await _as_superuser(
        house,
        f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false',
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
    )
    meanwhile = await house.post_concern(BODY, "meanwhile")
    assert meanwhile.status_code == 503
    assert {action["route"] for action in meanwhile.json()["actions"]} >= {"DSL", "MASH"}
    assert meanwhile.json()["emergency"]["numbers"]
    await asyncio.sleep(3)  # longer than any reconnecting interval, so that each loop meets it
    assert not any(app.state.failed for app in house.apps.values())

    await _as_superuser(house, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

    async def accepted() -> bool:
        return (await house.post_concern(BODY, "after")).status_code == 201

    await house.until(accepted)
    concern = before.json()["concerns"][0]["concern_id"]

    async def arrived() -> bool:
        return concern in {row["case_id"] for row in await house.queue("MASH", "821")}

    await house.until(arrived, seconds=30)
    assert not any(app.state.failed for app in house.apps.values())
