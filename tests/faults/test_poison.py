"""Records that cannot be applied: a person gets them, neighbours flow, and replay heals."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx2
from typer.testing import CliRunner, Result

from handrail.keys import private_file
from handrail.topics import topics_app
from shared.bus import Record
from shared.events.catalogue import CONCERNS
from shared.events.concerns import ConcernEnteredInError
from tests.faults.harness import House
from tests.faults.load import amend, load, post_one
from tests.faults.oracle import settle
from tests.faults.wire import all_consumed, publish, record

# As a bug in the handler of one concern would: no second look helps until it is gone.
_BREAK = """
CREATE FUNCTION escalation.broken() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.case_id = '{concern_id}' THEN RAISE EXCEPTION 'broken'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER broken BEFORE INSERT ON escalation.case_link
FOR EACH ROW EXECUTE FUNCTION escalation.broken();
"""
_MEND = "DROP TRIGGER broken ON escalation.case_link; DROP FUNCTION escalation.broken()"
# Advice of the right form with values that nobody can use: dealing with it fails too.
_ACTION = {"route": "MASH", "priority": "P1", "by": "soon", "certainty": "certain"}
_OWNED = {"owner": "team", "owner_role": "team", "channel": "PORTAL"}
_TOXIC = json.dumps({"decision": {"priority": "P1", "actions": [_ACTION | _OWNED]}}).encode()
_LETTERS = """
SELECT id, subject, reason, replayed_at FROM escalation.dead_letter
WHERE subject = ANY($1::uuid[]) ORDER BY recorded_at, "offset"
"""


async def ask(house: House, query: str, *values: Any) -> list[Any]:
    connection = await asyncpg.connect(house.around.superuser)
    try:
        return list(await connection.fetch(query, *values))
    finally:
        await connection.close()


async def queue(house: House) -> list[dict[str, Any]]:
    """What the hub sees of its queue, from the top."""
    headers = house.around.issuer.person(
        "worker@hub.example", role="worker", route="MASH", la="886"
    )
    async with httpx2.AsyncClient(timeout=15) as client:
        url = f"{house.url('escalation')}/v1/queues/MASH?limit=200"
        answer = await client.get(url, headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def replay(house: House, *arguments: str) -> Result:
    environment = {
        "HANDRAIL_DATABASE_URL": house.around.dsn("escalation"),
        "HANDRAIL_KEYS_PRIVATE": str(private_file(house.around.keys, "dead_letter")),
    }
    command = ["replay", *arguments]
    return await asyncio.to_thread(lambda: CliRunner().invoke(topics_app, command, env=environment))


def poison() -> dict[str, Record]:
    """One of each kind, each about a concern of its own."""
    raised = "concern.raised"
    return {
        "header-missing": Record(CONCERNS.name, _key(), b"\xff\xfe"),
        "header-twice": Record(CONCERNS.name, _key(), b"{}", (("ce_id", b"1"), ("ce_id", b"2"))),
        "unknown_type": record("concern.invented", uuid4(), b"{}"),
        "unknown_version": record(raised, uuid4(), b"{}", version=9),
        "too deep": record(raised, uuid4(), b"[" * 100_000),
        "not its type": record(raised, uuid4(), b'{"concern_id": 1}'),
        "toxic": record(raised, uuid4(), _TOXIC),
        "large": record(raised, uuid4(), b"x" * 800_000),
        "key of another": Record(
            CONCERNS.name, _key(), b"{}", record(raised, uuid4(), b"{}").headers
        ),
    }


def _key() -> bytes:
    return str(uuid4()).encode()


def _subject(of: Record) -> UUID:
    return UUID((of.key or b"").decode())


async def test_what_cannot_be_read_goes_to_a_person_while_neighbours_flow(house: House) -> None:
    bad = poison()
    without_key = Record(CONCERNS.name, None, b"{}")
    before = (await ask(house, "SELECT count(*) FROM escalation.dead_letter"))[0][0]
    async with load(house, schools=2) as running:
        await running.until(2)
        await publish(house, [*bad.values(), without_key])
        await running.until(len(running.acknowledged) + 4)
    await all_consumed(house)
    await settle(house)
    subjects = {name: _subject(each) for name, each in bad.items()}
    letters = {row["subject"]: row for row in await ask(house, _LETTERS, list(subjects.values()))}
    assert letters.keys() == set(subjects.values())
    after = (await ask(house, "SELECT count(*) FROM escalation.dead_letter"))[0][0]
    assert after == before + len(bad) + 1
    for name in ("header-missing", "header-twice", "unknown_type", "unknown_version"):
        assert letters[subjects[name]]["reason"] == name
    # The alarm, in the log; and the case, above everything that is understood.
    told = await ask(
        house,
        "SELECT subject FROM audit_log.log_entry "
        "WHERE type = 'dead_letter.recorded' AND producer = 'escalation'",
    )
    assert set(subjects.values()) <= {row["subject"] for row in told}
    items = await queue(house)
    top = [item["case_id"] for item in items if item["unprocessed"]]
    assert [item["case_id"] for item in items[: len(top)]] == top
    assert {str(subject) for subject in subjects.values()} <= set(top)


async def test_what_failed_is_read_by_hand_raised_at_once_and_healed_by_a_replay(
    house: House,
) -> None:
    house.pause("escalation")
    try:
        concern_id = await post_one(house)
        connection = await asyncpg.connect(house.around.superuser)
        await connection.execute(_BREAK.format(concern_id=concern_id))
        await connection.close()
    finally:
        house.resume("escalation")
    neighbour = await post_one(house)
    await settle(house)
    assert [row["reason"] for row in await letters_of(house, concern_id)] == ["failed:DBAPIError"]
    assert str(concern_id) in {i["case_id"] for i in await queue(house) if i["unprocessed"]}
    processed = "SELECT 1 FROM escalation.case_file WHERE id = $1 AND NOT unprocessed"
    assert await ask(house, processed, neighbour)

    # What only raises is applied at once; the rest of the concern waits.
    await amend(house, concern_id, immediate_danger="yes")
    await publish(house, [entered_in_error(concern_id)])
    await all_consumed(house)
    await settle(house)
    reasons = [row["reason"] for row in await letters_of(house, concern_id)]
    assert reasons == ["failed:DBAPIError", "held"]
    history = "SELECT kind FROM escalation.case_event WHERE case_id = $1"
    assert "amended" in {row["kind"] for row in await ask(house, history, concern_id)}
    police = "SELECT 1 FROM escalation.task WHERE case_id = $1 AND route = 'POLICE_999'"
    assert await ask(house, police, concern_id)

    # Replayed while it is still broken, it comes back; once it is mended, it heals.
    first = str((await letters_of(house, concern_id))[0]["id"])
    assert (await replay(house, "--id", first, "--dry-run")).exit_code == 0
    assert (await replay(house, "--id", first)).exit_code == 0
    await all_consumed(house)
    await settle(house)
    assert len(await open_letters(house, concern_id)) == 2
    for statement in _MEND.split(";"):
        await ask(house, statement)
    ids = [str(row["id"]) for row in await open_letters(house, concern_id)]
    said = await replay(house, *(part for each in ids for part in ("--id", each)))
    assert said.exit_code == 0, said.output
    await all_consumed(house)
    await settle(house)
    assert await open_letters(house, concern_id) == []
    case = (await ask(house, "SELECT * FROM escalation.case_file WHERE id = $1", concern_id))[0]
    assert not case["unprocessed"]
    assert case["entered_in_error_at"] is not None
    again = await replay(house, "--id", first)
    assert "not an open dead letter" in again.output


async def letters_of(house: House, concern_id: UUID) -> list[Any]:
    return await ask(house, _LETTERS, [concern_id])


async def open_letters(house: House, concern_id: UUID) -> list[Any]:
    return [row for row in await letters_of(house, concern_id) if row["replayed_at"] is None]


def entered_in_error(concern_id: UUID) -> Record:
    said = ConcernEnteredInError(
        concern_id=concern_id,
        at=datetime.now(UTC),
        actor_ref="faults",
        sealed_reason="sealed",
    )
    return record("concern.entered_in_error", concern_id, said.model_dump_json().encode())
