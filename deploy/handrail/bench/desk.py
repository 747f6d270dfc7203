"""What a duty worker waits for: the queue's page when it is long, a case's page, a live row."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from html import unescape
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx2

from handrail.bench.figures import Figures, Goal, Machine, medians, ratio, rounded, spread
from handrail.bench.ground import Ground, Load, Worker, ground, load
from handrail.migrations import SCHEMAS
from shared.auth.principal import principal_of
from shared.db import make_engine, make_sessions
from shared.web.signin import sessions

_WHAT: Final = (
    "The triage page of one queue with many open tasks and with few, in turn, as a worker who is "
    "signed in is given it; a case's page; and the time from a committed change until its row has "
    "arrived at every open desk."
)
_LA: Final = "821"
_FEW: Final = 1_000
_PAGE: Final = f"/triage/MASH/{_LA}"
_CHANGES: Final = 20  # a second
_COOKIE: Final = "handrail-escalation"
_CASES: Final = """
INSERT INTO escalation.case_file (id, priority, facts, chronology, decision, basis, data_issues,
    conflicted, la, urn, subject_role, unprocessed, quarantined, synthetic, received_at, opened_at,
    exclude_school_staff, held, version)
SELECT md5('case' || n)::uuid, 'P2', '{"concern_types": ["neglect"]}', '{}', '{"actions": []}',
    '[]', '[]', '[]', '821', '999002', 'child', false, false, true, now(), now(), false, false, 1
FROM generate_series(1, $1) AS n
"""
_TASKS: Final = """
INSERT INTO escalation.task (id, case_id, kind, route, la, urn, priority, rank, due_at, certainty,
    opened_at, "by", owner, owner_role, channel, contact, script, because, read_only, state,
    notice_failed, version)
SELECT md5('task' || n)::uuid, md5('case' || n)::uuid, 'duty', 'MASH', '821', '999002', 'P2', 3,
    now() + n * interval '1 second', 'certain', now(), now() + n * interval '1 second', 'the hub',
    'team', 'QUEUE', '{}', '', '[]', false, 'open', false, 1
FROM generate_series(1, $1) AS n
"""
_TOUCH: Final = "UPDATE escalation.task SET version = version + 1 WHERE id = $1"
_FIRST: Final = "SELECT id FROM escalation.task WHERE route = 'MASH' ORDER BY rank, due_at LIMIT 20"


async def bench_desk(many: int, desks: int, seconds: float, rounds: int) -> Figures:
    machine = Machine()
    async with ground() as on, load() as by:
        few = await _Side.made(on, "few", _FEW)
        long = await _Side.made(on, "many", many)
        case_path = await few.a_real_case(on, by)
        pages: dict[str, list[Figures]] = {"few": [], "many": [], "case": []}
        for _ in range(rounds):
            pages["few"].append(await few.page(_PAGE, seconds))
            pages["many"].append(await long.page(_PAGE, seconds))
            pages["case"].append(await few.page(case_path, seconds))
            machine.look()
        live = await _live(few, desks, seconds)
        machine.look()
    found = {side: medians(windows) for side, windows in pages.items()}
    longer = ratio(found["many"]["p50"], found["few"]["p50"])
    return {
        "what": _WHAT,
        "machine": machine.to_json() | {"rounds": rounds, "tasks": many, "desks": desks},
        "sides": found | {"live": live},
        "ratios": {"queue page, many/few": longer},
        "goals": [
            goal.to_json()
            for goal in (
                Goal("queue page, many open tasks / few", longer, at_most=1.5),
                Goal("a case's page p99, ms", found["case"]["p99"], at_most=100),
                Goal("a change at every desk, ms, the longest", live["longest"], at_most=1000),
                Goal("changes that did not arrive", live["missed"], at_most=0),
            )
        ],
    }


class _Side:
    """One database with its escalation service, and a worker who is signed in there."""

    def __init__(self, superuser: str, worker: Worker, cookie: str) -> None:
        self.superuser, self.worker = superuser, worker
        self.headers = {"Cookie": f"{_COOKIE}={cookie}"}

    @classmethod
    async def made(cls, on: Ground, name: str, tasks: int) -> "_Side":
        superuser = await on.database(name)
        connection = await asyncpg.connect(superuser)
        try:
            # Rows alone: the triggers would tell desks that nobody has open.
            await connection.execute("SET session_replication_role = replica")
            for statement in (_CASES, _TASKS):
                await connection.execute(statement, tasks, timeout=900)
            await connection.execute("VACUUM (ANALYZE) escalation.case_file", timeout=900)
            await connection.execute("VACUUM (ANALYZE) escalation.task", timeout=900)
        finally:
            await connection.close()
        worker = await on.service("escalation", name)
        return cls(superuser, worker, await _signed_in(on, name))

    async def a_real_case(self, on: Ground, by: Load) -> str:
        """The page of a case that came the whole way."""
        intake = await on.service("intake", "few")
        await by.run(port=intake.port, path="/v1/concerns", token=on.token(), clients=1,
                     seconds=0.2, expect=201)  # fmt: skip
        connection = await asyncpg.connect(self.superuser)
        try:
            # It happens in another process, so there is no event to wait for.
            while not (case_id := await connection.fetchval(_ARRIVED)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        finally:
            await connection.close()
        await on.end(intake)
        return f"/triage/cases/{case_id}"

    async def live_address(self) -> str:
        """The stream of the queue's page, as the page names it."""
        base = f"http://127.0.0.1:{self.worker.port}"
        async with httpx2.AsyncClient(base_url=base, headers=self.headers) as client:
            text = (await client.get(_PAGE)).text
        return unescape(text.partition('hx-sse:connect="')[2].partition('"')[0])

    async def page(self, path: str, seconds: float) -> Figures:
        base = f"http://127.0.0.1:{self.worker.port}"
        milliseconds = []
        async with httpx2.AsyncClient(base_url=base, headers=self.headers) as client:
            await client.get(path)
            end = time.perf_counter() + seconds
            while (at := time.perf_counter()) < end:
                answer = await client.get(path)
                milliseconds.append((time.perf_counter() - at) * 1000)
                if answer.status_code != 200:  # noqa: PLR2004 - a page
                    raise RuntimeError(f"{path} answered {answer.status_code}")
        return {name: rounded(value) for name, value in spread(milliseconds).items()}


