"""`handrail token`: an access token of the demo, for the command line."""

from pathlib import Path
from typing import Annotated, cast

import typer

from handrail.files import USUAL_DATA
from handrail.issuer import issue
from shared.auth import ROLES, Role
from shared.auth.principal import QUEUE_ROLES
from shared.clock import SystemClock


def token(  # noqa: PLR0917 - typer gives each by its option's name
    role: Annotated[str, typer.Option(help="/".join(sorted(ROLES)))],
    client: Annotated[str | None, typer.Option(help="The client, for mis.")] = None,
    school: Annotated[str | None, typer.Option(help="A demo school's URN, 999001-999099.")] = None,
    la: Annotated[str | None, typer.Option(help="An authority's code, such as 886.")] = None,
    route: Annotated[str | None, typer.Option(help="A worker's queue; MASH if not given.")] = None,
    account: Annotated[str | None, typer.Option(help="A person's account.")] = None,
    data: Annotated[Path, typer.Option(help="The demo's directory.")] = USUAL_DATA,
) -> None:
    """Print an access token that the demo on the same directory accepts for an hour."""
    if role not in ROLES:
        typer.echo(f"There is no role {role!r}; there are {', '.join(sorted(ROLES))}.", err=True)
        raise typer.Exit(2)
    if not data.is_dir():
        typer.echo(f"There is no demo in {data}: start `handrail demo` first.", err=True)
        raise typer.Exit(1)
    if role in QUEUE_ROLES and route is None:
        route = "MASH"
    try:
        typer.echo(
            issue(
                data,
                role=cast("Role", role),
                clock=SystemClock(),
                client=client,
                school=school,
                la=la,
                route=route,
                account=account,
            )
        )
    except ValueError as error:
        typer.echo(f"{error}.", err=True)
        raise typer.Exit(2) from None
