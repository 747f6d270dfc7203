"""`handrail audit monitor`: follows a log, and ends when it finds it wrong."""

import time
from pathlib import Path
from typing import Annotated

import typer

from audit_log.trust.plain import Malformed
from audit_log.verifying.following import Follower
from audit_log.verifying.sources import Unreachable
from handrail.auditing.given import (
    UNREADABLE,
    KeyOption,
    PolicyOption,
    in_words,
    opened,
    policy_of,
    token,
    told,
)


def monitor(  # noqa: PLR0917 - typer gives each by its option's name
    url: Annotated[str, typer.Argument(help="The log's address.")],
    directory: Annotated[Path, typer.Argument(help="Where it keeps its copy of the log.")],
    policy: PolicyOption = None,
    key: KeyOption = None,
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.1)] = 10.0,
    patience: Annotated[
        float, typer.Option(help="Seconds that an event may be missing for.", min=0)
    ] = 300.0,
    silence: Annotated[
        float, typer.Option(help="Seconds that the log may not answer for.", min=0)
    ] = 300.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, for a timer's use.")] = False,
) -> None:
    """Follow a log. Exit: 1 wrong, 2 no answer for too long, 3 too few vouch (with --once)."""
    with in_words(), opened(url) as source:
        judged = policy_of(policy, key)
        follower = Follower(source, directory, judged, token() is not None, patience)
        heard, size = time.monotonic(), -1
        while True:
            try:
                report = follower.look(time.monotonic())
                heard = time.monotonic()
            except (Unreachable, Malformed) as error:
                if once or time.monotonic() - heard > silence:
                    raise
                typer.echo(f"no answer to read: {error}", err=True)
                time.sleep(every)
                continue
            if once or report.findings:
                told(report)
                raise typer.Exit(report.exit_code)
            if report.size != size:
                size = report.size
                vouched = "verified" if report.exit_code == 0 else "too few vouch for it"
                typer.echo(f"{size} entries, {vouched}")
            time.sleep(every)
    raise typer.Exit(UNREADABLE)  # never reached: it ends by what it found
