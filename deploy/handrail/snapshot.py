"""`handrail snapshot`: a queue on paper for when the system is away, sealed to the authority."""

import asyncio
import json
import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.exc import SQLAlchemyError

from escalation.deciding import Rules
from escalation.viewer import Viewer
from escalation.web.snapshot import snapshot_html
from handrail.files import write_private
from shared.auth import Grant, Principal
from shared.clock import SystemClock
from shared.db import make_engine, make_sessions
from shared.policy.control.opening import open_packs
from shared.sealing import (
    KeysUnreadable,
    Opener,
    SealBroken,
    Sealer,
    account_ref,
    new_key,
)
from shared.settings import DatabaseUrl

snapshot_app = typer.Typer(help="A queue to print while the system is away, sealed to a key.")
PURPOSE: Final = "snapshot"
_SUFFIX: Final = ".snapshot"
_DURATION: Final = re.compile(r"([1-9]\d{0,3})([mh])")
_ROUTE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
_LA: Final = re.compile(r"[0-9]{3}")


class SnapshotSettings(BaseSettings):
    """database_url: escalation's. match_secret: tells what the reader may not know of."""

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", frozen=True, extra="ignore")

    database_url: DatabaseUrl
    match_secret: Annotated[SecretStr, Field(min_length=32)]
    packs: Path | None = None
    pack_approvers: Path | None = None


@snapshot_app.callback(invoke_without_command=True)
def snapshot(  # noqa: PLR0917 - typer gives each by its option's name
    context: typer.Context,
    route: Annotated[str, typer.Option(help="The queue, such as MASH.")] = "",
    la: Annotated[str, typer.Option(help="The authority's code, such as 821.")] = "",
    reader: Annotated[
        str, typer.Option(help="Account of who will open it; what they may not see is left out.")
    ] = "",
    to: Annotated[Path | None, typer.Option("--for", help="The authority's public key.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File; directory: --every")] = (
        None
    ),
    every: Annotated[str, typer.Option(help="Again and again, such as 10m.")] = "",
    keep: Annotated[str, typer.Option(help="With --every: how long old ones stay.")] = "24h",
) -> None:
    """Write a sealed snapshot of a queue (HANDRAIL_DATABASE_URL of escalation)."""
    if context.invoked_subcommand is not None:
        return
    if not (_ROUTE.fullmatch(route) and _LA.fullmatch(la) and reader.strip() and to and out):
        _stop("Give --route, --la, --reader, --for and -o: see `handrail snapshot --help`.", 2)
    pause, age = _duration(every) if every else None, _duration(keep)
    sealer, settings = _sealer(to), _settings()
    while True:
        now = datetime.now(UTC)
        name = f"{route}-{la}-{now:%Y%m%dT%H%M%SZ}{_SUFFIX}"
        file = out / name if pause else out
        rows = _taken(settings, sealer, (route, la, reader.strip()), file, once=pause is None)
        if rows is not None:
            typer.echo(f"{file}: {rows} unfinished, sealed.")
        if pause is None:
            return
        # Only once there is a new one: an outage must not use up the last that there is.
        if rows is not None:
            _forget(out, f"{route}-{la}-", now - age)
        time.sleep(pause.total_seconds())


@snapshot_app.command("key")
def make_key(
    directory: Annotated[Path, typer.Option("--dir", help="Where the two files are written.")],
) -> None:
    """Make the authority's key: snapshot.public.json for the server, snapshot.private.json to keep
    where it is needed in an outage, and never on the server."""
    public_file, private_file = (
        directory / "snapshot.public.json",
        directory / "snapshot.private.json",
    )
    if public_file.exists() or private_file.exists():
        _stop(f"{directory} already holds a key: name another directory.", 1)
    created = SystemClock().now()
    kid = f"{PURPOSE}-{created:%Y%m%d}-{secrets.token_hex(4)}"
    public, private = new_key("snapshot", kid, created)
    write_private(private_file, json.dumps({"keys": [private]}, indent=2) + "\n")
    write_private(public_file, json.dumps({"keys": [public]}, indent=2) + "\n")
    typer.echo(f"{public_file} goes to the server, {private_file} to whoever opens snapshots.")


