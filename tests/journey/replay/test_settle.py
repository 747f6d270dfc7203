"""What can never be replayed is read by hand; then it holds nothing up, and it is known by whom."""

import asyncio
import json
from uuid import UUID, uuid4

from typer.testing import CliRunner, Result

from handrail.topics import topics_app
from shared.bus import Record
from shared.sealing import account_ref
from tests.journey.replay.test_replay import TOPIC, Service, held, numbers, service

__all__ = ["service"]

SECRET = "a secret of the deployment, 32+ bytes"
BY = "operator@authority.example"


async def settle(
    at: Service, letter: UUID, *more: str, by: str = BY, secret: str = SECRET
) -> Result:
    """by: typed when it is asked for."""
    environment = {"HANDRAIL_DATABASE_URL": at.dsn, "HANDRAIL_MATCH_SECRET": secret}
    command = ["settle", "--id", str(letter), *more]
    return await asyncio.to_thread(
        lambda: CliRunner().invoke(topics_app, command, input=f"{by}\n", env=environment)
    )


async def letter_with(at: Service, reason: str) -> UUID:
    [row] = await at.fetch("SELECT id FROM dead_letter WHERE reason = $1", reason)
    found: UUID = row["id"]
    return found


async def told(at: Service) -> list[dict[str, str]]:
    query = "SELECT data FROM outbox WHERE type = 'dead_letter.settled'"
    return [json.loads(row["data"]) for row in await at.fetch(query)]


async def test_what_was_held_behind_a_settled_letter_can_be_replayed(service: Service) -> None:
    concern = uuid4()
    await service.hear(held(concern, 1, data=b'{"held": "perhaps"}'), held(concern, 2))
    assert (await service.replay("--reason", "held")).exit_code == 1
    [first] = [reason for reason in await service.still_open() if reason != "held"]
    said = await settle(service, await letter_with(service, first))
    assert said.exit_code == 0, said.output
    service.broken = False
    assert (await service.replay("--reason", "held")).exit_code == 0
    await service.hear_its_outbox()
    assert numbers(service.applied) == ["ref-2"]
    assert await service.still_open() == []


async def test_who_settled_it_is_told_as_a_keyed_reference_and_once(service: Service) -> None:
    await service.hear(Record(TOPIC, str(uuid4()).encode(), b"?"))
    letter = await letter_with(service, "header-missing")
    for by in ((), ("--by", "another")):
        assert (await settle(service, letter, *by)).exit_code == 0
    [event] = await told(service)
    assert event["actor_ref"] == account_ref(SECRET.encode(), BY)
    assert (event["dead_letter_id"], event["consumer"]) == (str(letter), "escalation")


async def test_what_is_held_or_not_there_is_refused_in_a_sentence(service: Service) -> None:
    concern = uuid4()
    await service.hear(held(concern, 1), held(concern, 2))
    waiting = await settle(service, await letter_with(service, "held"))
    missing = await settle(service, uuid4())
    assert (waiting.exit_code, missing.exit_code) == (1, 1)
    assert "only waits behind another" in waiting.output
    assert "is not a dead letter of this service" in missing.output
    assert await service.still_open() == ["failed:LookupError", "held"]
    assert await told(service) == []


async def test_nothing_is_settled_by_nobody_or_without_a_secret(service: Service) -> None:
    assert "--by" in (await settle(service, uuid4(), by=" ")).output
    assert "HANDRAIL_MATCH_SECRET" in (await settle(service, uuid4(), secret="short")).output
