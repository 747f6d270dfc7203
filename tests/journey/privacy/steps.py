"""A concern before anyone asks for privacy: told, amended, acknowledged, not understood."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg

from handrail.keys import public_file
from shared.app import PARTITIONS
from shared.bus import Record, open_publisher
from shared.events.envelope import new_event_id
from shared.sealing import Sealer
from tests.journey.privacy.conftest import Installation
from tests.journey.privacy.marks import CLIENT, LA, Marks


async def until(condition: Callable[[], Awaitable[Any]], what: str, seconds: float = 40) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := await condition()):
        assert time.monotonic() < deadline, f"it did not come to pass in time: {what}"
        await asyncio.sleep(0.2)
    return value


async def raised(at: Installation, marks: Marks) -> UUID:
    """Posted, amended twice, told of, acknowledged with a reference: in every owner's hands."""
    headers = at.issuer.client(CLIENT) | {"Idempotency-Key": marks["Key"]}
    first = await at.ask("intake", "POST", "/v1/concerns", headers, json=marks.body())
    assert first.status_code == 201, first.text
    concern = UUID(first.json()["concerns"][0]["concern_id"])
    changed = marks.body(narrative=f"More: {marks['Narrative']}")
    again = await at.ask("intake", "POST", "/v1/concerns", headers, json=changed)
    assert again.status_code == 200, again.text
    path, more = f"/v1/concerns/{concern}/amendments", {"narrative": marks["Issue"]}
    later = await at.ask("intake", "POST", path, at.issuer.client(CLIENT), json=more)
    assert later.status_code == 200, later.text

    async def told() -> Any:
        query = (
            "SELECT 1 WHERE (SELECT count(*) FROM escalation.sealed_detail WHERE case_id = $1) = 3 "
            "AND EXISTS (SELECT FROM notify.reporter_contact WHERE concern_id = $1) "
            "AND EXISTS (SELECT FROM notify.notice WHERE case_id = $1 AND state = 'sent')"
        )
        return await at.sql(query, concern)

    await until(told, "everyone heard of the concern")
    await _acknowledged(at, concern, marks["Reference"])
    return concern


async def _acknowledged(at: Installation, concern: UUID, reference: str) -> None:
    queue = await at.ask("escalation", "GET", f"/v1/queues/MASH?la={LA}", at.worker())
    task = next(t for t in queue.json()["items"] if t["case_id"] == str(concern))
    path = f"/v1/tasks/{task['task_id']}/acknowledge"
    match = at.worker() | {"If-Match": f'"{task["version"]}"'}
    done = await at.ask("escalation", "POST", path, match, json={"reference": reference})
    assert done.status_code == 200, done.text


async def poisoned(at: Installation, concern: UUID, marks: Marks) -> None:
    """Every consumer gets what it cannot apply, with the concern's details in it."""
    details = Sealer.from_files(public_file(at.keys)).seal(
        "details", marks["Given"].encode(), context=str(concern)
    )
    bad = json.dumps({"sealed_details": details, "told_by": marks["Carer"]}).encode()
    for service, topic, kind in (
        ("intake", "handrail.concerns.v1", "concern.entered_in_error"),
        ("escalation", "handrail.cases.v1", "task.opened"),
    ):
        await at.sql(
            f"INSERT INTO {service}.outbox (event_id, topic, subject, type, version, producer, "
            "sequence, occurred_at, data) VALUES ($1, $2, $3, $4, 1, 'drill/bad', 1, now(), $5)",
            new_event_id(), topic, concern, kind, bad,
        )  # fmt: skip
    unreadable = Record("handrail.concerns.v1", str(concern).encode(), bad, ())
    publisher = open_publisher(at.house.around.bus, partitions=PARTITIONS)
    connection = await asyncpg.connect(at.house.around.dsn("intake"))
    await publisher.start()
    try:
        assert await publisher.publish(connection, [unreadable]) == [True]
    finally:
        await publisher.stop()
        await connection.close()

    async def kept() -> bool:
        query = " UNION ALL ".join(
            f"SELECT '{owner}' AS owner FROM {owner}.dead_letter "
            "WHERE subject = $1 AND raw IS NOT NULL"
            for owner in ("intake", "escalation", "notify", "audit_log")
        )
        owners = [row["owner"] for row in await at.sql(query, concern)]
        # The log and escalation had two records each that they could not take, one unreadable.
        return len(set(owners)) == 4 and owners.count("audit_log") == 3

    await until(kept, "every owner has a dead letter of the concern")
