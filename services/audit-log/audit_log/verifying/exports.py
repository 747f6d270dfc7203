"""Exports: entries in a file of lines, each with its proof, and the checkpoint beside it."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audit_log.merkle import leaf_hash, verify_inclusion
from audit_log.trust.checkpoints import parse_checkpoint
from audit_log.trust.notes import parse_note
from audit_log.trust.plain import Malformed, base64_text, hash_of
from audit_log.trust.policy import Policy
from audit_log.verifying.audit import judge
from audit_log.verifying.contents import Contents
from audit_log.verifying.findings import Finding, Report

COLUMNS: Final = ("seq", "type", "time", "subject", "producer", "sequence", "entry", "proof")
SUFFIXES: Final = (".jsonl", ".csv")
_MANY: Final = 50


@dataclass(frozen=True)
class Row:
    seq: int
    entry: bytes
    proof: tuple[bytes, ...]


def checkpoint_file(export: Path) -> Path:
    """Where the checkpoint lies that the proofs of an export lead to."""
    return export.with_name(f"{export.name}.checkpoint")


def as_line(row: Row) -> str:
    """One line of JSON."""
    proof = [base64_text(one) for one in row.proof]
    return json.dumps({"seq": row.seq, "entry": row.entry.decode(), "proof": proof})


def as_cells(row: Row) -> list[str | int | None]:
    """Of a table for people: some members of the entry for finding it, the entry, and its proof."""
    members = json.loads(row.entry)
    found = [members.get(name) for name in COLUMNS[1:6]]
    return [row.seq, *found, row.entry.decode(), " ".join(map(base64_text, row.proof))]


def read_rows(export: Path) -> Iterator[Row]:
    """Raises `Malformed` at the first line that is none of an export."""
    with export.open(encoding="utf-8", newline="") as lines:
        try:
            if export.suffix == ".csv":
                for cells in csv.DictReader(lines):
                    proof = tuple(map(hash_of, cells["proof"].split()))
                    yield Row(int(cells["seq"]), cells["entry"].encode(), proof)
            else:
                for line in lines:
                    read = json.loads(line)
                    proof = tuple(map(hash_of, read["proof"]))
                    yield Row(int(read["seq"]), read["entry"].encode(), proof)
        except Malformed:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
            raise Malformed("a line of the export is cut or of another form") from error


def last_seq(line: str, suffix: str) -> int:
    """Of an export's last line; -1 where that is a table's heading, or there is none."""
    try:
        if suffix == ".csv":
            first = next(csv.reader([line]), ["seq"])[0]
            return -1 if first == COLUMNS[0] else int(first)
        return int(json.loads(line)["seq"]) if line else -1
    except (ValueError, KeyError, TypeError) as error:
        raise Malformed("the file is there already and is no export") from error


def audit_export(export: Path, policy: Policy | None, *, completeness: bool) -> Report:
    """completeness: of value only where the export is of the whole log."""
    report, contents = Report(), Contents()
    note = parse_note(checkpoint_file(export).read_bytes())
    tree = parse_checkpoint(note.text)
    report.size = tree.size
    judge(note, policy, report)
    before = -1
    for row in read_rows(export):
        leaf = leaf_hash(row.entry)
        if not verify_inclusion(leaf, row.seq, tree.size, row.proof, tree.root):
            what = "it was changed, or its proof was: it is not in the tree that was signed"
            report.findings.append(Finding(what, row.seq, row.seq))
        if row.seq <= before:
            report.findings.append(Finding("it stands out of its order", row.seq, row.seq))
        before = row.seq
        report.entries += 1
        if completeness:
            contents.take(row.seq, row.entry)
        if len(report.findings) >= _MANY:
            break
    report.checked.append(f"that each of {report.entries} entries is in the tree of {tree.size}")
    if completeness:
        report.findings += contents.findings + contents.gaps()
        report.notes += contents.remarks()
        report.checked.append("that no producer's count has a gap")
    return report
