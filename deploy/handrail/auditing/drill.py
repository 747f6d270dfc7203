"""`handrail audit drill`: tampers with a copy of a log in every way known, and shows each found."""

import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from audit_log.trust.checkpoints import parse_checkpoint
from audit_log.verifying.attacks import ATTACKS
from audit_log.verifying.audit import entries_of
from audit_log.verifying.drill import Outcome, examine, invented, run, set_scene
from audit_log.verifying.sources import Directory, read_checkpoint
from handrail.auditing.given import UNREADABLE, in_words

_FEWEST = 16


def drill(
    directory: Annotated[
        Path | None, typer.Option("--dir", help="A mirror, whose entries the drill copies.")
    ] = None,
    entries: Annotated[int, typer.Option(help="How many to invent without --dir.", min=16)] = 2000,
    as_json: Annotated[bool, typer.Option("--json", help="The outcomes as JSON.")] = False,
) -> None:
    """Show that tampering is found, on a copy with keys of its own. Exit 1: some was not."""
    with in_words(), tempfile.TemporaryDirectory(prefix="handrail-drill-") as place:
        started = time.perf_counter()
        payloads = list(invented(entries)) if directory is None else _copied(directory)
        if len(payloads) < _FEWEST:
            typer.echo(f"The drill needs a log of {_FEWEST} entries or more.", err=True)
            raise typer.Exit(UNREADABLE)
        scene = set_scene(Path(place), payloads)
        sound = examine(scene, Path(place) / "sound")
        outcomes = [run(scene, name, attack) for name, attack in ATTACKS.items()]
        seconds = time.perf_counter() - started
    passed = sound.exit_code == 0 and all(one.found and one.exact for one in outcomes)
    if as_json:
        found = [asdict(one) for one in outcomes]
        summary = {"passed": passed, "seconds": round(seconds, 3), "outcomes": found}
        typer.echo(json.dumps(summary, indent=2))
    else:
        _tell(outcomes, len(payloads), seconds)
    raise typer.Exit(0 if passed else 1)


def _copied(directory: Path) -> list[bytes]:
    source = Directory(directory)
    size = parse_checkpoint(read_checkpoint(source).text).size
    return [entry for _, entry in entries_of(source, size)]


def _tell(outcomes: list[Outcome], size: int, seconds: float) -> None:
    typer.echo(f"A copy of {size} entries, untouched: verified. Then, each on a fresh copy:")
    for one in outcomes:
        mark = "found " if one.found and one.exact else "MISSED"
        where = "" if one.first is None else f"entry {one.first}"
        if one.last not in (None, one.first):
            where = f"entries {one.first} to {one.last}"
        typer.echo(f"{mark}  {one.attack}")
        typer.echo(f"        {where + ': ' if where else ''}{one.what}")
    count = sum(one.found and one.exact for one in outcomes)
    typer.echo(f"{count} of {len(outcomes)} found, in {seconds:.1f} s.")
