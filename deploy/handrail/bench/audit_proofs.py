"""Inclusion proofs of logs of 10^5 and 10^9 entries, by the log's own code and from its own tables.

Of the large log the levels above the leaves' are built whole; of the leaves' level only the tiles
that are asked for exist, and a full disk's worth of others is left out: 32 GB of hashes.
"""

import hashlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.merkle import verify_inclusion
from audit_log.published import prove
from audit_log.tiles import WIDTH, subtree_root
from audit_log.trust.treehash import Span, inclusion_spans
from handrail import migrations
from handrail.bench.figures import Figures, Machine, ratio, rounded, spread
from handrail.bench.ground import Ground
from shared.db import make_engine, make_sessions

SIZES: Final = {"1e5": 100_000, "1e9": 1_000_000_000}
_SAMPLED: Final = 2_000
_COLUMNS: Final = ("level", "index", "root", "hashes")


@dataclass
class Big:
    """A log that was never appended to entry by entry; leaves: of some entries, by index."""

    size: int
    leaves: dict[int, bytes]
    engine: AsyncEngine
    root: bytes = b""
    asked: list[int] = field(default_factory=list)


async def bench_proofs(on: Ground, count: int, rounds: int, machine: Machine) -> Figures:
    """count: proofs to a side and round. Every one is verified, outside the time."""
    logs = {name: await _build(on, f"proofs_{name}", size) for name, size in SIZES.items()}
    times: dict[str, list[float]] = {name: [] for name in logs}
    rounds_p50: dict[str, list[float]] = {name: [] for name in logs}
    choice = random.Random(1)  # noqa: S311 - which entries are asked for is no secret
    try:
        for nr in range(rounds + 1):
            mine: dict[str, list[float]] = {name: [] for name in logs}
            for _ in range(count):
                for name, log in logs.items():
                    mine[name].append(await _one(log, choice))
            if nr:
                for name, found in mine.items():
                    times[name] += found
                    rounds_p50[name].append(spread(found)["p50"])
            machine.look()
    finally:
        for log in logs.values():
            await log.engine.dispose()
    ratios = sorted(
        ratio(one, other) for one, other in zip(rounds_p50["1e9"], rounds_p50["1e5"], strict=True)
    )
    sides = {
        name: {k: rounded(v) for k, v in spread(found).items()} for name, found in times.items()
    }
    return {"sides": sides, "ratio": ratios[len(ratios) // 2]}


async def _one(log: Big, choice: random.Random) -> float:
    """Milliseconds from the question to the proof."""
    index = choice.choice(log.asked)
    async with make_sessions(log.engine)() as session:
        started = time.perf_counter()
        proof = await prove(session, inclusion_spans(index, log.size), log.size)
        taken = (time.perf_counter() - started) * 1000
    leaf = log.leaves[index]
    assert verify_inclusion(leaf, index, log.size, proof, log.root)  # noqa: S101 - or it is no proof
    return taken


async def _build(on: Ground, name: str, size: int) -> Big:
    await on.database(name)
    reader = migrations.SCHEMAS["audit-log"].more["reader"]
    engine = make_engine(on.postgres.dsn(name, reader), "bench-reader", pool_size=1)
    log = Big(size, {}, engine)
    connection = await asyncpg.connect(on.postgres.dsn(name))
    try:
        await connection.execute("SET search_path = audit_log")
        await connection.copy_records_to_table(
            "log_tile", records=_tiles(log), columns=_COLUMNS, timeout=600
        )
        await _tail(connection, log)
        await connection.execute("ANALYZE log_tile")
    finally:
        await connection.close()
    async with make_sessions(engine)() as session:
        log.root = await _root(session, size)
    log.asked = list(log.leaves)
    return log


async def _root(session: AsyncSession, size: int) -> bytes:
    (root,) = await prove(session, [Span(0, size)], size)
    return root


def _tiles(log: Big) -> Iterator[tuple[Any, ...]]:
    """Level by level. A leaf is a hash of its index; a tile that is not made has a root made up."""
    full = log.size // WIDTH
    choice = random.Random(2)  # noqa: S311 - a sample, no secret
    sampled = set(choice.sample(range(full), min(full, _SAMPLED)))
    sampled |= set(
        range(full // WIDTH * WIDTH, full)
    )  # the unfinished tile above needs their roots
    roots = []
    for index in range(full):
        if index not in sampled:
            roots.append(_made_up(index, b"tile"))
            continue
        hashes = b"".join(_leaf(log, index * WIDTH + nr) for nr in range(WIDTH))
        roots.append(subtree_root(hashes))
        yield 0, index, roots[-1], hashes
    level = 1
    while len(roots) >= WIDTH:
        above = []
        for index in range(len(roots) // WIDTH):
            hashes = b"".join(roots[index * WIDTH : (index + 1) * WIDTH])
            above.append(subtree_root(hashes))
            yield level, index, above[-1], hashes
        level, roots = level + 1, above


def _leaf(log: Big, index: int) -> bytes:
    log.leaves[index] = _made_up(index, b"leaf")
    return log.leaves[index]


def _made_up(index: int, what: bytes) -> bytes:
    return hashlib.sha256(what + index.to_bytes(8, "big")).digest()


_TAIL: Final = """
INSERT INTO log_entry SELECT n, gen_random_uuid(), 'bench', now(), now(), NULL, NULL, NULL, NULL,
    't', 0, n, '', leaf FROM unnest($1::bigint[], $2::bytea[]) AS entry(n, leaf)
"""


async def _tail(connection: asyncpg.Connection, log: Big) -> None:
    """The entries behind the last full tile, in a partition of their own."""
    first = log.size // WIDTH * WIDTH
    numbers = list(range(first, log.size))
    if first >= 1 << 24:
        await connection.execute("SET event_triggers = off")
        await connection.execute("SELECT log_add_partition($1, $2)", first, first + (1 << 24))
    leaves = [_leaf(log, number) for number in numbers]
    await connection.execute(_TAIL, numbers, leaves)
