"""What every auditor's command is given: whose word counts, and where the log is."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from audit_log.trust.notes import Note, parse_note
from audit_log.trust.plain import Malformed
from audit_log.trust.policy import Policy, PolicyError, parse_policy
from audit_log.verifying.findings import Report
from audit_log.verifying.sources import Address, Unreachable

PolicyOption = Annotated[
    Path | None, typer.Option("--policy", help="A tlog-policy file: the log's key and witnesses.")
]
KeyOption = Annotated[
    str | None, typer.Option("--key", help="The log's key alone, where there are no witnesses.")
]
UNREADABLE = 2


@contextmanager
def in_words() -> Iterator[None]:
    """What cannot be read ends the command with one sentence and exit code 2."""
    try:
        yield
    except (Unreachable, PolicyError, Malformed) as error:
        typer.echo(f"{error}.".replace("..", "."), err=True)
        raise typer.Exit(UNREADABLE) from None
    except OSError as error:
        typer.echo(f"{error.filename} cannot be used: {error.strerror}.", err=True)
        raise typer.Exit(UNREADABLE) from None


def policy_of(file: Path | None, key: str | None) -> Policy | None:
    if file is not None:
        return parse_policy(file.read_bytes())
    return parse_policy(f"log {key}\nquorum none\n".encode()) if key else None


def note_of(file: Path) -> Note:
    return parse_note(file.read_bytes())


def is_address(target: str) -> bool:
    return target.startswith(("http://", "https://"))


def token() -> str | None:
    """From the environment: on a command line everyone on the machine could read it."""
    return os.environ.get("HANDRAIL_TOKEN") or None


@contextmanager
def opened(url: str) -> Iterator[Address]:
    with closing(Address(url, token())) as source:
        yield source


def told(report: Report) -> None:
    """The verdict for people."""
    for what in report.checked:
        typer.echo(f"looked at  {what}")
    for note in report.notes:
        typer.echo(f"note       {note}")
    for finding in report.findings:
        typer.echo(f"WRONG      {finding}")
    verdict = {
        0: "VERIFIED: nothing is wrong, and those that the policy asks for vouch for it.",
        1: f"NOT VERIFIED: {len(report.findings)} things are wrong.",
        3: "NOT VERIFIED: nothing wrong was found, but too few vouch for it.",
    }
    typer.echo(verdict[report.exit_code])
