"""`handrail audit verify`: a log by its address, or offline a copy, an export or one proof."""

import json
from pathlib import Path
from typing import Annotated

import typer

from audit_log.trust.plain import Malformed
from audit_log.trust.policy import Policy
from audit_log.trust.prooffiles import parse_proof_file
from audit_log.verifying.audit import Wanted, audit, audit_proof
from audit_log.verifying.exports import SUFFIXES, audit_export
from audit_log.verifying.findings import Report
from audit_log.verifying.sources import Directory
from handrail.auditing.given import (
    KeyOption,
    PolicyOption,
    in_words,
    is_address,
    note_of,
    opened,
    policy_of,
    token,
    told,
)


def verify(  # noqa: PLR0913, PLR0917 - typer gives each by its option's name
    target: Annotated[str, typer.Argument(help="URL, mirror directory, export or .tlog-proof.")],
    policy: PolicyOption = None,
    key: KeyOption = None,
    since: Annotated[
        Path | None, typer.Option(help="An older checkpoint that the log must extend.")
    ] = None,
    kept: Annotated[
        Path | None, typer.Option(help="Your own older mirror: names the entries that differ.")
    ] = None,
    completeness: Annotated[
        bool, typer.Option("--completeness", help="Also look for events that are missing.")
    ] = False,
    entry: Annotated[
        Path | None, typer.Option(help="The entry of a .tlog-proof that does not hold it.")
    ] = None,
    processes: Annotated[int, typer.Option(help="How many to hash a mirror with.", min=1)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="The verdict as JSON.")] = False,
) -> None:
    """Check a log without trusting it. Exit: 0 verified, 1 wrong, 2 unreadable, 3 too few vouch."""
    with in_words():
        judged = policy_of(policy, key)
        place = Path(target)
        if is_address(target) or place.is_dir():
            wanted = Wanted(
                judged,
                note_of(since) if since else None,
                Directory(kept) if kept else None,
                entries=not is_address(target) or token() is not None,
                completeness=completeness,
                processes=1 if is_address(target) else processes,
            )
            report = _log(target, wanted)
        elif place.suffix in SUFFIXES:
            report = audit_export(place, judged, completeness=completeness)
        else:
            report = _proof(place, entry, judged)
    if as_json:
        typer.echo(json.dumps(report.as_json(), indent=2))
    else:
        told(report)
    raise typer.Exit(report.exit_code)


def _log(target: str, wanted: Wanted) -> Report:
    if not is_address(target):
        return audit(Directory(Path(target)), wanted)
    with opened(target) as source:
        report = audit(source, wanted)
    if not wanted.entries:
        report.notes.append("no entry was looked at: that needs HANDRAIL_TOKEN")
    return report


def _proof(file: Path, entry: Path | None, policy: Policy | None) -> Report:
    proof = parse_proof_file(file.read_bytes())
    logged = entry.read_bytes() if entry else proof.extra
    if logged is None:
        raise Malformed("the proof does not hold its entry: name the entry's file with --entry")
    return audit_proof(proof, logged, policy)
