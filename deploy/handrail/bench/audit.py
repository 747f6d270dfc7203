"""`handrail bench audit`: the log beside plain COPY and INSERT of the same rows, in one run."""

import gc
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Final

import asyncpg

from audit_log.sequencer import Sequencer
from handrail import keys, migrations
from handrail.bench.audit_proofs import bench_proofs
from handrail.bench.audit_sides import Events, Sides, Work, in_turn, make_plain, work
from handrail.bench.audit_signing import BenchSigning, open_signing
from handrail.bench.figures import Figures, Goal, Machine, ratio, rounded, spread
from handrail.bench.ground import Ground, ground
from shared.clock import SystemClock
from shared.db import make_engine, make_sessions
from shared.sealing import Sealer

_WHAT: Final = (
    "Appending batches to the log (lock, dedupe, Merkle tree, COPY, tiles, head, offset, durable "
    "commit, and a signed checkpoint at the end of each window), beside COPY of the same rows into "
    "the same guarded tables and into an unlogged one; one event until its signed checkpoint "
    "is seen, beside a plain INSERT; and inclusion proofs of a log of 10^9 entries and of 10^5."
)
_SIDES: Final = ("append", "append_records", "guarded_copy", "unlogged_copy")
_SINGLES: Final = 25
Side = Callable[[Work], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Window:
    """CPU times are of a row, here and in PostgreSQL: the steadier figures on a busy machine."""

    rows_per_second: float
    cpu_us: float
    postgres_cpu_us: float

    @property
    def cpu(self) -> float:
        return self.cpu_us + self.postgres_cpu_us


@dataclass
class Run:
    """events: by whom they are for, since the bus counts what is appended alone."""

    on: Ground
    sides: Sides
    signing: BenchSigning
    events: dict[str, Events] = field(default_factory=lambda: defaultdict(Events))

    def work(self, side: str, size: int) -> Work:
        """Rows of ours are numbered by the log itself; those of the references here."""
        table = "ours" if side.startswith("append") else side
        return work(self.events[table], size)


async def bench_audit(batch: int, batches: int, rounds: int, proofs: int) -> Figures:
    """batches: to a window. proofs: to a side and round; 0 leaves them out."""
    machine = Machine()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)  # as a running service has it
    async with ground() as on:
        run = Run(on, await _sides(on), await open_signing(on, "ours"))
        windows: dict[str, list[Window]] = defaultdict(list)
        singles: dict[str, list[float]] = defaultdict(list)
        try:
            await _round(run, 0, batch, batches)  # warms everybody up and does not count
            for nr in range(1, rounds + 1):
                for name, one in (await _round(run, nr, batch, batches)).items():
                    windows[name].append(one)
                await _one_by_one(run, singles)
                machine.look()
        finally:
            await run.sides.close()
            await run.signing.close()
        proved = await bench_proofs(on, proofs, rounds, machine) if proofs else None
    return _found(windows, singles, proved, machine.to_json() | {"batch": batch})


async def _round(run: Run, nr: int, size: int, count: int) -> dict[str, Window]:
    return {name: await _window(run, name, size, count) for name in in_turn(_SIDES, nr)}


async def _sides(on: Ground) -> Sides:
    for name in ("ours", "guarded"):
        await on.database(name)
    role = migrations.SCHEMAS["audit-log"].role
    dsn = on.postgres.dsn("ours", role)
    sealer = Sealer.from_files(keys.public_file(on.place / "keys"))
    sessions = make_sessions(make_engine(dsn, "bench", pool_size=1))
    ours = Sequencer(dsn, sessions, sealer, SystemClock())
    guarded = await asyncpg.connect(on.postgres.dsn("guarded", role))
    return Sides(ours, guarded, await make_plain(on.postgres.dsn("guarded")))


async def _window(run: Run, name: str, size: int, count: int) -> Window:
    """What is timed is the side alone; its rows are made before."""
    side: Side = getattr(run.sides, name)
    works = [run.work(name, size) for _ in range(count)]
    cpu, server = time.process_time(), run.on.postgres_cpu_seconds()
    started = time.perf_counter()
    for one in works:
        await side(one)
    if name.startswith("append"):
        await run.signing.sign_newest()
        await run.signing.settle()
    taken, rows = time.perf_counter() - started, size * count
    mine, its = time.process_time() - cpu, run.on.postgres_cpu_seconds() - server
    return Window(rows / taken, mine / rows * 1e6, its / rows * 1e6)


async def _one_by_one(run: Run, singles: dict[str, list[float]]) -> None:
    """Milliseconds of a single event."""
    for _ in range(_SINGLES):
        plain, ours = run.work("plain_insert", 1), run.work("append", 1)
        begun = time.perf_counter()
        await run.sides.plain_insert(plain)
        inserted = time.perf_counter()
        await run.sides.append(ours)
        appended = time.perf_counter()
        await run.signing.sign_newest()
        signed = time.perf_counter()
        await run.signing.settle()
        singles["plain_insert"].append((inserted - begun) * 1000)
        singles["append"].append((appended - inserted) * 1000)
        singles["append_to_signed"].append((signed - inserted) * 1000)


def _found(
    windows: dict[str, list[Window]],
    singles: dict[str, list[float]],
    proved: Figures | None,
    machine: Figures,
) -> Figures:
    ours = windows["append"]
    paired = {
        f"append/{other}": median(
            ratio(one.rows_per_second, its.rows_per_second)
            for one, its in zip(ours, windows[other], strict=True)
        )
        for other in _SIDES[1:]
    }
    cpu = median(one.cpu / its.cpu for one, its in zip(ours, windows["guarded_copy"], strict=True))
    latency = {
        name: {k: rounded(v) for k, v in spread(each).items()} for name, each in singles.items()
    }
    plain, signed = latency["plain_insert"], latency["append_to_signed"]
    ratios = paired | {
        "CPU, append/guarded_copy": rounded(cpu),
        "signed/plain p50": ratio(signed["p50"], plain["p50"]),
        "durable/plain p50": ratio(latency["append"]["p50"], plain["p50"]),
    }
    goals = [
        Goal("append / guarded COPY", paired["append/guarded_copy"], at_least=0.85),
        Goal("append / unlogged COPY", paired["append/unlogged_copy"], at_least=0.40),
        Goal("append to signed / plain INSERT, p50", ratios["signed/plain p50"], at_most=3.0),
    ]
    sides: Figures = {name: _shown(each) for name, each in windows.items()}
    sides |= {f"one_{name}_ms": each for name, each in latency.items()}
    if proved:
        sides["proofs"] = proved["sides"]
        ratios["proof p50, 10^9 / 10^5"] = proved["ratio"]
        goals.append(Goal("inclusion proof p50, 10^9 / 10^5", proved["ratio"], at_most=1.7))
    return {
        "what": _WHAT,
        "machine": machine,
        "sides": sides,
        "ratios": ratios,
        "goals": [goal.to_json() for goal in goals],
    }


def _shown(windows: list[Window]) -> Figures:
    rates = [one.rows_per_second for one in windows]
    return {
        "rows_per_second": rounded(median(rates)),
        "lowest": rounded(min(rates)),
        "highest": rounded(max(rates)),
        "cpu_us_a_row": rounded(median(one.cpu_us for one in windows)),
        "postgres_cpu_us_a_row": rounded(median(one.postgres_cpu_us for one in windows)),
    }
