"""Which entry is the first that two copies of a log do not share, by their hashes alone."""

from audit_log.trust.plain import HASH_BYTES
from audit_log.trust.tilepaths import WIDTH, tile_of
from audit_log.verifying.sources import Source, read_tile


def first_difference(one: Source, size: int, other: Source, other_size: int) -> int | None:
    """Its seq, or None where all entries that both have hash alike.

    The lowest level is compared whole: whoever changes entries can leave the upper ones alone.
    """
    both = min(size, other_size)
    for number in range(-(-both // WIDTH)):
        mine, theirs = _hashes(one, number, size), _hashes(other, number, other_size)
        end = min(WIDTH, both - number * WIDTH)
        if mine[: end * HASH_BYTES] != theirs[: end * HASH_BYTES]:
            return number * WIDTH + _first(mine, theirs)
    return None


def _hashes(source: Source, number: int, size: int) -> bytes:
    """Each copy has the tile as its own tree has it, the last one partial."""
    tile = tile_of(0, number, size)
    return (read_tile(source, tile) if tile else None) or b""


def _first(mine: bytes, theirs: bytes) -> int:
    at = 0
    while mine[at : at + HASH_BYTES] == theirs[at : at + HASH_BYTES]:
        at += HASH_BYTES
    return at // HASH_BYTES