@snapshot_app.command("open")
def open_snapshot(
    file: Annotated[Path, typer.Argument(help="A sealed snapshot.")],
    key: Annotated[Path, typer.Option(help="The authority's private key.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The page to write.")] = None,
) -> None:
    """Open a snapshot to a page for the browser, and for the printer. Needs no network."""
    page = out or file.with_suffix(".html")
    try:
        queue, _, sealed = file.read_text(encoding="ascii").strip().partition(" ")
        html = Opener.from_files(key).open("snapshot", sealed, context=queue)
        write_private(page, html.decode())
    except KeysUnreadable as error:
        _stop(f"{error}.", 1)
    except SealBroken:
        _stop(f"{file} does not open with this key, or it was changed.", 1)
    except (OSError, ValueError):
        _stop(f"{file} cannot be read, or {page} not written.", 1)
    typer.echo(f"{page}: open it in a browser. Destroy it when the system is back.")


def _taken(
    settings: SnapshotSettings, sealer: Sealer, of: tuple[str, str, str], file: Path, *, once: bool
) -> int | None:
    """How many rows; None where the database is away and it will be asked again."""
    try:
        html, rows = asyncio.run(_page(settings, *of))
        queue = f"{of[0]}-{of[1]}"
        sealed = sealer.seal("snapshot", html.encode(), context=queue)
        write_private(file, f"{queue} {sealed}\n")
    except ValueError:
        _stop("The queue is too long for a snapshot.", 1)
    except (OSError, SQLAlchemyError) as error:
        sentence = f"No snapshot ({type(error).__name__}): the last ones stay."
        if once:
            _stop(sentence, 1)
        typer.echo(sentence, err=True)
        return None
    return rows


async def _page(settings: SnapshotSettings, route: str, la: str, reader: str) -> tuple[str, int]:
    rules = Rules(open_packs(settings.packs, settings.pack_approvers), SystemClock())
    grants = frozenset({Grant("worker", route=route, la=la)})
    ref = account_ref(settings.match_secret.get_secret_value().encode(), reader)
    viewer = Viewer(Principal(reader, "handrail-snapshot", "person", grants), ref)
    engine = make_engine(settings.database_url.get_secret_value(), "handrail-snapshot", pool_size=1)
    try:
        async with make_sessions(engine)() as session:
            made = await snapshot_html(session, viewer, rules, route, la)
            return made.html, made.rows
    finally:
        await engine.dispose()


def _forget(directory: Path, begins: str, before: datetime) -> None:
    for old in directory.glob(f"{begins}*{_SUFFIX}"):
        stamp = old.name.removeprefix(begins).removesuffix(_SUFFIX)
        try:
            at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            continue  # it is none of ours
        if at < before:
            old.unlink(missing_ok=True)


def _duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    if found is None:
        _stop(f"{text!r} is no time: write 10m or 24h.", 2)
    return timedelta(minutes=int(found[1]) * (60 if found[2] == "h" else 1))


def _sealer(file: Path) -> Sealer:
    try:
        sealer = Sealer.from_files(file)
        sealer.seal("snapshot", b"", context="MASH")  # a key of another purpose is refused now
    except KeysUnreadable as error:
        _stop(f"{error}. Make one with `handrail snapshot key`.", 1)
    return sealer


def _settings() -> SnapshotSettings:
    try:
        return SnapshotSettings()
    except ValidationError as error:
        names = sorted({"HANDRAIL_" + str(item["loc"][0]).upper() for item in error.errors()})
        _stop(f"Not set, or not usable: {', '.join(names)}.", 2)


def _stop(sentence: str, code: int) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)
