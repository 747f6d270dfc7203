"""Whoever lacks what Kafka needs is told in one sentence what to install."""

from pathlib import Path
from uuid import UUID

import pytest

from handrail import kafka_broker
from handrail.kafka_broker import KafkaCluster, KafkaUnavailable


def test_without_java_the_sentence_names_java(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KafkaUnavailable, match="needs Java 17 or later: install it"):
        KafkaCluster(tmp_path / "data").start()


def test_without_maven_and_jars_the_sentence_names_maven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(kafka_broker, "JARS", tmp_path / "jars")
    with pytest.raises(KafkaUnavailable, match="got with Maven: install mvn"):
        KafkaCluster(tmp_path / "data").start()


@pytest.mark.parametrize("first", range(0, 256, 2))
def test_a_clusters_id_never_looks_like_an_option(first: int) -> None:
    made = kafka_broker._cluster_id(UUID(bytes=bytes([first]) + bytes(15)))
    assert len(made) == 22
    assert not made.startswith("-")
