"""Where each tile of a tree lies, and how wide it is (C2SP tlog-tiles; height 8)."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from audit_log.trust.plain import MAX_SIZE, Malformed

WIDTH: Final = 256
ENTRIES: Final = -1
MAX_LEVEL: Final = 63
_GROUPS: Final = re.compile(r"(?:x[0-9]{3}/)*[0-9]{3}")
_PATH: Final = re.compile(r"(entries|[0-9]{1,2})/([x0-9/]+?)(?:\.p/([0-9]{1,3}))?")


class Tile(NamedTuple):
    """level: `ENTRIES` for a bundle of entries. width: 256 of a full tile."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def full(self) -> bool:
        return self.width == WIDTH

    def needs(self) -> int:
        """The smallest tree that this tile is a part of."""
        return (self.number * WIDTH + self.width) << 8 * max(self.level, 0)

    def path(self) -> str:
        """Below `tile/`: 1234067 is x001/x234/067."""
        groups = [f"{self.number % 1000:03d}"]
        rest = self.number // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03d}")
            rest //= 1000
        level = "entries" if self.level == ENTRIES else str(self.level)
        part = "" if self.full else f".p/{self.width}"
        return f"{level}/{'/'.join(groups)}{part}"


def parse_path(path: str) -> Tile:
    """The tile of a path below `tile/`; only the one spelling that `Tile.path` gives."""
    match = _PATH.fullmatch(path)
    if match is None or not _GROUPS.fullmatch(match[2]):
        raise Malformed("it is no tile's path")
    level = ENTRIES if match[1] == "entries" else int(match[1])
    number = int(match[2].replace("x", "").replace("/", ""))
    tile = Tile(level, number, int(match[3]) if match[3] else WIDTH)
    partial_ok = match[3] is None or 1 <= tile.width < WIDTH
    if not partial_ok or level > MAX_LEVEL or tile.needs() > MAX_SIZE or tile.path() != path:
        raise Malformed("it is no tile's path")
    return tile


def tile_of(level: int, number: int, size: int) -> Tile | None:
    """The tile as the tree of that size has it, full or partial; None where it has none."""
    width = min((size >> 8 * max(level, 0)) - number * WIDTH, WIDTH)
    return Tile(level, number, width) if width > 0 else None


def tiles_of(size: int, level: int) -> Iterator[Tile]:
    """All tiles of one level, in order; the last may be partial."""
    count = size >> 8 * max(level, 0)
    for number in range(count // WIDTH):
        yield Tile(level, number)
    if count % WIDTH:
        yield Tile(level, count // WIDTH, count % WIDTH)


def levels_of(size: int) -> int:
    """How many levels of hash tiles the tree has."""
    return (size.bit_length() + 7) // 8
