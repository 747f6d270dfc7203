"""Checks every entry and every tile of a copy against the root that was signed.

Each entry is hashed once and each node once, so this runs near the speed of the hashes alone.
"""

import multiprocessing
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from audit_log.trust.bundles import leaf_hashes
from audit_log.trust.plain import HASH_BYTES, Malformed
from audit_log.trust.tilepaths import ENTRIES, WIDTH, Tile, tiles_of
from audit_log.trust.treehash import fold, split_hashes
from audit_log.verifying.findings import Finding
from audit_log.verifying.sources import Source, read_tile

# Below this a second process costs more than it brings.
_WORTH_A_PROCESS: Final = 200_000
_MANY: Final = 50


@dataclass
class Part:
    """Of a run of level-0 tiles: the root of each full one, the rest of the last, what is wrong."""

    roots: list[bytes] = field(default_factory=list)
    rest: list[bytes] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def check_tree(
    source: Source, size: int, root: bytes, *, entries: bool = True, processes: int = 1
) -> list[Finding]:
    """entries: whether the bundles are looked at too. Empty: all of it makes exactly that root."""
    part = _bottom(source, size, entries=entries, processes=processes)
    findings, row, alone = part.findings, part.roots, part.rest
    # The rest at the right edge of a level is a subtree, and joins the level above as its last.
    edge = [fold(alone)] if alone else []
    level = 1
    while row:
        findings += _level(source, size, level, row)
        full = len(row) // WIDTH * WIDTH
        alone = [*row[full:], *edge]
        edge = [fold(alone)] if alone else []
        row = [fold(row[at : at + WIDTH]) for at in range(0, full, WIDTH)]
        level += 1
    if not findings and fold(edge) != root:
        findings.append(Finding("together they do not make the root that was signed", 0, size - 1))
    return findings


def _bottom(source: Source, size: int, *, entries: bool, processes: int) -> Part:
    count = -(-size // WIDTH)
    if processes < 2 or size < _WORTH_A_PROCESS:  # noqa: PLR2004 - one process is no pool
        return check_run(source, size, 0, count, entries)
    step = -(-count // processes)
    starts = range(0, count, step)
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(len(starts), mp_context=context) as pool:
        asked = [
            pool.submit(check_run, source, size, first, min(first + step, count), entries)
            for first in starts
        ]
        parts = [one.result() for one in asked]
    return Part(
        list(chain.from_iterable(one.roots for one in parts)),
        parts[-1].rest,
        list(chain.from_iterable(one.findings for one in parts)),
    )


def check_run(source: Source, size: int, first: int, end: int, entries: bool) -> Part:
    """The level-0 tiles from `first` to before `end`, each against its bundle."""
    part = Part()
    for number in range(first, end):
        tile = Tile(0, number, min(WIDTH, size - number * WIDTH))
        hashes = _leaves(source, tile, part.findings, entries=entries)
        if tile.full:
            part.roots.append(fold(hashes))
        else:
            part.rest = hashes
    return part


def _leaves(source: Source, tile: Tile, findings: list[Finding], *, entries: bool) -> list[bytes]:
    """The tile's hashes; where the entries are looked at, as they themselves make them."""
    first, last = tile.number * WIDTH, tile.number * WIDTH + tile.width - 1
    stored = read_tile(source, tile)
    if stored is None or len(stored) != tile.width * HASH_BYTES:
        findings.append(Finding("their hashes are missing", first, last))
        stored = None
    if not entries:
        return split_hashes(stored) if stored else []
    data = read_tile(source, Tile(ENTRIES, tile.number, tile.width))
    if data is None:
        findings.append(Finding("they are missing", first, last))
        return split_hashes(stored) if stored else []
    try:
        made = leaf_hashes(data)
    except Malformed:
        findings.append(Finding("their bundle is cut or was changed", first, last))
        return split_hashes(stored) if stored else []
    if stored is not None and b"".join(made) != stored:
        findings += _differing(first, made, split_hashes(stored))
    elif len(made) != tile.width:
        findings.append(Finding(f"there are {len(made)} entries in their place", first, last))
    return made


def _differing(first: int, made: Sequence[bytes], stored: Sequence[bytes]) -> Iterable[Finding]:
    """Each entry that is not the one of its hash; moved ones are told from changed ones."""
    found = []
    where = {hashed: at for at, hashed in enumerate(stored)}
    pairs = zip(made, stored, strict=False)
    for at, (mine, told) in enumerate(pairs):
        if mine != told:
            other = where.get(mine)
            what = (
                "it does not hash to its place: it was changed, or another one"
                if other is None
                else f"it is the entry of {first + other}, in another one's place"
            )
            found.append(Finding(what, first + at, first + at))
    if len(made) != len(stored):
        at = first + min(len(made), len(stored))
        end = first + max(len(made), len(stored)) - 1
        what = "they are missing" if len(made) < len(stored) else "they have no hash"
        found.append(Finding(what, at, end))
    return found[:_MANY]


def _level(source: Source, size: int, level: int, below: Sequence[bytes]) -> list[Finding]:
    """Holds the tiles of a level to what the level below really hashes to."""
    found = []
    span = WIDTH**level
    for tile in tiles_of(size, level):
        start = tile.number * WIDTH
        made = below[start : start + tile.width]
        stored = read_tile(source, tile)
        if stored is None or len(stored) != tile.width * HASH_BYTES:
            last = (start + tile.width) * span - 1
            found.append(Finding(f"their hashes of level {level} are missing", start * span, last))
            continue
        for at, (mine, told) in enumerate(zip(made, split_hashes(stored), strict=False), start):
            if mine != told:
                what = f"they do not make the hash that level {level} has of them"
                found.append(Finding(what, at * span, (at + 1) * span - 1))
    return found[:_MANY]
