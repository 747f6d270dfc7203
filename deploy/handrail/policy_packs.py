"""The packs that a `handrail policy` command works on, or a plain word on why it cannot."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from shared.policy import Policy, PolicyError, load_policy

Packs = Annotated[
    Path | None,
    typer.Option("--packs", envvar="HANDRAIL_PACKS", help="A directory of packs."),
]


def policy_of(packs: Path | None) -> Policy:
    try:
        return load_policy(packs)
    except PolicyError as error:
        stop(*error.problems)
    except OSError:
        stop("national.yaml cannot be read in that directory; give the directory of the packs")


def stop(*lines: str) -> NoReturn:
    for line in lines:
        typer.echo(line, err=True)
    raise typer.Exit(1)
