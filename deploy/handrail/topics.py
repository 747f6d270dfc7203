"""`handrail topics`: makes the topics of the catalogue, and says where the cluster differs."""

import asyncio
from collections.abc import Mapping
from typing import Any

import typer
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from handrail.replay import replay
from handrail.settle import settle
from shared.bus.kafka import LOST, KafkaError, TopicPlan, create_topics, describe_topics
from shared.events.catalogue import TOPICS

topics_app = typer.Typer(no_args_is_help=True, help="The topics that the services meet in.")
topics_app.command()(replay)
topics_app.command()(settle)


class TopicSettings(BaseSettings):
    """kafka_replication: copies of each record; kafka_min_insync: how many an answer waits for."""

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", extra="ignore")

    bus: str
    kafka_replication: int = 3
    kafka_min_insync: int = 2


def plans(settings: TopicSettings) -> list[TopicPlan]:
    return [
        TopicPlan(
            topic.name,
            topic.partitions,
            settings.kafka_replication,
            settings.kafka_min_insync,
            topic.retention,
        )
        for topic in TOPICS
    ]


def drift(plan: TopicPlan, found: Mapping[str, Any] | None) -> list[str]:
    """One sentence for each way in which the topic is not as planned."""
    if found is None:
        return [f"{plan.name} does not exist: run `handrail topics create`."]
    said = []
    if found["partitions"] != plan.partitions:
        said.append(
            f"{plan.name} has {found['partitions']} partitions and should have {plan.partitions}: "
            "a change moves keys, so let consumers catch up first."
        )
    if found["replication"] < plan.replication:
        said.append(
            f"{plan.name} keeps {found['replication']} copies and should keep {plan.replication}."
        )
    if found["in_sync"] < plan.in_sync:
        said.append(
            f"{plan.name} has a partition with {found['in_sync']} copies in sync: "
            f"nothing is acknowledged there until {plan.in_sync} are."
        )
    for name, wanted in plan.config.items():
        if (value := found["config"].get(name)) != wanted:
            said.append(f"{plan.name} has {name}={value} and should have {wanted}.")
    return said


@topics_app.command()
def create() -> None:
    """Create the topics that are missing. Existing ones are not changed; what differs is told."""
    settings = _settings()
    servers = _servers(settings)
    wanted = plans(settings)
    created = _ask(create_topics(servers, wanted))
    for name in created:
        typer.echo(f"{name} created.")
    if _tell_drift(servers, wanted):
        raise typer.Exit(1)
    typer.echo(f"All {len(wanted)} topics are as they should be.")


@topics_app.command()
def describe() -> None:
    """Show each topic as the cluster has it, and where it is not as it should be."""
    settings = _settings()
    servers = _servers(settings)
    wanted = plans(settings)
    for name, found in _ask(describe_topics(servers, [plan.name for plan in wanted])).items():
        typer.echo(
            f"{name}: {found['partitions']} partitions, {found['replication']} copies, "
            f"{found['in_sync']} in sync, kept {found['config']['retention.ms']} ms"
        )
    if _tell_drift(servers, wanted):
        raise typer.Exit(1)


def _tell_drift(servers: str, wanted: list[TopicPlan]) -> bool:
    found = _ask(describe_topics(servers, [plan.name for plan in wanted]))
    said = [sentence for plan in wanted for sentence in drift(plan, found.get(plan.name))]
    for sentence in said:
        typer.echo(sentence, err=True)
    return bool(said)


def _settings() -> TopicSettings:
    try:
        settings = TopicSettings()
    except ValidationError:
        typer.echo("Set HANDRAIL_BUS to the brokers, as kafka://host:port[,host:port].", err=True)
        raise typer.Exit(2) from None
    if settings.kafka_min_insync > settings.kafka_replication:
        typer.echo("HANDRAIL_KAFKA_MIN_INSYNC is above HANDRAIL_KAFKA_REPLICATION.", err=True)
        raise typer.Exit(2)
    return settings


def _servers(settings: TopicSettings) -> str:
    if not settings.bus.startswith("kafka://"):
        typer.echo("The bus is PostgreSQL, which makes its partitions itself: nothing to do.")
        raise typer.Exit(0)
    return settings.bus.removeprefix("kafka://").rstrip("/")


def _ask(question: Any) -> Any:
    try:
        return asyncio.run(question)
    except LOST as error:
        said = str(error) if isinstance(error, KafkaError) else "no answer"
        typer.echo(f"Kafka did not do as asked ({type(error).__name__}): {said}", err=True)
        raise typer.Exit(1) from None
