"""A durable POST by the full path, beside endpoints that only insert the same rows."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import asyncpg

from handrail.bench import reference
from handrail.bench.figures import Figures, Goal, Machine, medians, ratio, rounded, spread
from handrail.bench.ground import NO_BUS, Ground, Load, Worker, ground, load
from handrail.bench.reference import Row

_WHAT: Final = (
    "POST /v1/concerns, 1.2 KB, one worker, answered after the commit. ours: authenticate, read, "
    "advise, seal, store; its events wait in the outbox, as do the references'. ours_relaying: the "
    "same while this process also brings them to the embedded bus in the same PostgreSQL. "
    "same_rows: FastAPI and an asyncpg pool, one statement inserting a concern and an outbox row "
    "as large as ours. body_only: the same with nothing but the body in both rows. sqlmodel: "
    "same_rows by a SQLModel session. bare_commit: the statement of same_rows, without HTTP."
)
_SIDES: Final = ("ours", "same_rows", "ours_relaying", "body_only", "sqlmodel")
_LEFT: Final = "SELECT EXISTS (SELECT FROM intake.outbox)"


@dataclass(frozen=True, slots=True)
class Side:
    name: str
    worker: Worker
    path: str
    database: str


async def bench_intake(seconds: float, rounds: int, clients: Sequence[int]) -> Figures:
    machine = Machine()
    async with ground() as on, load() as by:
        sides, row = await _sides(on, by)
        runs: dict[tuple[str, int], list[Figures]] = defaultdict(list)
        bare: list[Figures] = []
        for _ in range(rounds):
            for number in clients:
                for side in sides:
                    runs[side.name, number].append(await _window(on, by, side, number, seconds))
                machine.look()
            bare.append(await _bare_commits(sides[1].database, row, seconds))
        memory = {side.name: rounded(side.worker.memory_mib()) for side in sides[:3]}
    found = {
        side: {str(number): medians(runs[side, number]) for number in clients} for side in _SIDES
    }
    ratios = _ratios(runs, clients)
    return {
        "what": _WHAT,
        "machine": machine.to_json() | {"seconds": seconds, "rounds": rounds},
        "bytes": {name: len(value) for name, value in row.model_dump().items()},
        "sides": found | {"bare_commit": {"1": medians(bare)}},
        "ratios": ratios,
        "memory_mib": memory,
        "goals": [goal.to_json() for goal in _goals(found, medians(bare), ratios, clients)],
    }


async def _sides(on: Ground, by: Load) -> tuple[list[Side], Row]:
    waiting, relaying = await on.database("waiting"), await on.database("relaying")
    ours = Side("ours", await on.service("intake", "waiting", NO_BUS), "/v1/concerns", waiting)
    at_once = Side("ours_relaying", await on.service("intake", "relaying"), ours.path, relaying)
    for side in (ours, at_once):  # also what a first request makes and later ones find
        await _post(on, by, side, 4, 1.0)
    row = await on.reference_tables("waiting")
    file = on.place / "row.json"
    file.write_text(row.model_dump_json())
    worker = await _reference(on, waiting, file)
    others = [
        Side(name, worker, f"/{name.replace('_', '-')}", waiting)
        for name in ("same_rows", "body_only", "sqlmodel")
    ]
    for side in others:
        await _post(on, by, side, 4, 0.5)
    return [ours, others[0], at_once, *others[1:]], row


async def _reference(on: Ground, dsn: str, row: Path) -> Worker:
    return await on.worker("reference", {"side": "reference", "dsn": dsn, "row": str(row)})


async def _post(on: Ground, by: Load, side: Side, clients: int, seconds: float) -> Figures:
    return await by.run(
        port=side.worker.port,
        path=side.path,
        token=on.token(),
        clients=clients,
        seconds=seconds,
        expect=201,
    )


async def _window(on: Ground, by: Load, side: Side, clients: int, seconds: float) -> Figures:
    """One side's turn; afterwards the others wait until what it left undone is done."""
    cpu, postgres = side.worker.cpu_seconds(), on.postgres_cpu_seconds()
    found = await _post(on, by, side, clients, seconds)
    each = 1e6 / max(1, found["requests"])
    found["cpu_us"] = (side.worker.cpu_seconds() - cpu) * each
    found["postgres_cpu_us"] = (on.postgres_cpu_seconds() - postgres) * each
    if side.name == "ours_relaying":
        begun = time.perf_counter()
        await _relayed(side.database)
        found["relayed_after_s"] = time.perf_counter() - begun
    return found


async def _relayed(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        # It happens in another process, so there is no event to wait for.
        while await connection.fetchval(_LEFT):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    finally:
        await connection.close()


async def _bare_commits(dsn: str, row: Row, seconds: float) -> Figures:
    connection = await asyncpg.connect(dsn)
    milliseconds = []
    try:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            arguments = row.arguments(uuid4().hex)
            at = time.perf_counter()
            await connection.execute(reference.INSERT, *arguments)
            milliseconds.append((time.perf_counter() - at) * 1000)
    finally:
        await connection.close()
    found = spread(milliseconds)
    return {"requests": found["count"], "p50_ms": found["p50"], "p99_ms": found["p99"]}


def _ratios(runs: dict[tuple[str, int], list[Figures]], clients: Sequence[int]) -> Figures:
    """Medians of the rounds' own ratios: what slows a whole round slows both its sides."""
    found: Figures = {}
    for number in clients:
        for side in ("ours", "ours_relaying"):
            for against in ("same_rows", "body_only", "sqlmodel"):
                pairs = zip(runs[side, number], runs[against, number], strict=True)
                each = [{"rps": ratio(one["rps"], other["rps"])} for one, other in pairs]
                found[f"{side}/{against} rps, {number} clients"] = medians(each)["rps"]
    return found


def _goals(found: Figures, bare: Figures, ratios: Figures, clients: Sequence[int]) -> list[Goal]:
    goals = []
    if 32 in clients:  # noqa: PLR2004 - the design's number
        ours = found["ours"]["32"]
        for against, least in (("same_rows", 1.0), ("sqlmodel", 5.0)):
            what = f"requests/s of ours / {against}, 32 clients"
            goals.append(Goal(what, ratios[f"ours/{against} rps, 32 clients"], at_least=least))
        spread_ = ours["p99_ms"] / ours["p50_ms"]
        goals.append(Goal("p99 / p50 of ours, 32 clients", spread_, at_most=2.0))
    if 1 in clients:
        more = found["ours"]["1"]["p50_ms"] - bare["p50_ms"]
        goals.append(Goal("p50 of ours - bare commit, 1 client, ms", more, at_most=1.5))
    return goals
