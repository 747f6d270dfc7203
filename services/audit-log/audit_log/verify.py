"""Checks exported entries against a root, without the service: no database, no network."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from audit_log.canonical import canonical
from audit_log.merkle import CompactRange, leaf_hash

# Entries that the log makes itself, about what was no event that it could take.
OWN_KINDS = ("audit.conflict", "audit.lost", "audit.unreadable")


@dataclass
class Verdict:
    """size, root: of the tree that the entries make. findings: what is wrong, in plain words.

    missing: by producer the runs of its count that are not among the entries. Close to the end of
    the log they may still be on their way; anywhere else an event was lost or left out.
    """

    size: int = 0
    root: bytes = b""
    findings: list[str] = field(default_factory=list)
    missing: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        return not self.findings


def verify(entries: Iterable[tuple[int, bytes]], size: int, root: bytes) -> Verdict:
    """entries: (seq, payload) in the log's order; size and root: of the head to hold to."""
    verdict, tree = Verdict(), CompactRange()
    sequences: dict[str, set[int]] = defaultdict(set)
    ids: dict[str, int] = {}
    for seq, payload in entries:
        if seq != tree.size:
            verdict.findings.append(f"entry {tree.size} is missing: {seq} stands in its place")
            break
        tree.append(leaf_hash(payload))
        _look_into(seq, payload, ids, sequences, verdict.findings)
    verdict.size, verdict.root = tree.size, tree.root()
    verdict.missing = {name: runs for name in sequences if (runs := gaps(sequences[name]))}
    if verdict.size != size:
        verdict.findings.append(f"the head says {size} entries, here are {verdict.size}")
    elif verdict.root != root:
        verdict.findings.append("the entries do not make the root: at least one was changed")
    return verdict


def _look_into(
    seq: int,
    payload: bytes,
    ids: dict[str, int],
    sequences: dict[str, set[int]],
    findings: list[str],
) -> None:
    try:
        members = json.loads(payload)
        plain = canonical(members) == payload
        kind = members["type"]
        if kind not in OWN_KINDS:
            event, producer, number = members["id"], members["producer"], members["sequence"]
    except (ValueError, KeyError, TypeError, RecursionError):
        plain = False
    if not plain:
        findings.append(f"entry {seq} is not in canonical form")
    elif kind == "audit.lost":
        findings.append(f"entry {seq} says that records were lost before they came to the log")
    elif kind in OWN_KINDS:
        findings.append(f"entry {seq} records an {kind}: see it and its dead letter")
    else:
        first = ids.setdefault(event, seq)
        if first != seq:
            findings.append(f"entry {seq} repeats the event of entry {first}")
        sequences[producer].add(number)


def gaps(sequences: set[int]) -> list[tuple[int, int]]:
    """The runs (first, last) that are missing from 1 up to the highest number seen."""
    missing, expected = [], 1
    for number in sorted(sequences):
        if number > expected:
            missing.append((expected, number - 1))
        expected = number + 1
    return missing
