"""`handrail prune`: old entries' payloads go, when two people say so; what proves them stays."""

import asyncio
from typing import Annotated, Final, NoReturn

import typer
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.exc import SQLAlchemyError

from audit_log import pruning
from handrail.who import ByOption
from shared.clock import SystemClock
from shared.db import make_engine, make_sessions
from shared.outbox import commit
from shared.sealing import account_ref
from shared.settings import DatabaseUrl


class PruneSettings(BaseSettings):
    """database_url: of the role audit_log_migrator; match_secret: keys who."""

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", frozen=True, extra="ignore")

    database_url: DatabaseUrl
    match_secret: Annotated[SecretStr, Field(min_length=32)]


_SAID: Final[dict[pruning.Answer, str]] = {
    "asked": "is asked for, and told in the log. Now someone else runs this with --confirm.",
    "pruned": "is done, and told in the log. Every hash and every proof is still there.",
    "not_asked": "was not asked for: one person asks first, without --confirm.",
    "same_person": "must be confirmed by someone else than the one who asked.",
    "no_boundary": "is not possible: entries go by whole partitions, and none ends there.",
    "not_signed": "must wait: no signed checkpoint holds all of these entries yet.",
    "on_hold": "must wait: among these entries are some of a concern that is on hold.",
    "not_watched": "must wait: the reconciler has not read all of these entries yet.",
    "too_new": "is refused: some of these entries must be kept for longer.",
    "done_before": "was done before: nothing changes.",
}


def prune(
    below: Annotated[int, typer.Option(min=1, help="The first seq that stays.")],
    by: ByOption,
    confirm: Annotated[bool, typer.Option(help="Do what someone else has asked for.")] = False,
) -> None:
    """Forget the audit log's entries before a seq: one person asks, another confirms.

    HANDRAIL_DATABASE_URL is that of the role audit_log_migrator; HANDRAIL_MATCH_SECRET makes the
    references to who asked and who confirmed, which the log keeps.
    """
    if not by.strip():
        _stop("Say who you are with --by.", 2)
    try:
        answer = asyncio.run(_pruned(PruneSettings(), below, by.strip(), confirm=confirm))
    except ValidationError as error:
        names = sorted({"HANDRAIL_" + str(item["loc"][0]).upper() for item in error.errors()})
        _stop(f"Not set, or not usable: {', '.join(names)}.", 2)
    except (OSError, SQLAlchemyError) as error:
        _stop(f"The database did not do as asked: {type(error).__name__}.", 1)
    sentence = f"Pruning below {below} {_SAID[answer]}"
    if answer not in {"asked", "pruned", "done_before"}:
        _stop(sentence, 1)
    typer.echo(sentence)


async def _pruned(settings: PruneSettings, below: int, by: str, *, confirm: bool) -> pruning.Answer:
    ref = account_ref(settings.match_secret.get_secret_value().encode(), by)
    engine = make_engine(settings.database_url.get_secret_value(), "handrail-prune", pool_size=1)
    try:
        async with make_sessions(engine)() as session:
            step = pruning.confirm if confirm else pruning.ask
            answer = await step(session, below, ref, SystemClock().now())
            await commit(session)
            return answer
    finally:
        await engine.dispose()


def _stop(sentence: str, code: int) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)
