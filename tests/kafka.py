"""Real Kafka for the tests: one broker for most, three where a replica must be lost."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from handrail.kafka_broker import KafkaCluster, KafkaUnavailable
from tests.conftest import required


@contextmanager
def _cluster(brokers: int) -> Iterator[KafkaCluster]:
    place = Path(tempfile.mkdtemp(prefix="handrail-kafka-"))
    cluster = KafkaCluster(place, brokers)
    try:
        cluster.start()
    except KafkaUnavailable as reason:
        if required("kafka"):
            pytest.fail(str(reason))
        pytest.skip(f"Kafka: {reason}")
    try:
        yield cluster
    finally:
        cluster.kill()
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaCluster]:
    """One broker. Whoever stops or pauses it starts it again."""
    with _cluster(1) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def kafka3() -> Iterator[KafkaCluster]:
    """Three brokers; topics have three replicas, and two must hold what is acknowledged."""
    with _cluster(3) as cluster:
        yield cluster
