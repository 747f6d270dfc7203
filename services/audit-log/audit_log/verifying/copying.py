"""Copies a log into a directory and goes on where it was left; takes nothing over that is wrong."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from audit_log.trust.bundles import leaf_hashes
from audit_log.trust.checkpoints import Checkpoint, parse_checkpoint
from audit_log.trust.notes import Note, parse_note
from audit_log.trust.plain import HASH_BYTES, Malformed
from audit_log.trust.policy import Policy
from audit_log.trust.tilepaths import ENTRIES, WIDTH, Tile, levels_of, tiles_of
from audit_log.verifying.audit import extends, judge
from audit_log.verifying.findings import Finding, Report
from audit_log.verifying.laying import put, put_tile
from audit_log.verifying.sources import Directory, Source, Unreachable, read_checkpoint, read_tile
from audit_log.verifying.tree import check_tree

Progress = Callable[[int, int], None]


def kept_checkpoint(place: Path) -> Note | None:
    file = place / "checkpoint"
    return parse_note(file.read_bytes()) if file.exists() else None


def copy_log(
    source: Source,
    place: Path,
    policy: Policy | None,
    *,
    entries: bool,
    progress: Progress = lambda _done, _all: None,
) -> Report:
    """Brings the copy to the log's newest checkpoint, if that extends the copy's own.

    COMMIT POINT: the copy's `checkpoint` is written last. A crash before it leaves tiles that the
    next run finds there, and the old checkpoint, of which everything is still there.
    """
    report, before = Report(), kept_checkpoint(place)
    note = read_checkpoint(source)
    new = parse_checkpoint(note.text)
    report.size = new.size
    judge(note, policy, report)
    if before is not None:
        extends(source, new, before, policy, report)
    if report.findings:
        return report
    tiles = list(_wanted(place, new.size, entries=entries))
    for done, tile in enumerate(tiles):
        progress(done, len(tiles))
        _fetch(source, place, tile, report)
        if report.findings:
            return report
    progress(len(tiles), len(tiles))
    report.findings += check_tree(Directory(place), new.size, new.root, entries=False)
    report.entries = new.size if entries else 0
    if not report.findings:
        _finish(place, note, new, before)
        report.checked.append(f"that the copy is the tree of {new.size} entries that was signed")
    return report


def _wanted(place: Path, size: int, *, entries: bool) -> Iterator[Tile]:
    """What the tree of that size has and the copy has not. Hashes go first: bundles need them."""
    for level in [*range(levels_of(size)), *([ENTRIES] if entries else [])]:
        for tile in tiles_of(size, level):
            if not (place / "tile" / tile.path()).exists():
                yield tile


def _fetch(source: Source, place: Path, tile: Tile, report: Report) -> None:
    data = read_tile(source, tile)
    if data is None:
        raise Unreachable(f"the log does not have tile/{tile.path()}, which its checkpoint needs")
    if tile.level == ENTRIES:
        hashes = read_tile(Directory(place), Tile(0, tile.number, tile.width))
        try:
            right = b"".join(leaf_hashes(data)) == hashes
        except Malformed:
            right = False
        if not right:
            first = tile.number * WIDTH
            what = "they do not hash to their places in the tree"
            report.findings.append(Finding(what, first, first + tile.width - 1))
            return
    elif len(data) != tile.width * HASH_BYTES:
        raise Malformed(f"tile/{tile.path()} has not its length")
    put_tile(place, tile, data)


def _finish(place: Path, note: Note, new: Checkpoint, before: Note | None) -> None:
    put(place, f"checkpoints/{new.size}", bytes(note))
    os.sync()  # a copy of thousands of files: one call for all of them
    put(place, "checkpoint", bytes(note))
    old = parse_checkpoint(before.text).size if before else new.size
    for level in [ENTRIES, *range(levels_of(old))] if old < new.size else []:
        for tile in tiles_of(old, level):
            if not tile.full:
                (place / "tile" / tile.path()).unlink(missing_ok=True)
