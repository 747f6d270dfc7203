"""`handrail policy explain`: what a submission calls for, why, and why not something else."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from handrail.policy_packs import Packs, policy_of, stop
from intake.reading import Submission, TooLarge, Unreadable, read_submission
from shared.policy import Authorities, Policy
from shared.policy.readers.explanation import Asked
from shared.policy.readers.explanation import explain as explained
from shared.policy.readers.explanation import why_not as not_taken
from shared.policy.readers.html import explanation_html
from shared.policy.readers.text import explanation_lines, why_not_lines

At = Annotated[str | None, typer.Option("--at", help="When it is received, with an offset.")]
La = Annotated[str | None, typer.Option("--la", help="The code of the school's authority.")]


def explain(  # noqa: PLR0917 - each is an option of the command line
    body: Annotated[Path, typer.Argument(help="A body as POST /v1/concerns takes it.")],
    at: At = None,
    la: La = None,
    as_json: Annotated[bool, typer.Option("--json", help="The decision as JSON.")] = False,
    as_html: Annotated[bool, typer.Option("--html", help="One HTML file.")] = False,
    why_not: Annotated[str | None, typer.Option("--why-not", help="A route not taken.")] = None,
    packs: Packs = None,
) -> None:
    """What a submission calls for, by which rules, and what would settle the rest."""
    policy = policy_of(packs)
    read = _read(body, policy, _instant(at))
    if why_not is not None and why_not not in policy.national.routes:
        stop(f"there is no route {why_not}; the routes are {', '.join(policy.national.routes)}")
    all_asked = _asked(read, la)
    not_so = [not_taken(policy, why_not, asked) for asked in all_asked] if why_not else []
    if as_html:
        typer.echo(explanation_html([explained(policy, asked) for asked in all_asked], not_so))
    elif as_json:
        told = not_so or [explained(policy, asked) for asked in all_asked]
        typer.echo(json.dumps(told[0] if len(told) == 1 else told, ensure_ascii=False, indent=2))
    elif why_not:
        typer.echo("\n".join(line for told in not_so for line in why_not_lines(told)))
    else:
        lines = [
            line for asked in all_asked for line in explanation_lines(explained(policy, asked))
        ]
        typer.echo("\n".join(lines))


def _instant(at: str | None) -> datetime:
    if at is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        stop("--at is no ISO 8601 instant; write 2026-11-25T10:00:00+00:00")
    if found.tzinfo is None:
        stop("--at needs an offset, as in 2026-11-25T10:00:00+00:00")
    return found


def _read(body: Path, policy: Policy, received_at: datetime) -> Submission:
    try:
        return read_submission(body.read_bytes(), policy.schema, received_at=received_at)
    except OSError:
        stop("the file of the body cannot be read; check its name")
    except (Unreadable, TooLarge):
        stop("the body cannot be read as JSON, or is far too large")


def _asked(read: Submission, la: str | None) -> list[Asked]:
    return [
        Asked(
            facts=dict(subject.facts),
            received_at=read.received_at,
            authorities=Authorities(subject.home_la, read.found_la, la, subject.carer_la),
            discovered_at=read.discovered_at,
            subject=subject.ref,
        )
        for subject in read.subjects
    ]
