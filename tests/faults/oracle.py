"""What must hold after every fault, asked of the databases themselves: L = R = D = O = 0.

L: acknowledged concerns that intake does not have. R: concerns with neither a case nor a dead
letter. D: what took effect twice, or was counted twice or not at all. O: events of one concern
that came out of their producer's order.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx2

from audit_log.unaccounted import counts
from shared.events.catalogue import topics_for
from tests.faults.harness import SERVICES, House

DRAIN_SECONDS = 120.0
_SCHEMAS = {service: service.replace("-", "_") for service in SERVICES}
# A case that was read by hand first is opened by its dead letter, and has its task for that.
_UNROUTED = """
SELECT id::text FROM intake.concern c
WHERE NOT EXISTS (SELECT FROM escalation.case_file f WHERE f.id = c.id)
  AND NOT EXISTS (SELECT FROM escalation.dead_letter d WHERE d.subject = c.id)
"""
# Each query lists what was there more often than it may be.
_DOUBLED = {
    "concern for one child of one submission": """
        SELECT incident_id::text FROM intake.concern GROUP BY incident_id, subject_ref
        HAVING count(*) > 1""",
    "task of one case, route and owner": """
        SELECT case_id::text FROM escalation.task WHERE state <> 'superseded'
        GROUP BY case_id, route, subject, la, owner_role HAVING count(*) > 1""",
    "timer of one task": """
        SELECT task_id::text FROM escalation.timer
        GROUP BY task_id, kind, due_at HAVING count(*) > 1""",
    "what was told of one case": """
        SELECT subject::text FROM audit_log.log_entry WHERE type = 'case.opened'
        GROUP BY subject HAVING count(*) > 1""",
    "what was told of one task": """
        SELECT task_id::text FROM audit_log.log_entry WHERE type = 'task.opened'
        GROUP BY task_id HAVING count(*) > 1""",
    "outcome of one case in the school's feed": """
        SELECT concern_id::text FROM intake.outcome WHERE kind = 'case_opened'
        GROUP BY concern_id HAVING count(*) > 1""",
    "notice of one event to one recipient": """
        SELECT event_id::text FROM notify.notice GROUP BY event_id, recipient, template
        HAVING count(*) > 1""",
    "outcome of one notice": """
        SELECT convert_from(payload, 'UTF8')::json -> 'data' ->> 'notice_id'
        FROM audit_log.log_entry WHERE type IN ('notice.sent', 'notice.failed')
        GROUP BY 1 HAVING count(*) > 1""",
    "number of one producer": """
        SELECT producer || ' ' || producer_sequence FROM audit_log.log_entry
        WHERE producer IS NOT NULL GROUP BY producer, producer_sequence HAVING count(*) > 1""",
    "event with two contents": """
        SELECT seq::text FROM audit_log.log_entry WHERE type = 'audit.conflict'""",
    "dead letter of one record": """
        SELECT event_id::text FROM escalation.dead_letter WHERE event_id IS NOT NULL
        GROUP BY event_id HAVING count(*) > 1""",
}
# The log's order within a concern is that of its partition, which must be its producer's.
_DISORDERED = """
SELECT DISTINCT subject::text FROM (
    SELECT subject, producer_sequence,
           lag(producer_sequence)
               OVER (PARTITION BY topic, subject, producer ORDER BY seq) AS before
    FROM audit_log.log_entry WHERE producer IS NOT NULL
) AS ordered WHERE producer_sequence <= before
UNION
SELECT DISTINCT subject::text FROM (
    SELECT subject, type, row_number() OVER (PARTITION BY subject ORDER BY seq) AS nr
    FROM audit_log.log_entry WHERE topic = 'handrail.concerns.v1' AND producer LIKE 'intake/%'
      AND type IN ('concern.raised', 'concern.amended')
) AS told WHERE nr = 1 AND type <> 'concern.raised'
"""
_GAPS = """
SELECT p.name FROM ({producers}) AS p
LEFT JOIN audit_log.log_entry e ON e.producer = p.name
GROUP BY p.name, p.last_sequence
HAVING count(DISTINCT e.producer_sequence) <> p.last_sequence
"""


@dataclass(frozen=True)
class Verdict:
    """Empty sets: nothing was lost, nothing unrouted, nothing doubled, nothing out of order."""

    lost: set[str] = field(default_factory=set)
    unrouted: set[str] = field(default_factory=set)
    doubled: set[str] = field(default_factory=set)
    disordered: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return (
            f"L={_some(self.lost)} R={_some(self.unrouted)} "
            f"D={_some(self.doubled)} O={_some(self.disordered)}"
        )


def _some(found: set[str]) -> str:
    return f"{len(found)}" + (f" {sorted(found)[:5]}" if found else "")


async def settle(house: House, within: float = DRAIN_SECONDS) -> None:
    """Waits until everything that was accepted has gone the whole way; then nothing may be wrong.

    A notice that was claimed by a sender killed since is let go at once: no test waits a minute.
    """
    connection = await asyncpg.connect(house.around.superuser)
    try:
        deadline = time.monotonic() + within
        while under_way := await _under_way(connection):
            assert time.monotonic() < deadline, f"not drained: {under_way}"
            await _free_claims(connection, house.started("notify"))
            await asyncio.sleep(0.25)
        verdict = await judge(connection, house)
    finally:
        await connection.close()
    assert verdict == Verdict(), str(verdict)
    silent = counts(await _unaccounted(house))
    # Nobody works here, so P0 tasks wait; a notice that failed is a test's own doing, and told.
    del silent["p0_unacknowledged"], silent["notices_failed"]
    assert not any(silent.values()), silent


async def _under_way(connection: asyncpg.Connection) -> dict[str, Any]:
    """What still has to happen, by name; empty when all is quiet."""
    counts = {"unrouted": len(await _column(connection, _UNROUTED))}
    for service, schema in _SCHEMAS.items():
        counts[f"outbox {service}"] = await connection.fetchval(
            f"SELECT count(*) FROM {schema}.outbox"
        )
        if service != "audit-log":
            counts[f"inbox {service}"] = await _unread(connection, service, schema)
    counts["notices"] = await connection.fetchval(
        "SELECT count(*) FROM notify.notice WHERE ended_at IS NULL"
    )
    producers = " UNION ALL ".join(
        f"SELECT name, last_sequence FROM {schema}.producer" for schema in _SCHEMAS.values()
    )
    gaps: list[str] = await _column(connection, _GAPS.format(producers=producers))
    return {name: count for name, count in counts.items() if count} | {
        f"log {producer}": "incomplete" for producer in gaps
    }


async def _unread(connection: asyncpg.Connection, service: str, schema: str) -> int:
    """Events in the log, on the service's topics, that it has not had."""
    unread: int = await connection.fetchval(
        f"""SELECT count(*) FROM audit_log.log_entry e
        WHERE e.topic = ANY($1) AND e.type NOT LIKE 'audit.%' AND NOT EXISTS (
            SELECT FROM {schema}.inbox i WHERE i.event_id = e.event_id AND i.consumer = $2)""",
        list(topics_for(service)),
        service,
    )
    return unread


