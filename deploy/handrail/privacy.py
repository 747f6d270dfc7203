"""`handrail privacy`: what a data protection officer does to one concern, on a running house."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar
from uuid import UUID

import typer
from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from handrail import keys, migrations
from handrail.demo import DATABASE
from handrail.files import write_private
from handrail.postgres import EmbeddedPostgres, PostgresUnavailable
from handrail.subject_access import Export, as_json, export_of
from handrail.who import ByOption
from intake import privacy
from shared.clock import SystemClock
from shared.db import make_engine, make_sessions
from shared.outbox import commit
from shared.sealing import KeysUnreadable, Opener, Sealer, account_ref
from shared.settings import DatabaseUrl

privacy_app = typer.Typer(
    no_args_is_help=True, help="Export, erase, hold or correct what is held about one concern."
)

ConcernOption = Annotated[UUID, typer.Option("--concern", help="The concern's id.")]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="A running demo's directory. Else HANDRAIL_… is read.")
]
Work = Callable[[AsyncSession, str, datetime], Awaitable[None]]
Result = TypeVar("Result")
Loaded = TypeVar("Loaded", Opener, Sealer)


class PrivacySettings(BaseSettings):
    """database_url: intake's. The other owners' are read by an export, and by nothing else."""

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", frozen=True, extra="ignore")

    database_url: DatabaseUrl
    match_secret: SecretStr
    keys_public: Path | None = None
    escalation_database_url: DatabaseUrl | None = None
    notify_database_url: DatabaseUrl | None = None
    audit_log_database_url: DatabaseUrl | None = None


@dataclass(frozen=True)
class Installation:
    """databases: by service. private: where keys to open with are, if it is known."""

    databases: dict[str, str]
    secret: bytes
    public: Path | None
    private: tuple[Path, ...] = ()


@privacy_app.command()
def erase(
    concern: ConcernOption,
    by: ByOption,
    data: DataOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete what is held of the people in a concern, everywhere and for good."""
    house = _installation(data)
    if not yes:
        question = f"Erase concern {concern} for good? What is deleted cannot be brought back."
        typer.confirm(question, abort=True)
    _do(house, concern, by, lambda session, ref, now: privacy.erase(session, concern, ref, now))
    typer.echo(f"{concern} is erased. Every service deletes its part when it hears of it.")


@privacy_app.command()
def hold(concern: ConcernOption, by: ByOption, data: DataOption = None) -> None:
    """Stop retention and erasure of a concern, until it is released."""
    house = _installation(data)
    _do(house, concern, by, lambda session, ref, now: privacy.hold(session, concern, ref, now))
    typer.echo(f"{concern} is held: nothing of it is erased until it is released.")


@privacy_app.command()
def release(concern: ConcernOption, by: ByOption, data: DataOption = None) -> None:
    """End a hold. Nothing is erased by that alone."""

    async def work(session: AsyncSession, ref: str, now: datetime) -> None:
        await privacy.hold(session, concern, ref, now, held=False)

    _do(_installation(data), concern, by, work)
    typer.echo(f"{concern} is released.")


@privacy_app.command()
def correct(
    concern: ConcernOption,
    by: ByOption,
    reason: Annotated[
        str,
        typer.Option(
            prompt="Why was it entered in error",
            help="Better left out: it is asked for then. As an option it stands in the shell's "
            "history. Kept sealed.",
        ),
    ],
    data: DataOption = None,
) -> None:
    """Record that a concern was entered in error, about the wrong child for one. It stays."""
    house = _installation(data)
    if house.public is None:
        _stop("Set HANDRAIL_KEYS_PUBLIC: the reason is kept sealed.", 2)
    if not reason.strip():
        _stop("A correction needs a reason.", 2)
    sealer = _keys(lambda: Sealer.from_files(house.public or Path()))

    async def work(session: AsyncSession, ref: str, now: datetime) -> None:
        await privacy.correct(session, sealer, concern, actor_ref=ref, reason=reason, now=now)

    _do(house, concern, by, work)
    typer.echo(f"{concern} is marked as entered in error. Its tasks stay until people close them.")


