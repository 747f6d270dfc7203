"""Which hash tiles an append fills: 256 hashes of a level, whose root is a hash of the level above.

Pure. A tile that is not full is never stored: it is made when it is asked for, from the entries'
leaf hashes or from the roots of the level below.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from audit_log.merkle import HASH_BYTES, CompactRange

WIDTH: Final = 256
_HEIGHT: Final = 8  # 256 = 2^8


@dataclass(frozen=True, slots=True)
class FullTile:
    level: int
    index: int
    root: bytes
    hashes: bytes


# The hashes of a level from `first` to before `end`, in their order, as one string.
Earlier = Callable[[int, int, int], bytes]


def subtree_root(hashes: bytes) -> bytes:
    """Of a full tile's 256 hashes."""
    # Written out: every leaf of the log passes through here.
    step = 2 * HASH_BYTES
    while len(hashes) > HASH_BYTES:
        hashes = b"".join(
            [
                sha256(b"\x01" + hashes[at : at + step]).digest()
                for at in range(0, len(hashes), step)
            ]
        )
    return hashes


def width_at(level: int, index: int, size: int) -> int:
    """How many hashes the tile has in a tree of that size: 0 where the tree does not reach."""
    return max(0, min(WIDTH, (size >> _HEIGHT * level) - index * WIDTH))


def filled(size: int, leaves: Sequence[bytes], tail: bytes, earlier: Earlier) -> list[FullTile]:
    """The tiles that become full when the leaves follow a tree of that size, lowest level first.

    tail: the leaf hashes behind the last full tile. earlier: asked for what a higher level needs.
    """
    found: list[FullTile] = []
    level, first, new = 0, size, b"".join(leaves)
    while new:
        start = first // WIDTH * WIDTH
        count = first - start + len(new) // HASH_BYTES
        if count < WIDTH:
            break
        before = tail if level == 0 else earlier(level, start, first)
        if len(before) != (first - start) * HASH_BYTES:
            raise ValueError("the tile's earlier hashes are not all there")
        made = _cut(level, start // WIDTH, before + new)
        found += made
        level, first, new = level + 1, start // WIDTH, b"".join(tile.root for tile in made)
    return found


def grow(
    tree: CompactRange, leaves: Sequence[bytes], tail: bytes, earlier: Earlier
) -> tuple[list[FullTile], bytes]:
    """Appends the leaves to the tree; the tiles that became full, and the new tail.

    A full tile's root is a subtree of the tree, so no hash is computed twice.
    """
    tiles = filled(tree.size, leaves, tail, earlier)
    rest = leaves
    for tile in tiles:
        if tile.level == 0:
            tree.cut(tree.size % WIDTH)
            tree.append(tile.root, _HEIGHT)
    if tiles:
        over = (len(tail) // HASH_BYTES + len(leaves)) % WIDTH
        rest, tail = leaves[len(leaves) - over :], b""
    for leaf in rest:
        tree.append(leaf)
    return tiles, tail + b"".join(rest)


def needs_earlier(size: int, count: int) -> list[tuple[int, int, int]]:
    """(level, first, end) of the hashes above level 0 that `filled` will ask for."""
    asked: list[tuple[int, int, int]] = []
    level, first = 0, size
    while True:
        start = first // WIDTH * WIDTH
        full = (first - start + count) // WIDTH
        if not full:
            return asked
        if level and first > start:
            asked.append((level, start, first))
        level, first, count = level + 1, start // WIDTH, full


def _cut(level: int, index: int, hashes: bytes) -> list[FullTile]:
    step = WIDTH * HASH_BYTES
    tiles = []
    for nr in range(len(hashes) // step):
        part = hashes[nr * step : (nr + 1) * step]
        tiles.append(FullTile(level, index + nr, subtree_root(part), part))
    return tiles
