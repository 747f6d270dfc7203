"""kill -9 at every commit point and at any moment: nothing is lost, doubled or out of order."""

import asyncio
import os
import random
import secrets
from collections.abc import Sequence

import pytest

from tests.faults.conftest import Ground
from tests.faults.harness import DIED_AT_A_FAIL_POINT, SERVICES, House
from tests.faults.load import load, post_one
from tests.faults.oracle import settle

RELAY = ("relay.after-select", "relay.after-publish", "relay.after-delete")
CONSUMER = ("consumer.before-commit", "consumer.after-commit", "consumer.after-offset")
LANES = ("lane.before-store", "lane.after-commit")
LOG = ("audit.before-commit", "audit.after-commit")
KILLS = int(os.environ.get("HANDRAIL_KILLS", "24"))


async def die_at(house: House, service: str, points: Sequence[str]) -> list[tuple[str, str, int]]:
    """Starts the service to die at each point in turn, once that is reached; then for good."""
    died = []
    for point in points:
        house.restart(service, f"{point}:exit:once")
        died.append((service, point, await asyncio.to_thread(house.ended, service)))
    house.start(service)
    return died


async def all_die(house: House, plans: dict[str, Sequence[str]]) -> None:
    async with load(house):
        died = await asyncio.gather(*(die_at(house, *plan) for plan in plans.items()))
        await asyncio.to_thread(house.wait_until_ready)
    expected = [[(s, p, DIED_AT_A_FAIL_POINT) for p in points] for s, points in plans.items()]
    assert died == expected
    await settle(house)


async def test_the_whole_way_works_before_anything_is_killed(house: House) -> None:
    await post_one(house)
    await settle(house)


async def test_a_kill_around_the_commit_of_a_submission_loses_and_doubles_nothing(
    house: House, ground: Ground
) -> None:
    await all_die(house, {"intake": LANES, "notify": ["notify.after-send"]})


async def test_a_kill_anywhere_in_the_relay_loses_and_doubles_nothing(house: House) -> None:
    await all_die(house, dict.fromkeys(("intake", "escalation", "notify"), RELAY))


async def test_a_kill_anywhere_in_a_consumer_loses_and_doubles_nothing(house: House) -> None:
    plans: dict[str, Sequence[str]] = dict.fromkeys(("intake", "escalation", "notify"), CONSUMER)
    await all_die(house, plans | {"audit-log": LOG})


async def test_a_notice_sent_twice_by_a_kill_bears_the_same_message_id(
    house: House, ground: Ground
) -> None:
    """What a mail server took just before the kill is sent again: twice is better than never."""
    before = ground.mailbox.by_message_id()
    house.restart("notify", "notify.after-send:exit:once")
    await post_one(house)
    assert await asyncio.to_thread(house.ended, "notify") == DIED_AT_A_FAIL_POINT
    house.start("notify")
    await settle(house)
    sent = ground.mailbox.by_message_id() - before
    assert max(sent.values()) == 2


async def test_random_kills_of_all_services_under_load_lose_and_double_nothing(
    house: House,
) -> None:
    seed = int(os.environ.get("HANDRAIL_FAULT_SEED") or secrets.randbelow(2**32))
    print(f"\nHANDRAIL_FAULT_SEED={seed}")  # noqa: T201 - to run the same kills again
    chance = random.Random(seed)
    async with load(house) as running:
        for _ in range(KILLS):
            done = len(running.acknowledged)
            house.restart(chance.choice(SERVICES))
            await asyncio.sleep(chance.uniform(0.2, 1.5))
            await running.until(done + 1)
        await asyncio.to_thread(house.wait_until_ready)
    await settle(house)


@pytest.mark.parametrize(
    ("service", "points"),
    [
        ("intake", ("lane.after-commit", "relay.after-select", "relay.after-delete")),
        ("escalation", ("relay.after-delete", "consumer.before-commit", "consumer.after-commit")),
        ("audit-log", LOG),
    ],
)
async def test_the_embedded_bus_loses_and_doubles_nothing_either(
    house_on_postgres: House, service: str, points: Sequence[str]
) -> None:
    house_on_postgres.make_whole()
    await all_die(house_on_postgres, {service: points})
