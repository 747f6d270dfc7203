"""`handrail audit witness`: a witness for any log of this format, run by whoever is not the log."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from audit_log.trust.signers import Signer, parse_signer, signer
from audit_log.trust.vkeys import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    LOG_ALGORITHMS,
    VerifierKey,
    parse_vkey,
)
from handrail.auditing.given import UNREADABLE, in_words
from handrail.files import only_one, write_private

witness_app = typer.Typer(no_args_is_help=True, help="A witness: cosigns what extends what it saw.")

Place = Annotated[Path, typer.Option("--dir", help="The witness's directory.")]


def key_file(place: Path) -> Path:
    return place / "witness.keys"


def log_file(place: Path) -> Path:
    """The keys of the logs that it watches, one a line."""
    return place / "logs.vkeys"


@witness_app.command()
def init(
    place: Place,
    name: Annotated[str, typer.Option(help="Its name: an address without https://.")],
    ml_dsa: Annotated[
        bool, typer.Option(help="Also a key that outlives quantum computers.")
    ] = False,
) -> None:
    """Make the witness's key, and print what a policy file says of it."""
    kinds = [COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44][: 1 + ml_dsa]
    with in_words(), only_one(place):
        if key_file(place).exists():
            typer.echo(f"{place} already holds a witness's key.", err=True)
            raise typer.Exit(1)
        made = [signer(name, kind) for kind in kinds]
        write_private(key_file(place), "".join(f"{one.line()}\n" for one in made))
    for one in made:
        typer.echo(f"witness NAME {one.key} URL")


@witness_app.command()
def trust(
    place: Place, key: Annotated[str, typer.Argument(help="The log's verifier key.")]
) -> None:
    """Watch a log: cosign its checkpoints from now on, once it is served again."""
    with in_words(), only_one(place):
        known = _logs(place)
        wanted = parse_vkey(key)
        if wanted.algorithm not in LOG_ALGORITHMS:
            typer.echo("That is not a log's key.", err=True)
            raise typer.Exit(UNREADABLE)
        lines = [str(one) for one in dict.fromkeys([*known, wanted])]
        write_private(log_file(place), "".join(f"{line}\n" for line in lines))
    typer.echo(f"{wanted.name} is watched.")


@witness_app.command()
def serve(
    place: Place,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8100,
) -> None:
    """Answer logs, until it is stopped. It may be killed at any moment."""
    with in_words():
        signers, logs = _signers(place), _logs(place)
    if not logs:
        typer.echo("It watches no log yet: handrail audit witness trust.", err=True)
        raise typer.Exit(UNREADABLE)
    # Only here is a web server needed; whoever only verifies loads none.
    import_module("handrail.auditing.witness_server").serve(place, signers, logs, host, port)


def _signers(place: Path) -> tuple[Signer, ...]:
    return tuple(map(parse_signer, key_file(place).read_text("utf-8").split()))


def _logs(place: Path) -> list[VerifierKey]:
    file = log_file(place)
    return [parse_vkey(line) for line in file.read_text("utf-8").split()] if file.exists() else []
