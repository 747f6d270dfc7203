"""Bundles of entries: each entry behind its length, 256 to a full bundle (C2SP tlog-tiles)."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from audit_log.trust.plain import Malformed

MAX_ENTRY: Final = 65_535


def bundle(entries: Iterable[bytes]) -> bytes:
    parts = []
    for entry in entries:
        if len(entry) > MAX_ENTRY:
            raise Malformed("an entry is longer than a bundle can hold")
        parts += [len(entry).to_bytes(2, "big"), entry]
    return b"".join(parts)


def unbundle(data: bytes) -> list[bytes]:
    entries, at, end = [], 0, len(data)
    while at < end:
        start = at + 2
        at = start + (data[at] << 8 | data[start - 1]) if start <= end else end + 1
        if at > end:
            raise Malformed("the bundle ends within an entry")
        entries.append(data[start:at])
    return entries


def leaf_hashes(data: bytes) -> list[bytes]:
    """The leaf hash of each entry, in one pass: auditing a whole log spends its time here."""
    hashes: list[bytes] = []
    at, end = 0, len(data)
    add, zero = hashes.append, b"\x00"
    try:
        while at < end:
            start = at + 2
            at = start + (data[at] << 8 | data[start - 1])
            add(sha256(zero + data[start:at]).digest())
    except IndexError as error:
        raise Malformed("the bundle ends within an entry") from error
    if at != end:
        raise Malformed("the bundle ends within an entry")
    return hashes
