"""`handrail topics` makes what the catalogue says, changes nothing, and tells what differs."""

from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from handrail.kafka_broker import KafkaCluster
from handrail.topics import drift, topics_app
from shared.bus.kafka import TopicPlan
from shared.events.catalogue import TOPICS

PLAN = TopicPlan("handrail.concerns.v1", 12, 3, 2, timedelta(days=14))
AS_PLANNED = {"partitions": 12, "replication": 3, "in_sync": 3, "config": PLAN.config}


@pytest.fixture
def bus_setting(kafka: KafkaCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDRAIL_BUS", kafka.url)
    monkeypatch.setenv("HANDRAIL_KAFKA_REPLICATION", "1")
    monkeypatch.setenv("HANDRAIL_KAFKA_MIN_INSYNC", "1")


@pytest.mark.usefixtures("bus_setting")
def test_create_may_be_run_again_and_describe_shows_every_topic() -> None:
    runner = CliRunner()
    for _ in range(2):
        created = runner.invoke(topics_app, ["create"])
        assert created.exit_code == 0, created.output
        assert f"All {len(TOPICS)} topics are as they should be." in created.output
    described = runner.invoke(topics_app, ["describe"])
    assert described.exit_code == 0, described.output
    for topic in TOPICS:
        assert f"{topic.name}: {topic.partitions} partitions, 1 copies" in described.output


@pytest.mark.usefixtures("bus_setting")
def test_a_cluster_with_too_few_copies_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = CliRunner()
    runner.invoke(topics_app, ["create"])
    monkeypatch.setenv("HANDRAIL_KAFKA_REPLICATION", "3")
    monkeypatch.setenv("HANDRAIL_KAFKA_MIN_INSYNC", "2")
    described = runner.invoke(topics_app, ["describe"])
    assert described.exit_code == 1
    assert "handrail.concerns.v1 keeps 1 copies and should keep 3." in described.output


def test_a_bus_that_is_not_kafka_needs_no_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDRAIL_BUS", "postgresql://handrail@/handrail")
    done = CliRunner().invoke(topics_app, ["create"])
    assert done.exit_code == 0
    assert "makes its partitions itself" in done.output


def test_an_unreachable_cluster_is_told_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDRAIL_BUS", "kafka://127.0.0.1:1")
    done = CliRunner().invoke(topics_app, ["create"])
    assert done.exit_code == 1
    assert done.output.startswith("Kafka did not do as asked (KafkaConnectionError)")


def test_no_record_outlives_its_retention_in_a_segment_with_younger_ones() -> None:
    longest = int(PLAN.config["retention.ms"]) + int(PLAN.config["segment.ms"])
    assert timedelta(milliseconds=longest) == PLAN.retention


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (AS_PLANNED, None),
        (None, "handrail.concerns.v1 does not exist: run `handrail topics create`."),
        (AS_PLANNED | {"partitions": 6}, "6 partitions and should have 12"),
        (AS_PLANNED | {"replication": 1}, "keeps 1 copies and should keep 3"),
        (AS_PLANNED | {"in_sync": 1}, "nothing is acknowledged there until 2 are"),
        (
            AS_PLANNED | {"config": PLAN.config | {"unclean.leader.election.enable": "true"}},
            "unclean.leader.election.enable=true and should have false",
        ),
    ],
)
def test_each_difference_is_said_once(found: dict[str, Any] | None, said: str | None) -> None:
    sentences = drift(PLAN, found)
    assert len(sentences) == (0 if said is None else 1)
    assert said is None or said in sentences[0]
