"""`handrail heartbeat`: whether concerns arrive, asked again and again by one that is invented."""

import asyncio
import re
from pathlib import Path
from typing import Annotated, Final, NoReturn, TypeVar

import httpx2
import typer
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.exc import SQLAlchemyError

from handrail.heartbeat import HEARTBEAT_CLIENT, Pulse, Token
from handrail.heartbeat_ground import heartbeat_post, heartbeat_school
from shared.clock import SystemClock
from shared.db import make_engine, make_sessions
from shared.log import configure_logging
from shared.settings import DatabaseUrl
from shared.telemetry import serve_metrics

Kind = TypeVar("Kind", bound=BaseSettings)
heartbeat_app = typer.Typer(help="An invented concern that goes the whole way, again and again.")
_DURATION: Final = re.compile(r"([1-9]\d{0,3})([smh])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


class HeartbeatSettings(BaseSettings):
    """token_url, client, secret: OAuth client credentials, where there is no --token file."""

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_HEARTBEAT_", frozen=True, extra="ignore")

    token_url: str | None = None
    client: str = HEARTBEAT_CLIENT
    secret: SecretStr | None = None
    metrics_port: int | None = None


class PrepareSettings(BaseSettings):
    """database_url: of the one service that is prepared."""

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", frozen=True, extra="ignore")

    database_url: DatabaseUrl
    match_secret: Annotated[SecretStr, Field(min_length=32)]


@heartbeat_app.callback(invoke_without_command=True)
def heartbeat(  # noqa: PLR0917 - typer gives each by its option's name
    context: typer.Context,
    url: Annotated[str, typer.Option(help="Where the schools' systems post to.")] = "",
    token: Annotated[
        Path | None, typer.Option(help="A file that holds the client's token; read for each.")
    ] = None,
    every: Annotated[str, typer.Option(help="How often, such as 5m.")] = "5m",
    patience: Annotated[str, typer.Option(help="How long one may take.")] = "1m",
    once: Annotated[bool, typer.Option("--once", help="One, and say how it went.")] = False,
) -> None:
    """Beat for ever. Metrics on HANDRAIL_HEARTBEAT_METRICS_PORT; what is late is an alarm."""
    if context.invoked_subcommand is not None:
        return
    if not url:
        _stop("Say where to with --url.", 2)
    settings = _settings(HeartbeatSettings)
    configure_logging("heartbeat")
    if settings.metrics_port and not once:
        serve_metrics(settings.metrics_port)
    missing = asyncio.run(_run(url, token, settings, _seconds(every), _seconds(patience), once))
    if missing:
        _stop(f"It did not arrive: not {missing}.", 1)


async def _run(  # noqa: PLR0917 - as they come from the command line
    url: str,
    file: Path | None,
    settings: HeartbeatSettings,
    every: float,
    patience: float,
    once: bool,
) -> str | None:
    async with httpx2.AsyncClient(base_url=url, timeout=20) as client:
        pulse = Pulse(client, _token(client, file, settings), patience)
        if not once:
            await pulse.keep_beating(every)
        made = await pulse.once()
        for step, seconds in made.took.items():
            typer.echo(f"{step} after {seconds:.2f} s")
        return made.missing


def _token(client: httpx2.AsyncClient, file: Path | None, settings: HeartbeatSettings) -> Token:
    url, secret = settings.token_url, settings.secret
    if file is not None:

        async def from_file() -> str:
            return (await asyncio.to_thread(file.read_text, encoding="ascii")).strip()

        return from_file
    if url is None or secret is None:
        _stop("Give --token, or HANDRAIL_HEARTBEAT_TOKEN_URL and HANDRAIL_HEARTBEAT_SECRET.", 2)

    async def from_issuer() -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": settings.client,
            "client_secret": secret.get_secret_value(),
            "scope": "concerns:write concerns:read",
        }
        answer = await client.post(url, data=form)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    return from_issuer


@heartbeat_app.command()
def prepare(
    service: Annotated[str, typer.Argument(help="intake | notify", metavar="SERVICE")],
    la: Annotated[str, typer.Option(help="For intake: an authority that has a pack.")] = "",
    client: Annotated[str, typer.Option(help="For intake: the token's client.")] = HEARTBEAT_CLIENT,
    mail: Annotated[str, typer.Option(help="For notify: the mailbox that is told.")] = "",
) -> None:
    """Once for each of the two (HANDRAIL_DATABASE_URL, HANDRAIL_MATCH_SECRET): the heartbeat's
    school and client, or its post."""
    if service not in {"intake", "notify"} or not (la if service == "intake" else mail):
        _stop("Say `intake --la 821` or `notify --mail heartbeat@authority.example`.", 2)
    try:
        asyncio.run(_prepare(_settings(PrepareSettings), service, la, client, mail))
    except ValidationError:
        _stop("That is no address for mail.", 2)
    except (OSError, SQLAlchemyError) as error:
        _stop(f"The database did not do as asked: {type(error).__name__}.", 1)
    typer.echo(f"{service} knows the heartbeat.")


async def _prepare(
    settings: PrepareSettings, service: str, la: str, client: str, mail: str
) -> None:
    secret = settings.match_secret.get_secret_value().encode()
    engine = make_engine(
        settings.database_url.get_secret_value(), "handrail-heartbeat", pool_size=1
    )
    try:
        async with make_sessions(engine)() as session:
            if service == "intake":
                await heartbeat_school(session, la, client, secret, SystemClock())
            else:
                await heartbeat_post(session, mail)
            await session.commit()  # COMMIT POINT: a crash before it is mended by doing it again
    finally:
        await engine.dispose()


def _seconds(text: str) -> float:
    found = _DURATION.fullmatch(text)
    if found is None:
        _stop(f"{text!r} is no time: write 30s, 5m or 1h.", 2)
    return float(int(found[1]) * _SECONDS[found[2]])


def _settings(kind: type[Kind]) -> Kind:
    try:
        return kind()
    except ValidationError as error:
        prefix = str(kind.model_config["env_prefix"])
        names = sorted({prefix + str(item["loc"][0]).upper() for item in error.errors()})
        _stop(f"Not set, or not usable: {', '.join(names)}.", 2)


def _stop(sentence: str, code: int) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)
