"""Kafka away for a while: concerns are accepted and advised on, and all goes its way after."""

import asyncio
from collections.abc import Callable

import pytest

from handrail.kafka_broker import Broker, KafkaCluster
from tests.faults.harness import House
from tests.faults.load import load
from tests.faults.oracle import settle

AWAY_SECONDS = 10.0


def pause(broker: Broker) -> None:
    """It keeps its connections and answers nobody, which no client is told of."""
    broker.pause()


def kill(broker: Broker) -> None:
    broker.kill()


def back(broker: Broker) -> None:
    if broker.running:
        broker.resume()
    else:
        broker.start()


@pytest.mark.parametrize("lose", [pause, kill])
async def test_concerns_are_accepted_with_full_advice_while_kafka_is_away(
    house: House, broker: KafkaCluster, lose: Callable[[Broker], None]
) -> None:
    (only,) = broker.brokers
    async with load(house) as running:
        await running.until(4)
        before = running.accepted[0]
        lose(only)
        try:
            done = len(running.acknowledged)
            # The outage is the length of this sleep: clients and relay meet their time-outs in it.
            await asyncio.sleep(AWAY_SECONDS)
            await running.until(done + 8)
        finally:
            back(only)
    assert set(running.given) == {201}
    assert running.lost == 0
    for answer in running.accepted:
        assert routes(answer) == routes(before)
        assert all(action["because"] for action in answer["actions"])
    await asyncio.to_thread(broker.wait_until_ready)
    await settle(house)


def routes(answer: dict[str, object]) -> set[str]:
    actions = answer["actions"]
    assert isinstance(actions, list)
    return {action["route"] for action in actions}
