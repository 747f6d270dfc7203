"""The partition of a key is the one that any Kafka client would choose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.partition import murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        # From Apache Kafka's own tests of its Java client.
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_the_java_clients(key: bytes, expected: int) -> None:
    assert murmur2(key) == expected & 0xFFFFFFFF


@given(st.binary(max_size=64), st.integers(1, 100))
def test_every_key_has_one_partition_within_the_topic(key: bytes, partitions: int) -> None:
    assert 0 <= partition_of(key, partitions) < partitions
    assert partition_of(key, partitions) == partition_of(key, partitions)


def test_a_record_without_a_key_goes_to_the_first_partition() -> None:
    assert partition_of(None, 12) == 0
