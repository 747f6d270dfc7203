"""`handrail serve` and `handrail migrate`: one service as its own process, from its environment."""

import signal
import sys
from collections.abc import Iterable
from typing import Annotated, TypeVar

import typer
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.exc import SQLAlchemyError

from handrail.house import PROCESSES, SERVICES, part
from handrail.listening import listening
from shared.clock import SystemClock
from shared.log import configure_logging
from shared.sealing import KeysUnreadable
from shared.settings import DatabaseUrl

ServiceName = Annotated[str, typer.Argument(help=" | ".join(SERVICES), metavar="SERVICE")]
ProcessName = Annotated[str, typer.Argument(help=" | ".join(PROCESSES), metavar="SERVICE")]


class MigrationSettings(BaseSettings):
    """All that a migration is told: whose tables, by the role that owns them."""

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", frozen=True, extra="ignore")

    database_url: DatabaseUrl


Kind = TypeVar("Kind", bound=BaseSettings)


def _settings(kind: type[Kind]) -> Kind:
    try:
        return kind()
    except ValidationError as error:
        # Pydantic's own text would print the values, and these are secrets. A check over several
        # settings has no one name; it says which in its own words, and quotes none.
        names = sorted(
            "HANDRAIL_" + str(item["loc"][0]).upper()
            if item["loc"]
            else item["msg"].removeprefix("Value error, ")
            for item in error.errors()
        )
        typer.echo(f"Not set, or not usable: {', '.join(names)}.", err=True)
        raise typer.Exit(2) from None


def _known(service: str, known: Iterable[str] = SERVICES) -> str:
    if service not in known:
        typer.echo(f"There is no service {service!r}; there are {', '.join(known)}.", err=True)
        raise typer.Exit(2)
    return service


def serve(
    service: ProcessName,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
) -> None:
    """Run one service. Its settings come from HANDRAIL_… in the environment."""
    made = part(_known(service, PROCESSES))
    configure_logging(service)
    try:
        app = made.create_app(_settings(made.settings), SystemClock(), None)
    except KeysUnreadable as error:
        typer.echo(f"{error}. Make keys with `handrail keys init`.", err=True)
        raise typer.Exit(2) from None
    except ValueError as error:  # each of ours is one sentence that quotes no setting
        typer.echo(f"The settings do not fit together: {error}.", err=True)
        raise typer.Exit(2) from None
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,  # it would print addresses and paths
            log_config=None,  # its own would print tracebacks, with what was submitted
            server_header=False,
            timeout_graceful_shutdown=10,
        )
    )
    _end_well_when_told_to(app)
    with listening(host, port) as listener:
        server.run([listener])
    if not server.started or app.state.failed:
        sys.exit(1)


def _end_well_when_told_to(app: FastAPI) -> None:
    """Uvicorn raises the signal once more when it has shut down: by default that is a death by it,
    and a stop that went well would look like a crash."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(1 if app.state.failed else 0))


def database_dsn() -> str:
    """HANDRAIL_DATABASE_URL, or one sentence and the end of the command."""
    return _settings(MigrationSettings).database_url.get_secret_value()


def migrate(service: ServiceName) -> None:
    """Bring one service's tables to the newest version (HANDRAIL_DATABASE_URL)."""
    from handrail import migrations  # noqa: PLC0415 - a service starts without Alembic

    settings = _settings(MigrationSettings)
    try:
        migrations.upgrade(_known(service), settings.database_url.get_secret_value())
    except (OSError, SQLAlchemyError) as error:
        typer.echo(f"The database could not be migrated: {type(error).__name__}.", err=True)
        raise typer.Exit(1) from None
