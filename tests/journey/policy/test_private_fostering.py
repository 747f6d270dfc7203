"""Private fostering goes to the authority where the carer lives, from the report to the queue."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import asyncpg
from typer.testing import CliRunner

from handrail.policy_cli import policy_app
from tests.house import House

KENT_SCHOOL = "999001"
FACTS = {
    "concern_types": ["private_fostering"], "carer": "family_friend", "carer_days": 42,
    "age_years": 13, "disabled": "no", "immediate_danger": "no", "harm_level": "none_indicated",
}  # fmt: skip
CHILD = {"ref": "child-1", "home_la": "886", "facts": FACTS}
IN_LUTON: dict[str, Any] = {
    "children": [CHILD], "people": [{"role": "carer", "home_la": "821"}],
}  # fmt: skip
HUBS = "SELECT c.carer_la, t.la FROM case_file c JOIN task t ON t.case_id = c.id"


def hubs(answer: dict[str, Any]) -> set[str]:
    return {action["la"] for action in answer["actions"] if action["route"] == "MASH"}


async def of_the_hub(house: House) -> list[tuple[str, str]]:
    connection = await asyncpg.connect(house.database.dsn("escalation"))
    try:
        return [(*row,) for row in await connection.fetch(f"{HUBS} WHERE t.route = 'MASH'")]
    finally:
        await connection.close()


async def replayed(house: House) -> str:
    env = {"HANDRAIL_DATABASE_URL": house.database.dsn("escalation")}
    done = await asyncio.to_thread(CliRunner().invoke, policy_app, ["replay"], env=env)
    assert done.exit_code == 0, done.output
    return done.output


async def test_the_carer_s_authority_is_told_and_not_the_parents(house: House) -> None:
    house.clock.set(datetime(2026, 11, 30, 10, tzinfo=UTC))
    posted = await house.post_concern(IN_LUTON, "a-friend-of-the-mother", KENT_SCHOOL)
    assert posted.status_code == 201, posted.text
    assert hubs(posted.json()) == {"821"}
    assert await house.until(lambda: of_the_hub(house)) == [("821", "821")]
    # What is said later about something else leaves it there, at the school's and at the hub's.
    concern = posted.json()["concerns"][0]["concern_id"]
    amended = await house.client.post(
        f"/v1/concerns/{concern}/amendments",
        json={"facts": {"csc_status": "none"}},
        headers=house.issuer.headers("mis", client="demo-mis", school=KENT_SCHOOL),
    )
    assert amended.status_code == 200, amended.text
    assert hubs(amended.json()) == {"821"}

    async def decided_again() -> bool:
        return "2 decisions of 1 cases" in await replayed(house)

    await house.until(decided_again)
    assert await of_the_hub(house) == [("821", "821")]


async def test_where_the_carer_lives_may_be_said_later(house: House) -> None:
    house.clock.set(datetime(2026, 11, 30, 10, tzinfo=UTC))
    posted = await house.post_concern({"children": [CHILD]}, "nobody-knows-yet", KENT_SCHOOL)
    assert hubs(posted.json()) == {"886"}
    concern = posted.json()["concerns"][0]["concern_id"]
    amended = await house.client.post(
        f"/v1/concerns/{concern}/amendments",
        json={"children": [{"carer_la": "821"}]},
        headers=house.issuer.headers("mis", client="demo-mis", school=KENT_SCHOOL),
    )
    assert amended.status_code == 200, amended.text
    # The first hub keeps what it was told: nothing that was asked is taken back by a machine.
    assert hubs(amended.json()) == {"886", "821"}

    async def both() -> bool:
        return {la for _, la in await of_the_hub(house)} == {"886", "821"}

    assert await house.until(both)
