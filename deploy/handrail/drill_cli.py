"""`handrail drill`: a morning of invented cases against a running demo, to train with."""

import asyncio
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn
from urllib.parse import urlsplit

import httpx2
import typer

from handrail.drill import Drill
from handrail.drill_scenario import MORNING, ScenarioWrong, left_after_the_last, read_scenario
from handrail.files import USUAL_DATA
from handrail.issuer import issue
from shared.clock import SystemClock

_LOOK: Final = 5.0
_HERE: Final = {"127.0.0.1", "localhost", "::1"}


def drill(
    scenario: Annotated[Path, typer.Option(help="The morning's script, as YAML.")] = MORNING,
    url: Annotated[str, typer.Option(help="Where the demo is.")] = "http://127.0.0.1:8000",
    data: Annotated[Path, typer.Option(help="The demo's directory.")] = USUAL_DATA,
    speed: Annotated[
        float, typer.Option(min=1, max=600, help="Pauses so many times shorter; limits stay.")
    ] = 1.0,
) -> None:
    """Post a morning of invented cases, say what to do, and at the end what was done in time.

    Only against `handrail demo` on this machine: its tokens are accepted nowhere else.
    """
    if urlsplit(url).hostname not in _HERE or not data.is_dir():
        _stop("A drill is played against a demo on this machine: start `handrail demo` first.")
    try:
        script = read_scenario(scenario)
    except ScenarioWrong as error:
        _stop(str(error))
    try:
        asyncio.run(_play(script, url, data, speed))
    except httpx2.HTTPStatusError as error:
        _stop(f"The demo refused a step ({error.response.status_code}).")
    except httpx2.HTTPError as error:
        _stop(f"The demo does not answer at {url} ({type(error).__name__}).")
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


async def _play(script: Any, url: str, data: Path, speed: float) -> None:
    def token(role: Any, **how: Any) -> str:
        return issue(data, role=role, clock=SystemClock(), **how)

    async def wait(pause: timedelta) -> None:
        await asyncio.sleep(pause.total_seconds() / speed)

    async with httpx2.AsyncClient(base_url=url, timeout=20, trust_env=False) as client:
        played = Drill(script, client, token, wait, typer.echo)
        await played.play()
        typer.echo("\nThat was the last. What was done is told when all is done, or time is up.")
        typer.echo("Press Ctrl and C to be told now.")
        ends = time.monotonic() + left_after_the_last(script, speed).total_seconds()
        with suppress(asyncio.CancelledError):  # that key
            # What it waits for is people's work.
            while time.monotonic() < ends and played.left(await played.outcomes()):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK)
        played.tell(await played.outcomes())


def _stop(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)
