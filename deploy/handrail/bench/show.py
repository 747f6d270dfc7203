"""Runs a bench and prints what it found, as JSON or for a person."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import typer
import uvloop

from handrail.bench.ground import Missing
from handrail.kafka_broker import KafkaUnavailable
from handrail.postgres import PostgresUnavailable
from shared.log import configure_logging


def show(bench: Callable[[], Awaitable[Any]], *, as_json: bool) -> None:
    configure_logging("bench")

    async def run() -> Any:
        return await bench()

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = runner.run(run())
    except (PostgresUnavailable, KafkaUnavailable, Missing) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for name in ("what", "machine", "sides", "ratios"):
        typer.echo(f"{name}: {json.dumps(found[name], indent=2)}")
    for goal in found["goals"]:
        asked = goal.get("at_least", goal.get("at_most"))
        sign = "≥" if "at_least" in goal else "≤"
        typer.echo(
            f"{'met   ' if goal['met'] else 'MISSED'}  {goal['what']}: "
            f"{goal['reached']} ({sign} {asked})"
        )
