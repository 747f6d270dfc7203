"""Reads the entries themselves: is every producer's count whole, and what must a person see.

A producer numbers its events 1, 2, 3 …; the numbers are inside the leaves. A number that is not
there was lost or left out, unless it is so new that it may still be on its way.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson

from audit_log.verifying.findings import Finding

_OWN = ("audit.conflict", "audit.lost", "audit.unreadable")
_CLOSED = ".producer_closed"
# Events of different concerns overtake each other on the bus, by no more than this.
OVERTAKES = timedelta(seconds=60)


@dataclass
class _Producer:
    """numbers: which entry each number is in. closed: the last number it says it has given out."""

    numbers: dict[int, int] = field(default_factory=dict)
    closed: int = 0
    closed_at: int = 0


@dataclass
class Contents:
    """Takes entries in the log's order, and then tells what is missing among them."""

    producers: dict[str, _Producer] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def take(self, seq: int, payload: bytes) -> None:
        try:
            members = _read(payload)
            kind = str(members["type"])
            self.kinds[kind] += kind in _OWN
            if kind not in _OWN:
                self._event(seq, members)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.findings.append(Finding("it is no canonical entry of this log", seq, seq))

    def _event(self, seq: int, members: dict[str, object]) -> None:
        first = self.ids.setdefault(str(members["id"]), seq)
        if first != seq:
            self.findings.append(Finding(f"it repeats the event of entry {first}", seq, seq))
        number, data = members["sequence"], members.get("data")
        if not isinstance(number, int):
            raise TypeError
        producer = self.producers.setdefault(str(members["producer"]), _Producer())
        before = producer.numbers.setdefault(number, seq)
        if before != seq:
            what = f"it bears the number {number} of {members['producer']}, as entry {before} does"
            self.findings.append(Finding(what, seq, seq))
        if str(members["type"]).endswith(_CLOSED) and isinstance(data, dict):
            closed = self.producers.setdefault(str(data["producer"]), _Producer())
            if int(data["last_sequence"]) > closed.closed:
                closed.closed, closed.closed_at = int(data["last_sequence"]), seq

    def gaps(self) -> list[Finding]:
        """Each run of missing numbers, with the entries that it should have stood between."""
        found = []
        for name in sorted(self.producers):
            producer = self.producers[name]
            for first, last in missing(producer.numbers, producer.closed):
                before = producer.numbers.get(first - 1, 0)
                after = producer.numbers.get(last + 1, producer.closed_at)
                count = f"number {first}" if first == last else f"numbers {first} to {last}"
                what = f"{name} counted {count}, which the log does not have"
                found.append(Finding(what, min(before, after), max(before, after)))
        return found

    def remarks(self) -> list[str]:
        return [
            f"{count} entries of type {kind}: see each, and its dead letter"
            for kind, count in sorted(self.kinds.items())
            if count
        ]


def _read(payload: bytes) -> dict[str, object]:
    members: dict[str, object] = orjson.loads(payload)
    if orjson.dumps(members, option=orjson.OPT_SORT_KEYS) == payload:
        return members
    # Numbers of more than 64 bits are JSON too, and only the slower reader knows them.
    members = json.loads(payload)
    if canonical(members) != payload:
        raise ValueError
    return members


def canonical(value: object) -> bytes:
    """As the log writes an entry: `audit_log.canonical` says the same, with the service's rules."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def missing(numbers: Iterable[int], closed: int) -> list[tuple[int, int]]:
    """The runs (first, last) that are missing from 1 up to the highest seen or closed at."""
    runs, expected = [], 1
    for number in sorted(numbers):
        if number > expected:
            runs.append((expected, number - 1))
        expected = number + 1
    if closed >= expected:
        runs.append((expected, closed))
    return runs


def settled(entry: bytes, newest: bytes, overtakes: timedelta) -> bool:
    """Whether the entry is so much older than the newest that nothing before it is to come."""
    try:
        times = [datetime.fromisoformat(str(_read(one)["time"])) for one in (entry, newest)]
        return times[1] - times[0] >= overtakes
    except (ValueError, KeyError, TypeError):
        return True
