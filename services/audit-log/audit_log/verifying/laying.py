"""Lays a log out as files, each where its address would be: for mirrors, drills and tests."""

from collections.abc import Sequence
from pathlib import Path

from audit_log.merkle import leaf_hash
from audit_log.trust.bundles import bundle
from audit_log.trust.tilepaths import ENTRIES, WIDTH, Tile, tiles_of
from audit_log.trust.treehash import fold


def put(place: Path, path: str, data: bytes) -> None:
    """Whole or not at all: a crash leaves the old file, or none."""
    file = place / path
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.new")
    draft.write_bytes(data)
    draft.replace(file)


def put_tile(place: Path, tile: Tile, data: bytes) -> None:
    put(place, f"tile/{tile.path()}", data)


def lay_out(place: Path, entries: Sequence[bytes]) -> bytes:
    """All bundles and tiles of a log of these entries; returns its root."""
    for tile in tiles_of(len(entries), ENTRIES):
        first = tile.number * WIDTH
        put_tile(place, tile, bundle(entries[first : first + tile.width]))
    row, level = [leaf_hash(entry) for entry in entries], 0
    root = fold(row)
    while row:
        for tile in tiles_of(len(row), 0):
            first = tile.number * WIDTH
            hashes = b"".join(row[first : first + tile.width])
            put_tile(place, tile._replace(level=level), hashes)
        full = len(row) // WIDTH * WIDTH
        row = [fold(row[at : at + WIDTH]) for at in range(0, full, WIDTH)]
        level += 1
    return root
