"""`handrail keys log`: the keys that the audit log's checkpoints are signed with."""

from pathlib import Path
from typing import Annotated

import typer

from audit_log.trust.plain import Malformed
from audit_log.trust.signers import Signer, parse_signer, signer
from audit_log.trust.vkeys import COSIGNATURE_ML_DSA_44, ED25519
from handrail.files import only_one, write_private

log_keys_app = typer.Typer(no_args_is_help=True, help="The keys that the audit log is signed with.")

Directory = Annotated[Path, typer.Option("--dir", help="The directory the key files are kept in.")]
KINDS = {"ed25519": ED25519, "ml-dsa-44": COSIGNATURE_ML_DSA_44}


def signing_file(directory: Path) -> Path:
    """What only the checkpointer is given: the keys that sign now, one a line."""
    return directory / "private" / "log.keys"


def policy_file(directory: Path) -> Path:
    """What auditors go by, and whom the checkpointer asks; whoever adds witnesses edits it."""
    return directory / "log.policy"


def public_file(directory: Path) -> Path:
    """What every auditor and witness is given: each key that ever signed, oldest first."""
    return directory / "log.vkeys"


@log_keys_app.command()
def init(
    directory: Directory,
    origin: Annotated[str, typer.Option(help="The log's name: its address without https://.")],
) -> None:
    """Make the log's first keys. The name is for ever: another name is another log."""
    if signing_file(directory).exists():
        typer.echo(
            f"{directory} already holds the log's keys; use `handrail keys log rotate`.", err=True
        )
        raise typer.Exit(1)
    try:
        make_log_keys(directory, origin)
    except Malformed as error:
        typer.echo(f"The log's name cannot be {origin!r}: {error}.", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"Made the log's keys in {directory}:")
    typer.echo(f"  checkpointer    HANDRAIL_LOG_KEYS={signing_file(directory)}")
    typer.echo(f"  checkpointer    HANDRAIL_LOG_POLICY={policy_file(directory)}")
    typer.echo(f"  auditors are given {policy_file(directory)}, witnesses {public_file(directory)}")


@log_keys_app.command()
def rotate(
    directory: Directory,
    kind: Annotated[str, typer.Option(help=" or ".join(KINDS))] = "ed25519",
) -> None:
    """Sign with one more key from now on; the old one signs beside it until it is retired."""
    if kind not in KINDS:
        raise typer.BadParameter(f"a kind is {' or '.join(KINDS)}")
    with only_one(directory):
        signers = _signing(directory)
        if not signers:
            typer.echo(f"{directory} holds no log's keys; use `handrail keys log init`.", err=True)
            raise typer.Exit(1)
        made = signer(signers[0].key.name, KINDS[kind])
        _add(directory, signers, [made])
    typer.echo(
        f"{made.key}\nsigns beside the others. Give it to auditors and witnesses, wait until"
    )
    typer.echo("they have it, and then retire the old one: `handrail keys log retire`.")


@log_keys_app.command()
def retire(
    directory: Directory, kid: Annotated[str, typer.Option(help="The key's id, 8 hex digits.")]
) -> None:
    """Destroy an old signing key. What it signed stays good for whoever has its public half."""
    with only_one(directory):
        signers = _signing(directory)
        kept = [one for one in signers if one.key.key_id.hex() != kid]
        if len(kept) == len(signers):
            typer.echo(f"{kid} is not among the keys here.", err=True)
            raise typer.Exit(1)
        if not any(one.key.algorithm == ED25519 for one in kept):
            typer.echo(
                f"{kid} is the last Ed25519 key, which every verifier knows: rotate first.",
                err=True,
            )
            raise typer.Exit(1)
        _save(signing_file(directory), [one.line() for one in kept])
    typer.echo(f"{kid} is gone. A checkpointer that reads this directory notices.")


def make_log_keys(directory: Path, origin: str) -> None:
    """Makes what is missing, keeping what is there; so a start that crashed can be repeated."""
    with only_one(directory):
        signers = _signing(directory)
        if not signers:
            _add(directory, [], [signer(origin, kind) for kind in KINDS.values()])


def _add(directory: Path, signers: list[Signer], made: list[Signer]) -> None:
    """The public file first: a crash between the two leaves a key that has signed nothing, the
    other order would leave signatures that nobody could check."""
    public = public_file(directory)
    known = public.read_text("utf-8").split() if public.exists() else []
    _save(public, [*known, *(str(one.key) for one in made)])
    policy = policy_file(directory)
    rest = policy.read_text("utf-8").splitlines() if policy.exists() else ["quorum none"]
    _save(policy, [*(f"log {one.key}" for one in made), *rest])
    _save(signing_file(directory), [one.line() for one in [*signers, *made]])


def _signing(directory: Path) -> list[Signer]:
    file = signing_file(directory)
    return [parse_signer(line) for line in file.read_text("utf-8").split()] if file.exists() else []


def _save(file: Path, lines: list[str]) -> None:
    write_private(file, "".join(f"{line}\n" for line in lines))
