"""Proofs from tiles: which subtrees a proof is made of, in which tiles they lie, what they hash to.

First ask `needed` which tiles to fetch, then `Hashes` for the proof. Proofs are those of RFC 9162.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from audit_log.merkle import EMPTY_ROOT, node_hash
from audit_log.trust.plain import HASH_BYTES, Malformed
from audit_log.trust.tilepaths import Tile, tile_of


class Span(NamedTuple):
    """The leaves from `start` to before `end`, a subtree of the tree."""

    start: int
    end: int


def _split(size: int) -> int:
    """The largest power of two that is smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def inclusion_spans(index: int, size: int) -> list[Span]:
    """The siblings of the leaf's way to the root, lowest first."""
    if not 0 <= index < size:
        raise ValueError("the leaf is not in the tree")
    spans = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(old: int, size: int) -> list[Span]:
    if not 0 < old <= size:
        raise ValueError("the old tree is not a part of the new one")
    spans = []
    start, end, whole = 0, size, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(start, middle))
            start, whole = middle, False
    if not whole:
        spans.append(Span(start, end))
    return spans[::-1]


def _perfect(span: Span) -> list[tuple[int, int]]:
    """(height, number) of the perfect subtrees that make up the span, from the left."""
    found, start = [], span.start
    while start < span.end:
        height = (span.end - start).bit_length() - 1
        found.append((height, start >> height))
        start += 1 << height
    return found


def needed(spans: Iterable[Span], size: int) -> list[Tile]:
    """The tiles of the tree of that size that hold the spans, each once."""
    found: dict[Tile, None] = {}
    for span in spans:
        for height, number in _perfect(span):
            level, above = divmod(height, 8)
            tile = tile_of(level, (number << above) // 256, size)
            if tile is None or span.end > size:
                raise ValueError("the span is not in the tree")
            found[tile] = None
    return list(found)


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over any number of neighbouring subtrees of one height."""
    row = list(hashes)
    while len(row) > 1:
        # Inlined, for a whole log passes through here: a node is SHA-256 of 1 and two hashes.
        pairs = zip(row[::2], row[1::2], strict=False)
        up = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
        if len(row) % 2:
            up.append(row[-1])
        row = up
    return row[0] if row else EMPTY_ROOT


def split_hashes(data: bytes) -> list[bytes]:
    if len(data) % HASH_BYTES:
        raise Malformed("a tile is made of hashes of 32 bytes")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


class Hashes:
    """Answers from tiles that were fetched: each as the tree of this size has it, or fuller."""

    def __init__(self, tiles: Mapping[Tile, bytes]) -> None:
        self._tiles: dict[tuple[int, int], bytes] = {}
        for tile, data in tiles.items():
            if len(data) != tile.width * HASH_BYTES:
                raise Malformed("the tile is not as wide as it should be")
            held = self._tiles.get((tile.level, tile.number), b"")
            if len(data) > len(held):
                self._tiles[tile.level, tile.number] = data

    def of(self, span: Span) -> bytes:
        """The hash of a subtree. A span of a tree is perfect subtrees that shrink to the right."""
        parts = [self._subtree(height, number) for height, number in _perfect(span)]
        root = parts.pop()
        while parts:
            root = node_hash(parts.pop(), root)
        return root

    def _subtree(self, height: int, number: int) -> bytes:
        level, above = divmod(height, 8)
        index, first = divmod(number << above, 256)
        data = self._tiles[level, index]
        row = data[first * HASH_BYTES : (first + (1 << above)) * HASH_BYTES]
        if len(row) != HASH_BYTES << above:
            raise Malformed("the tile is too narrow for what is asked of it")
        return fold(split_hashes(row))

    def proof(self, spans: Iterable[Span]) -> list[bytes]:
        return [self.of(span) for span in spans]
