"""`handrail topics settle`: a person has read by hand what can never be driven again."""

import asyncio
from typing import Annotated, Final, NoReturn
from uuid import UUID

import typer
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.exc import SQLAlchemyError

from handrail.who import ByOption
from shared import dead_letters
from shared.clock import SystemClock
from shared.db import make_engine, make_sessions
from shared.outbox import commit
from shared.sealing import account_ref
from shared.settings import DatabaseUrl


class SettleSettings(BaseSettings):
    """database_url: of the service that could not apply the record; match_secret: keys who."""

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", frozen=True, extra="ignore")

    database_url: DatabaseUrl
    match_secret: Annotated[SecretStr, Field(min_length=32)]


_SAID: Final = {
    "settled": "is settled. What was held behind it can be replayed now.",
    "closed_before": "was dealt with before: nothing changes.",
    "held": "only waits behind another one: settle or replay that, then replay this.",
    "unknown": "is not a dead letter of this service.",
}


def settle(
    letter: Annotated[UUID, typer.Option("--id", help="The id of the dead letter.")],
    by: ByOption,
) -> None:
    """Close a dead letter that can never be replayed, once you have read it by hand.

    HANDRAIL_DATABASE_URL is that of the service which could not apply it; HANDRAIL_MATCH_SECRET
    makes the reference to who you are, which the audit log keeps.
    """
    if not by.strip():
        _stop("Say who you are with --by.", 2)
    try:
        answer = asyncio.run(_settled(SettleSettings(), letter, by.strip()))
    except ValidationError as error:
        names = sorted({"HANDRAIL_" + str(item["loc"][0]).upper() for item in error.errors()})
        _stop(f"Not set, or not usable: {', '.join(names)}.", 2)
    except (OSError, SQLAlchemyError) as error:
        _stop(f"The database did not do as asked: {type(error).__name__}.", 1)
    if answer in {"held", "unknown"}:
        _stop(f"{letter} {_SAID[answer]}", 1)
    typer.echo(f"{letter} {_SAID[answer]}")


async def _settled(settings: SettleSettings, letter: UUID, by: str) -> str:
    """COMMIT POINT: the letter is closed and it is told who did so, together or not at all."""
    ref = account_ref(settings.match_secret.get_secret_value().encode(), by)
    engine = make_engine(settings.database_url.get_secret_value(), "handrail-settle", pool_size=1)
    try:
        async with make_sessions(engine)() as session:
            answer = await dead_letters.settle(session, letter, ref, SystemClock().now())
            await commit(session)
            return answer
    finally:
        await engine.dispose()


def _stop(sentence: str, code: int) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)
