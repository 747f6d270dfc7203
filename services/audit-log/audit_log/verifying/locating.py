"""Which entry is the first that two copies of a log do not share, by their hashes alone."""

from audit_log.trust.plain import HASH_BYTES
from audit_log.trust.tilepaths import tiles_of
from audit_log.verifying.sources import Source, read_tile


def first_difference(one: Source, other: Source, size: int) -> int | None:
    """Its seq, or None where the first `size` entries of both hash alike.

    The lowest level is compared whole: whoever changes entries can leave the upper ones alone.
    """
    for tile in tiles_of(size, 0):
        mine, theirs = read_tile(one, tile) or b"", read_tile(other, tile) or b""
        if mine != theirs:
            for at in range(tile.width):
                part = slice(at * HASH_BYTES, (at + 1) * HASH_BYTES)
                if mine[part] != theirs[part] or not mine[part]:
                    return tile.number * 256 + at
    return None