@privacy_app.command()
def export(
    concern: ConcernOption,
    by: ByOption,
    data: DataOption = None,
    key: Annotated[
        list[Path] | None,
        typer.Option("--key", help="A file or directory of private keys; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="A file that does not exist yet.")
    ] = None,
) -> None:
    """Write everything held about a concern, opened, to a file that only you can read.

    The reading is recorded first. The file tells of other people too: take out what the person
    who asked may not see.
    """
    file = out or Path(f"subject-access-{concern}.json")
    if file.exists():
        _stop(f"{file} exists already: name another with --out.", 2)
    house = _installation(data)
    _of_every_owner(house)
    if not (places := tuple(key or house.private)):
        _stop("Name the private keys with --key: without them nothing can be opened.", 2)
    opener = _keys(lambda: Opener.from_files(*places))
    found = _asked(_exported(house, concern, by, opener), concern)
    write_private(file, as_json(found), only_if_absent=True)
    typer.echo(f"Written to {file}. The reading is on record.")
    if found.closed:
        typer.echo(f"{found.closed} sealed parts do not open with these keys.", err=True)


def _of_every_owner(house: Installation) -> None:
    missing = sorted(migrations.SCHEMAS.keys() - house.databases.keys())
    if missing:
        names = (f"HANDRAIL_{name.upper().replace('-', '_')}_DATABASE_URL" for name in missing)
        _stop(f"An export that left a service out would not be whole. Set {', '.join(names)}.", 2)


async def _exported(house: Installation, concern: UUID, by: str, opener: Opener) -> Export:
    """COMMIT POINT inside: the reading is on record before anything is read or opened."""
    ref, now = _person(house, by), SystemClock().now()
    await _in(house, lambda session: privacy.record_reading(session, concern, ref, now))
    return await export_of(house.databases, concern, opener, now)


def _do(house: Installation, concern: UUID, by: str, work: Work) -> None:
    ref, now = _person(house, by), SystemClock().now()
    _asked(_in(house, lambda session: work(session, ref, now)), concern)


def _person(house: Installation, by: str) -> str:
    if not by.strip():
        _stop("Say who you are with --by.", 2)
    return account_ref(house.secret, by.strip())


async def _in(house: Installation, work: Callable[[AsyncSession], Awaitable[None]]) -> None:
    """COMMIT POINT: what was done and the event that tells of it, together or not at all."""
    engine = make_engine(house.databases["intake"], "handrail-privacy", pool_size=1)
    try:
        async with make_sessions(engine)() as session:
            await work(session)
            await commit(session)
    finally:
        await engine.dispose()


def _asked(work: Coroutine[Any, Any, Result], concern: UUID) -> Result:
    """Runs it; whatever stands in the way is told in a sentence that quotes nothing."""
    try:
        return asyncio.run(work)
    except privacy.NoSuchConcern:
        _stop(f"There is no concern {concern}, or it is erased.", 1)
    except privacy.Held:
        _stop(f"{concern} is held, or another of its incident is: release that first.", 1)
    except (OSError, SQLAlchemyError) as error:
        _stop(f"A database did not do as asked: {type(error).__name__}.", 1)


def _keys(load: Callable[[], Loaded]) -> Loaded:
    try:
        return load()
    except KeysUnreadable as error:
        _stop(f"{error}.", 2)


def _installation(data: Path | None) -> Installation:
    return _demo(data) if data else _environment()


def _demo(data: Path) -> Installation:
    server = EmbeddedPostgres(data / "postgres")
    try:
        server.attach()
        secret = keys.secret_file(data / "keys").read_text()
    except PostgresUnavailable as error:
        _stop(str(error), 1)
    except OSError:
        _stop(f"The demo in {data} has no keys.", 1)
    return Installation(
        {name: server.dsn(DATABASE, schema.role) for name, schema in migrations.SCHEMAS.items()},
        secret.encode(),
        keys.public_file(data / "keys"),
        (data / "keys" / "private",),
    )


def _environment() -> Installation:
    try:
        settings = PrivacySettings()
    except ValidationError as error:
        names = sorted({"HANDRAIL_" + str(item["loc"][0]).upper() for item in error.errors()})
        _stop(f"Not set, or not usable: {', '.join(names)}. For a demo name its --data.", 2)
    told = {
        "intake": settings.database_url,
        "escalation": settings.escalation_database_url,
        "notify": settings.notify_database_url,
        "audit-log": settings.audit_log_database_url,
    }
    return Installation(
        {name: url.get_secret_value() for name, url in told.items() if url is not None},
        settings.match_secret.get_secret_value().encode(),
        settings.keys_public,
    )


def _stop(sentence: str, code: int) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)