_ARRIVED: Final = """
SELECT c.id FROM escalation.case_file c JOIN escalation.task t ON t.case_id = c.id
WHERE c.incident_id IS NOT NULL AND t.route = 'MASH' AND t.la = '821' LIMIT 1
"""


async def _signed_in(on: Ground, database: str) -> str:
    engine = make_engine(on.postgres.dsn(database, SCHEMAS["escalation"].role), "bench")
    grants = [{"role": "worker", "route": "MASH", "la": _LA}]
    who = principal_of({"sub": "bench-worker", "client_id": "handrail-pages", "grants": grants})
    begun = await sessions.begin(make_sessions(engine), who, "Bench", datetime.now(UTC))
    await engine.dispose()
    return begun.secret


async def _live(side: _Side, desks: int, seconds: float) -> Figures:
    """Every desk hears each change; the latest of them counts."""
    connection = await asyncpg.connect(side.superuser)
    tasks = [row["id"] for row in await connection.fetch(_FIRST)]
    heard: dict[UUID, list[float]] = {}
    async with _open_desks(side, desks, heard):
        milliseconds: list[float] = []
        missed = 0
        end = time.perf_counter() + seconds
        number = 0
        while time.perf_counter() < end:
            burst = [tasks[(number + n) % len(tasks)] for n in range(_CHANGES // 4)]
            number += len(burst)
            heard.clear()
            for task in burst:
                await connection.execute(_TOUCH, task)
            at = time.perf_counter()
            await asyncio.sleep(0.25)
            for task in burst:
                for _ in range(40):
                    if len(heard.get(task, ())) >= desks:
                        break
                    await asyncio.sleep(0.05)
                arrived = heard.get(task, [])
                missed += desks - min(desks, len(arrived))
                milliseconds += [max(0.0, moment - at) * 1000 for moment in arrived]
    await connection.close()
    found = spread(milliseconds)
    return {
        "p50": rounded(found["p50"]),
        "p99": rounded(found["p99"]),
        "longest": rounded(max(milliseconds, default=float("nan"))),
        "rows": len(milliseconds),
        "missed": missed,
    }


@asynccontextmanager
async def _open_desks(
    side: _Side, desks: int, heard: dict[UUID, list[float]]
) -> AsyncIterator[None]:
    address = await side.live_address()
    streams = [await _Desk.opened(side, address, heard) for _ in range(desks)]
    reading = [asyncio.create_task(stream.read()) for stream in streams]
    await asyncio.sleep(1)
    try:
        yield
    finally:
        for task in reading:
            task.cancel()
        for stream in streams:
            stream.close()


class _Desk:
    """One open stream; it notes when a task's row came."""

    def __init__(self, reader: asyncio.StreamReader, writer: Any, heard: Any) -> None:
        self._reader, self._writer, self._heard = reader, writer, heard

    @classmethod
    async def opened(cls, side: _Side, address: str, heard: dict[UUID, list[float]]) -> "_Desk":
        reader, writer = await asyncio.open_connection("127.0.0.1", side.worker.port)
        head = (
            f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {side.headers['Cookie']}\r\n"
            "Accept: text/event-stream\r\n\r\n"
        )
        writer.write(head.encode())
        status = await reader.readline()
        if b" 200 " not in status:
            raise RuntimeError(f"a live stream answered {status.decode().strip()}")
        return cls(reader, writer, heard)

    async def read(self) -> None:
        while line := await self._reader.readline():
            place = line.find(b'id="row-')
            if place >= 0:
                task = UUID(line[place + 8 : place + 44].decode())
                self._heard.setdefault(task, []).append(time.perf_counter())

    def close(self) -> None:
        self._writer.close()
