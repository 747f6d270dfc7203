"""Accepting while many events wait for the bus, and bringing them to it afterwards."""

import asyncio
import time
from itertools import pairwise
from typing import Any, Final

import asyncpg

from handrail.bench.figures import Figures, Goal, Machine, medians, ratio, rounded
from handrail.bench.ground import NO_BUS, Ground, Load, Worker, ground, load
from handrail.bench.reference import Row

_WHAT: Final = (
    "Requests/s of POST /v1/concerns with 32 clients while events wait for a bus that is away, "
    "beside the same with none waiting; then the drain into the embedded bus, by fifths. The "
    "events are of the size of real ones, ten to a concern."
)
_CLIENTS: Final = 32
_FIFTHS: Final = 5
_LOOK_SECONDS: Final = 0.05
_FILL = """
INSERT INTO intake.outbox (event_id, topic, subject, type, version, producer, sequence,
    occurred_at, data)
SELECT gen_random_uuid(), o.topic, md5((n / 10)::text)::uuid, o.type, o.version, 'bench/fill', n,
    now(), convert_to($2, 'UTF8')
FROM generate_series(1, $1) AS n,
    (SELECT topic, type, version FROM intake.outbox LIMIT 1) AS o
"""
# An event of one concern that stands behind a later one of it.
_OUT_OF_ORDER = """
SELECT count(*) FROM (
    SELECT nr, lag(nr) OVER (PARTITION BY partition, key ORDER BY "offset") AS before
    FROM (
        SELECT partition, key, "offset", substring(
            convert_from(headers, 'LATIN1') FROM 'ce_sequence", "([0-9]+)')::bigint AS nr
        FROM bus.log WHERE position('bench/fill' IN convert_from(headers, 'LATIN1')) > 0
    ) AS numbered
) AS ordered WHERE nr <= before
"""

# Counting records would not do: a service that starts adds some of its own.
_NOTE = "CREATE TABLE reference.waiting AS SELECT event_id FROM intake.outbox"
_LEFT = """
SELECT EXISTS (SELECT FROM intake.outbox JOIN reference.waiting USING (event_id))
"""
_LOST = """
SELECT count(*) FROM reference.waiting WHERE event_id NOT IN (
    SELECT substring(convert_from(headers, 'LATIN1') FROM 'ce_id", "([^"]+)')::uuid FROM bus.log)
"""


async def bench_backlog(events: int, seconds: float, rounds: int) -> Figures:
    machine = Machine()
    async with ground() as on, load() as by:
        none, pending = await on.database("none"), await on.database("pending")
        workers = [await on.service("intake", name, NO_BUS) for name in ("none", "pending")]
        for worker in workers:
            await _post(on, by, worker, 1.0)
        row = await on.reference_tables("pending")
        await _fill(pending, events, row)
        runs: tuple[list[Figures], list[Figures]] = ([], [])
        for _ in range(rounds):
            await _execute(none, "TRUNCATE intake.outbox")
            for worker, windows in zip(workers, runs, strict=True):
                windows.append(await _post(on, by, worker, seconds))
            machine.look()
        await on.end(workers[1])
        drain = await _drain(on, pending)
        machine.look()
    ratios = {
        "accepting, pending/none": medians(
            [{"rps": ratio(one["rps"], other["rps"])} for other, one in zip(*runs, strict=True)]
        )["rps"],
        "drain, last fifth/first": ratio(drain["fifths"][-1], drain["fifths"][0]),
    }
    return {
        "what": _WHAT,
        "machine": machine.to_json() | {"seconds": seconds, "rounds": rounds, "events": events},
        "sides": {"none": medians(runs[0]), "pending": medians(runs[1]), "drain": drain},
        "ratios": ratios,
        "goals": [goal.to_json() for goal in _goals(ratios, drain)],
    }


def _goals(ratios: Figures, drain: Figures) -> list[Goal]:
    accepting, last = ratios["accepting, pending/none"], ratios["drain, last fifth/first"]
    return [
        Goal("accepting with events pending / with none", accepting, at_least=0.9),
        Goal("drain, last fifth / first fifth", last, at_least=0.8),
        Goal("events lost", drain["lost"], at_most=0),
        Goal("events out of their concern's order", drain["out_of_order"], at_most=0),
    ]


async def _post(on: Ground, by: Load, worker: Worker, seconds: float) -> Figures:
    return await by.run(
        port=worker.port,
        path="/v1/concerns",
        token=on.token(),
        clients=_CLIENTS,
        seconds=seconds,
        expect=201,
    )


async def _fill(dsn: str, events: int, row: Row) -> None:
    await _execute(dsn, _FILL, events, row.data)
    await _execute(dsn, "VACUUM (ANALYZE) intake.outbox")
    await _execute(dsn, "CHECKPOINT")


async def _execute(dsn: str, statement: str, *arguments: Any) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement, *arguments, timeout=900)
    finally:
        await connection.close()


async def _drain(on: Ground, dsn: str) -> Figures:
    """Events a second by fifths of what waited, from when the bus is there again."""
    connection = await asyncpg.connect(dsn)
    try:
        waiting = await connection.fetchval("SELECT count(*) FROM intake.outbox")
        await connection.execute(_NOTE, timeout=900)
        await on.service("intake", "pending")
        before = await _gone(connection)  # what went while it was still starting
        marks = [time.perf_counter()]
        while len(marks) <= _FIFTHS:
            gone = await _gone(connection) - before
            while len(marks) <= _FIFTHS and gone >= (waiting - before) * len(marks) // _FIFTHS:
                marks.append(time.perf_counter())
            await asyncio.sleep(_LOOK_SECONDS)
        # It happens in another process, so there is no event to wait for.
        while await connection.fetchval(_LEFT):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)
        lost = await connection.fetchval(_LOST, timeout=900)
        wrong = await connection.fetchval(_OUT_OF_ORDER, timeout=900)
    finally:
        await connection.close()
    fifths = [
        rounded((waiting - before) / _FIFTHS / max(1e-9, later - earlier))
        for earlier, later in pairwise(marks)
    ]
    return {
        "events": waiting,
        "fifths": fifths,
        "seconds": rounded(marks[-1] - marks[0]),
        "lost": lost,
        "out_of_order": wrong,
    }


async def _gone(connection: Any) -> int:
    """By the appended records' count: counting the rows that are left would slow the drain."""
    return await connection.fetchval("SELECT sum(next_offset)::bigint FROM bus.head") or 0
