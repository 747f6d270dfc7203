"""`handrail audit mirror`: a copy of the whole log, which nobody here can take back."""

from pathlib import Path
from typing import Annotated

import typer

from audit_log.verifying.copying import copy_log
from handrail.auditing.given import (
    KeyOption,
    PolicyOption,
    in_words,
    opened,
    policy_of,
    token,
    told,
)
from handrail.auditing.progress import Bar


def mirror(
    url: Annotated[str, typer.Argument(help="The log's address.")],
    directory: Annotated[Path, typer.Argument(help="Where the copy is kept.")],
    policy: PolicyOption = None,
    key: KeyOption = None,
    hashes: Annotated[
        bool, typer.Option("--hashes", help="Copy hashes and checkpoints, no entry.")
    ] = False,
) -> None:
    """Copy the log, or bring a copy up to date. Stopped at any moment, it goes on from there."""
    with in_words(), Bar("tiles") as bar, opened(url) as source:
        report = copy_log(
            source,
            directory,
            policy_of(policy, key),
            entries=not hashes and token() is not None,
            progress=bar.at,
        )
    if not hashes and token() is None:
        report.notes.append("only hashes were copied: entries need HANDRAIL_TOKEN")
    told(report)
    raise typer.Exit(report.exit_code)