async def _unaccounted(house: House) -> dict[str, Any]:
    """What the audit log itself says is without its next step, from its own entries."""
    headers = house.around.issuer.person("operator", role="operator")
    async with httpx2.AsyncClient(timeout=15) as client:
        url = f"{house.url('audit-log')}/v1/log/unaccounted"
        answer = await client.get(url, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _free_claims(connection: asyncpg.Connection, notify_started: float) -> None:
    await connection.execute(
        "UPDATE notify.notice SET next_attempt_at = now() WHERE state = 'sending' "
        "AND next_attempt_at - interval '60 seconds' < to_timestamp($1)",
        notify_started,
    )


async def judge(connection: asyncpg.Connection, house: House) -> Verdict:
    stored = set(await _column(connection, "SELECT id::text FROM intake.concern"))
    acknowledged = {str(concern_id) for concern_id in house.acknowledged}
    doubled = {
        f"{name}: {where}"
        for name, query in _DOUBLED.items()
        for where in await _column(connection, query)
    }
    # Every submission was repeated until it was answered: what was stored besides is a double.
    doubled |= {f"concern nobody was told of: {one}" for one in stored - acknowledged}
    return Verdict(
        lost=acknowledged - stored,
        unrouted=set(await _column(connection, _UNROUTED)),
        doubled=doubled,
        disordered=set(await _column(connection, _DISORDERED)),
    )


async def _column(connection: asyncpg.Connection, query: str) -> list[str]:
    rows: Iterable[Any] = await connection.fetch(query)
    return [row[0] for row in rows]
