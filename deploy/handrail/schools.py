"""`handrail schools`: brings the public register of schools into intake."""

import asyncio
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from handrail.serve import database_dsn
from intake.schools import RegisteredSchool, import_schools, is_reserved
from shared.db import make_engine, make_sessions

schools_app = typer.Typer(no_args_is_help=True, help="The register of schools.")

# The names of the columns in Get Information About Schools' download of all establishments.
_URN, _LA, _NAME, _PHASE = "URN", "LA (code)", "EstablishmentName", "PhaseOfEducation (name)"
_STATUS = "EstablishmentStatus (name)"


class RegisterUnreadable(Exception):
    """Says in one sentence what is wrong with the file, and where."""


def read_register(file: Path) -> Iterator[RegisteredSchool]:
    """The open schools of the register's CSV file, which is written in Windows-1252."""
    with file.open(encoding="cp1252", newline="") as stream:
        rows = csv.DictReader(stream)
        missing = {_URN, _LA, _NAME, _PHASE} - set(rows.fieldnames or ())
        if missing:
            columns = ", ".join(sorted(missing))
            raise RegisterUnreadable(
                f"{file}: line 1 does not name the column {columns}; give the download "
                "'all establishment data' of Get Information About Schools."
            )
        for row in rows:
            urn, la = row[_URN].strip(), row[_LA].strip().zfill(3)
            if len(urn) != 6 or not urn.isdigit() or not la.isdigit():  # noqa: PLR2004 - a URN
                raise RegisterUnreadable(
                    f"{file}: line {rows.line_num} has no six-digit URN or no authority's code."
                )
            closed = row.get(_STATUS, "").strip().casefold() == "closed"
            if not closed and not is_reserved(urn):
                yield RegisteredSchool(urn, la, row[_NAME].strip(), row[_PHASE].strip() or None)


@schools_app.command(name="import")
def import_register(
    file: Annotated[Path, typer.Argument(help="The register's CSV file.", exists=True)],
) -> None:
    """Add and renew schools from the public register (HANDRAIL_DATABASE_URL of intake).

    Nothing is taken from a file with a line that cannot be read. Reserved URNs are passed over.
    """
    try:
        schools = list(read_register(file))
        count = asyncio.run(_store(database_dsn(), schools))
    except RegisterUnreadable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except (OSError, SQLAlchemyError) as error:
        typer.echo(f"The register could not be stored: {type(error).__name__}.", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{count} schools are in the register now.")


async def _store(dsn: str, schools: list[RegisteredSchool]) -> int:
    engine = make_engine(dsn, "handrail-schools", pool_size=1)
    try:
        async with make_sessions(engine)() as session:
            count = await import_schools(session, schools)
            await session.commit()  # COMMIT POINT: all of the file or nothing of it
    finally:
        await engine.dispose()
    return count
