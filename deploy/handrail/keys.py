"""`handrail keys`: makes, rotates and retires the keys that details and contacts are sealed to."""

import json
import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from handrail.files import only_one, write_private
from handrail.log_keys import log_keys_app
from shared.clock import SystemClock
from shared.sealing import KEY_PURPOSES, KeyPurpose, new_key

keys_app = typer.Typer(no_args_is_help=True, help="The keys that personal details are sealed to.")
keys_app.add_typer(log_keys_app, name="log")

Directory = Annotated[Path, typer.Option("--dir", help="The directory the key files are kept in.")]


def public_file(directory: Path) -> Path:
    """What every sealer is given: the current public key of each purpose."""
    return directory / "public.json"


def private_file(directory: Path, purpose: KeyPurpose) -> Path:
    """What only the opener of the purpose is given."""
    return directory / "private" / f"{purpose}.json"


def secret_file(directory: Path) -> Path:
    """The secret that account references and match keys are made with."""
    return directory / "match.secret"


@keys_app.command()
def init(directory: Directory) -> None:
    """Make a key for each purpose, and the secret for match keys. Refuses to replace any."""
    if public_file(directory).exists():
        typer.echo(f"{directory} already holds keys; use `handrail keys rotate`", err=True)
        raise typer.Exit(1)
    make(directory)
    typer.echo(f"Made keys in {directory}. Give each service only what it needs:")
    typer.echo(f"  every service   HANDRAIL_KEYS_PUBLIC={public_file(directory)}")
    typer.echo(f"  escalation      HANDRAIL_KEYS_PRIVATE={private_file(directory, 'details')}")
    typer.echo(f"  notify          HANDRAIL_KEYS_PRIVATE={private_file(directory, 'contacts')}")
    typer.echo(f"  replaying       HANDRAIL_KEYS_PRIVATE={private_file(directory, 'dead_letter')}")


@keys_app.command()
def rotate(
    directory: Directory, purpose: Annotated[str, typer.Option(help="/".join(KEY_PURPOSES))]
) -> None:
    """Seal with a new key from now on; what was sealed before still opens."""
    known = _known(purpose)
    # Two at once could each drop the other's private key after its public one is in use.
    with only_one(directory):
        kid = _rotated(directory, known)
    typer.echo(
        f"{kid} now seals {purpose}. Services that read this directory notice within seconds."
    )
    typer.echo(
        "Where each file is mounted by itself (docker compose) restart who opens, then who seals."
    )


@keys_app.command()
def retire(
    directory: Directory, kid: Annotated[str, typer.Option(help="The key's id, not a current one.")]
) -> None:
    """Destroy an old private key. What was sealed to it can never be opened again."""
    with only_one(directory):
        outcome = _retired(directory, kid)
    typer.echo(
        f"{kid} {outcome or 'is gone; nothing sealed to it opens any more'}", err=bool(outcome)
    )
    if outcome:
        raise typer.Exit(1)


def _retired(directory: Path, kid: str) -> str:
    """Why the key stays, or nothing when it is gone."""
    if any(key["kid"] == kid for key in _load(public_file(directory))):
        return "is in use for sealing; rotate its purpose first"
    for purpose in KEY_PURPOSES:
        file = private_file(directory, purpose)
        keys = _load(file)
        kept = [key for key in keys if key["kid"] != kid]
        if len(kept) < len(keys):
            _save(file, kept)
            return ""
    return "is not among the keys here"


def make(directory: Path) -> None:
    """Makes what is missing, keeping what is there; so a start that crashed can be repeated."""
    with only_one(directory):
        write_private(secret_file(directory), secrets.token_urlsafe(48), only_if_absent=True)
        sealing = {key["purpose"] for key in _load(public_file(directory))}
        for purpose in KEY_PURPOSES:
            if purpose not in sealing:
                _rotated(directory, purpose)


def _rotated(directory: Path, purpose: KeyPurpose) -> str:
    created = SystemClock().now()
    kid = f"{purpose}-{created:%Y%m%d}-{secrets.token_hex(4)}"
    public, private = new_key(purpose, kid, created)
    file = private_file(directory, purpose)
    # The opener's file first: a crash between the two leaves a key that nothing is sealed to yet,
    # the other order would leave sealed details that nobody can open.
    _save(file, [*_load(file), private])
    others = [key for key in _load(public_file(directory)) if key["purpose"] != purpose]
    _save(public_file(directory), [*others, public])
    return kid


def _known(purpose: str) -> KeyPurpose:
    for known in KEY_PURPOSES:
        if purpose == known:
            return known
    raise typer.BadParameter(f"a purpose is one of {', '.join(KEY_PURPOSES)}")


def _load(file: Path) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = json.loads(file.read_bytes())["keys"] if file.exists() else []
    return keys


def _save(file: Path, keys: list[dict[str, Any]]) -> None:
    write_private(file, json.dumps({"keys": keys}, indent=2) + "\n")
