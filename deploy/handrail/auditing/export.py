"""`handrail audit export`: entries as lines or as a table, each with its own proof."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from audit_log.trust.checkpoints import Checkpoint, parse_checkpoint
from audit_log.trust.notes import parse_note
from audit_log.trust.plain import Malformed
from audit_log.trust.tilepaths import Tile
from audit_log.trust.treehash import Hashes, inclusion_spans, needed
from audit_log.verifying.exports import (
    COLUMNS,
    SUFFIXES,
    Row,
    as_cells,
    as_line,
    checkpoint_file,
    last_seq,
)
from audit_log.verifying.laying import put
from audit_log.verifying.sources import Address, Unreachable, read_checkpoint, read_tile
from handrail.auditing.given import UNREADABLE, in_words, opened
from handrail.auditing.progress import Bar

# Each page is told to the log as a search: as few as may be.
_PAGE = 1000
# The longest entry with every character escaped, and its proof.
_LONGEST_LINE = 1 << 20
# Enough for the neighbourhood of one page at every level.
_TILES = 64


def export(
    url: Annotated[str, typer.Argument(help="The log's address.")],
    file: Annotated[Path, typer.Argument(help="Ends in .jsonl or .csv.")],
    where: Annotated[
        list[str] | None, typer.Option(help="Narrow it: NAME=VALUE as the search takes it.")
    ] = None,
) -> None:
    """Write entries with their proofs, HANDRAIL_TOKEN being an auditor's. Run again to go on."""
    if file.suffix not in SUFFIXES:
        typer.echo("The file's name ends in .jsonl or .csv.", err=True)
        raise typer.Exit(UNREADABLE)
    narrowed = dict(one.partition("=")[::2] for one in where or [])
    with in_words(), Bar("entries") as bar, opened(url) as source:
        tree = _tree(source, file)
        last = _cut_to_whole_lines(file)
        written = 0
        with file.open("a", encoding="utf-8", newline="") as out:
            table = csv.writer(out)
            if file.suffix == ".csv" and out.tell() == 0:
                table.writerow(COLUMNS)
            for row, total in _rows(source, tree, last, narrowed):
                if file.suffix == ".csv":
                    table.writerow(as_cells(row))
                else:
                    out.write(f"{as_line(row)}\n")
                written += 1
                bar.at(written, total)
            out.flush()
            os.fsync(out.fileno())
    typer.echo(f"{written} entries written. Check them: handrail audit verify {file}")


def _tree(source: Address, file: Path) -> Checkpoint:
    """That of the export's first run: every proof in one file leads to one root."""
    beside = checkpoint_file(file)
    if not beside.exists():
        put(beside.parent, beside.name, bytes(read_checkpoint(source)))
    return parse_checkpoint(parse_note(beside.read_bytes()).text)


def _cut_to_whole_lines(file: Path) -> int:
    """The last seq that an earlier run wrote; what it wrote in part is cut off."""
    if not file.exists():
        return -1
    with file.open("r+b") as stream:
        end = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, end - _LONGEST_LINE))
        tail = stream.read()
        whole = tail[: tail.rfind(b"\n") + 1]
        stream.truncate(end - len(tail) + len(whole))
    last = whole.splitlines()[-1:] or [b""]
    return last_seq(last[0].decode(), file.suffix)


def _rows(
    source: Address, tree: Checkpoint, after: int, narrowed: dict[str, str]
) -> Iterator[tuple[Row, int]]:
    """Each with how many there are from `after` on."""
    hashes = _Tiles(source)
    following: int | None = after
    total: int | None = None
    while following is not None:
        asked = narrowed | {"size": str(tree.size), "total": str(total is None).lower()}
        page: Any = source.json("v1/log/entries", after=following, limit=_PAGE, **asked)
        try:
            total = page["total"] if total is None else total
            for entry in page["entries"]:
                spans = inclusion_spans(entry["seq"], tree.size)
                found = hashes.of(needed(spans, tree.size))
                proof = tuple(Hashes(found).proof(spans))
                yield Row(entry["seq"], entry["entry"].encode(), proof), total
            following = page["next"]
        except (KeyError, TypeError) as error:
            raise Malformed("the log's entries are of another form than is known here") from error


class _Tiles:
    """Hash tiles of the log, the last ones kept: neighbours share most of theirs."""

    def __init__(self, source: Address) -> None:
        self._source = source
        self._kept: dict[Tile, bytes] = {}

    def of(self, tiles: list[Tile]) -> dict[Tile, bytes]:
        found = {tile: self._one(tile) for tile in tiles}
        if len(self._kept) > _TILES:
            self._kept = dict(found)
        return found

    def _one(self, tile: Tile) -> bytes:
        data = self._kept.get(tile)
        if data is None:
            data = read_tile(self._source, tile)
            if data is None:
                raise Unreachable(f"the log does not have tile/{tile.path()}")
            self._kept[tile] = data
        return data
