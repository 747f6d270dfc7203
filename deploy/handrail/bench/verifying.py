"""Verifying a whole log offline, beside the least that a verifier could do: its hashes alone."""

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from statistics import median

from audit_log.merkle import CompactRange, leaf_hash
from audit_log.verifying.laying import lay_out
from audit_log.verifying.sources import Directory
from audit_log.verifying.tree import check_tree
from handrail.bench.figures import Figures, Goal, Machine, ratio, rounded

# What an entry of ours weighs, with its event's facts.
ENTRY_BYTES = 600


async def bench_verify(entries: int, rounds: int) -> Figures:
    """Speeds are by CPU time of this process, but of two processes by the clock on the wall."""
    machine = Machine()
    made = _entries(entries)
    with tempfile.TemporaryDirectory(prefix="handrail-bench-") as place:
        root = lay_out(Path(place), made)
        source = Directory(Path(place))

        def ours(processes: int) -> None:
            if check_tree(source, entries, root, processes=processes):
                raise AssertionError("the bench's own log is not sound")

        sides: dict[str, Callable[[], object]] = {
            "ours": lambda: ours(1),
            "appended": lambda: _appended(made),
            "bare_hashes": lambda: _bare(made),
            "ours_on_two": lambda: ours(2),
        }
        windows: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, run in sides.items():
                windows[name].append(_timed(run))
            machine.look()
    return _found(entries, rounds, windows, machine)


def _found(
    entries: int, rounds: int, windows: dict[str, list[tuple[float, float]]], machine: Machine
) -> Figures:
    def paired(one: str, other: str, which: int) -> float:
        pairs = zip(windows[one], windows[other], strict=True)
        return rounded(median(ratio(theirs[which], ours[which]) for ours, theirs in pairs))

    ratios = {
        "ours / appended": paired("ours", "appended", 1),
        "ours / bare hashes": paired("ours", "bare_hashes", 1),
        "two processes / one": paired("ours_on_two", "ours", 0),
    }
    sides = {
        name: {
            "entries_per_second": round(entries / median(wall for wall, _ in found)),
            "entries_per_cpu_second": round(entries / median(cpu for _, cpu in found)),
        }
        for name, found in windows.items()
    }
    del sides["ours_on_two"]["entries_per_cpu_second"]  # the children's is not this process's
    goals = [
        Goal("offline verification / Merkle append", ratios["ours / appended"], at_least=0.75),
        Goal("two processes / one", ratios["two processes / one"], at_least=1.4),
    ]
    return {
        "what": {"entries": entries, "bytes_each": ENTRY_BYTES, "rounds": rounds},
        "machine": machine.to_json(),
        "sides": sides,
        "ratios": ratios,
        "goals": [each.to_json() for each in goals],
    }


def _entries(count: int) -> list[bytes]:
    noise = random.Random(1).randbytes(ENTRY_BYTES)  # noqa: S311 - weight, not secrecy
    return [b"%020d" % number + noise[20:] for number in range(count)]


def _timed(run: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the wall, and of this process's CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def _appended(entries: Sequence[bytes]) -> bytes:
    """One by one into a Merkle tree in memory: no file, no bundle, nothing compared."""
    tree = CompactRange()
    for entry in entries:
        tree.append(leaf_hash(entry))
    return tree.root()


def _bare(entries: Sequence[bytes]) -> bytes:
    """The same hashes in the tightest loop that Python has for them."""
    row = [sha256(b"\x00" + entry).digest() for entry in entries]
    while len(row) > 1:
        pairs = zip_longest(row[::2], row[1::2])
        row = [sha256(b"\x01" + left + right).digest() if right else left for left, right in pairs]
    return row[0]
