"""Thousands of clocks due at once: how long two instances take to fire them, and none twice."""

import asyncio
import json
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any, Final

import asyncpg

from handrail.bench.figures import Figures, Goal, Machine, medians, ratio, rounded
from handrail.bench.ground import Ground, Missing, ground
from handrail.migrations import SCHEMAS

_WHAT: Final = (
    "Timers of unclaimed tasks, all due, fired by two instances of the escalation's timers: each "
    "becomes an event and the next timer, in one transaction. With a million more that are not "
    "due, beside the same with none."
)
_INSTANCES: Final = 2
_READY_SECONDS: Final = 60.0
_CASES: Final = """
INSERT INTO escalation.case_file (id, priority, facts, chronology, decision, basis, data_issues,
    conflicted, la, subject_role, unprocessed, quarantined, synthetic, received_at, opened_at,
    exclude_school_staff, held, version)
SELECT md5('case' || n)::uuid, 'P1', '{}', '{}', '{}', '[]', '[]', '[]', '821', 'child', false,
    false, true, now(), now(), false, false, 1 FROM generate_series(1, $1) AS n
"""
_TASKS: Final = """
INSERT INTO escalation.task (id, case_id, kind, route, la, urn, priority, rank, due_at, certainty,
    opened_at, owner, owner_role, channel, contact, script, because, read_only, state,
    notice_failed, version)
SELECT md5('task' || n)::uuid, md5('case' || n)::uuid, 'duty', 'MASH', '821', '999002', 'P1', 2,
    now(), 'certain', now(), 'the hub', 'team', 'PORTAL', '{}', '', '[]', false, 'open', false, 1
FROM generate_series(1, $1) AS n
"""
_TIMERS: Final = """
INSERT INTO escalation.timer (id, task_id, case_id, kind, due_at, attempts)
SELECT gen_random_uuid(), md5('task' || t)::uuid, md5('case' || t)::uuid, 'unclaimed',
    now() + $3, 0
FROM (SELECT 1 + n % $2 AS t FROM generate_series(1, $1) AS n) AS spread
"""
_CLEAR: Final = "TRUNCATE escalation.timer, escalation.outbox"
_TWICE: Final = """
SELECT count(*) - count(DISTINCT convert_from(data, 'UTF8')::jsonb ->> 'task_id')
FROM escalation.outbox WHERE type = 'task.reminded'
"""
_FIRED: Final = "SELECT count(*) FROM escalation.outbox WHERE type = 'task.reminded'"


async def bench_timers(due: int, pending: int, rounds: int) -> Figures:
    machine = Machine()
    async with ground() as on:
        superuser = await on.database("timers")
        sides: dict[str, list[Figures]] = {"none_pending": [], "pending": []}
        await _execute(superuser, _CASES, due)
        await _execute(superuser, _TASKS, due)
        for _ in range(rounds):
            for side, waiting in (("none_pending", 0), ("pending", pending)):
                sides[side].append(await _drain(on, superuser, due, waiting))
                machine.look()
    found = {side: medians(windows) for side, windows in sides.items()}
    alike = ratio(found["none_pending"]["seconds"], found["pending"]["seconds"])
    return {
        "what": _WHAT,
        "machine": machine.to_json() | {"rounds": rounds, "due": due, "pending": pending},
        "sides": found,
        "ratios": {"speed, pending/none": alike},
        "goals": [
            goal.to_json()
            for goal in (
                Goal("speed with others pending / with none", alike, at_least=0.7),
                Goal("seconds until all have fired", found["pending"]["seconds"], at_most=1),
                Goal("fired twice", max(w["twice"] for w in sides["pending"]), at_most=0),
                Goal("not fired", max(w["missed"] for w in sides["pending"]), at_most=0),
            )
        ],
    }


async def _drain(on: Ground, superuser: str, due: int, pending: int) -> Figures:
    await _execute(superuser, _CLEAR)
    if pending:
        await _execute(superuser, _TIMERS, pending, due, timedelta(days=30))
    await _execute(superuser, _TIMERS, due, due, timedelta(seconds=-1))
    await _execute(superuser, "VACUUM (ANALYZE) escalation.timer")
    await _execute(superuser, "CHECKPOINT")
    dsn = on.postgres.dsn("timers", SCHEMAS["escalation"].role)
    firing = [await _Firing.ready(dsn) for _ in range(_INSTANCES)]
    begun = time.perf_counter()
    done = await asyncio.gather(*(one.fire() for one in firing))
    seconds = time.perf_counter() - begun
    for one in firing:
        await one.end()
    fired = await _value(superuser, _FIRED)
    return {
        "seconds": rounded(seconds),
        "cpu_seconds": rounded(sum(one["cpu_seconds"] for one in done)),
        "missed": due - fired,
        "twice": await _value(superuser, _TWICE),
    }


class _Firing:
    """An instance in a process of its own, that waits to be told to begin."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def ready(cls, dsn: str) -> "_Firing":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "handrail.bench.timers_worker",
            dsn,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        found = cls(process)
        await found._line()
        return found

    async def fire(self) -> dict[str, Any]:
        assert self._process.stdin is not None  # noqa: S101 - piped above
        self._process.stdin.write(b"\n")
        figures: dict[str, Any] = json.loads(await self._line())
        return figures

    async def end(self) -> None:
        await self._process.wait()

    async def _line(self) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - piped above
        line = await asyncio.wait_for(self._process.stdout.readline(), _READY_SECONDS)
        if not line:
            raise Missing("an instance of the timers ended before it had fired them")
        return line


async def _execute(dsn: str, statement: str, *arguments: Any) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement, *arguments, timeout=900)
    finally:
        await connection.close()


async def _value(dsn: str, statement: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval(statement))
    finally:
        await connection.close()
