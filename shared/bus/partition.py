"""Which partition a key belongs to: Kafka's own hash, so that both buses order alike."""

from struct import unpack_from

_MASK = 0xFFFFFFFF
_MIX = 0x5BD1E995


def murmur2(data: bytes) -> int:
    """Murmur2 as the Java client computes it, unsigned."""
    length = len(data)
    state = 0x9747B28C ^ length
    for (word,) in (unpack_from("<I", data, at) for at in range(0, length & ~3, 4)):
        mixed = word * _MIX & _MASK
        mixed = (mixed ^ mixed >> 24) * _MIX & _MASK
        state = state * _MIX & _MASK ^ mixed
    if tail := data[length & ~3 :]:
        state = (state ^ int.from_bytes(tail, "little")) * _MIX & _MASK
    state = (state ^ state >> 13) * _MIX & _MASK
    return state ^ state >> 15


def partition_of(key: bytes | None, partitions: int) -> int:
    """A record without a key goes to the first partition: it has no order to keep."""
    return 0 if key is None else (murmur2(key) & 0x7FFFFFFF) % partitions
