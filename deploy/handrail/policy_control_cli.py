"""`handrail policy keys | sign | release`: from a changed pack to one that decides."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from handrail.files import only_one, write_private
from handrail.policy_diff import diff
from handrail.policy_packs import Packs, stop
from handrail.policy_releases import broken_promises, pending, publish, put
from handrail.policy_replay import facts_app, replay
from shared.clock import SystemClock
from shared.policy import PolicyError
from shared.policy.clocks import LONDON
from shared.policy.control.approvers import enrolled
from shared.policy.control.approvers import sign as sign_statement
from shared.policy.control.drafts import unreleased
from shared.policy.control.ledger import (
    APPROVERS,
    Ledger,
    read_ledger,
    under_control,
    weaknesses,
)
from shared.policy.control.signing import (
    ACCEPTED,
    SIGNING,
    Prepared,
    accepting,
    prepare,
    read_accepted,
    to_accept,
)
from shared.policy.control.statements import Malformed, Release, Statement
from shared.policy.load import PACKS

keys_app = typer.Typer(no_args_is_help=True, help="The keys that approvers sign packs with.")
Names = Annotated[list[str], typer.Argument(help="Packs, by name: national, kent …")]
Approvers = Annotated[
    Path | None,
    typer.Option(
        "--approvers",
        envvar="HANDRAIL_PACK_APPROVERS",
        help="Whose signatures count, if not beside the packs.",
    ),
]
Key = Annotated[Path, typer.Option("--key", help="The private key of whoever signs.")]


def add_to(policy_app: typer.Typer) -> None:
    for command in (sign, release, diff, replay):
        policy_app.command()(command)
    policy_app.add_typer(keys_app, name="keys")
    policy_app.add_typer(facts_app, name="facts")


def release_problems(packs: Path | None) -> list[str]:
    """For `policy check`: what is not signed, or signed no more. None where nobody controls."""
    directory = packs or PACKS
    if not under_control(directory):
        return []
    ledger = _ledger(directory, None)
    return [*weaknesses(ledger, today()), *(trouble.why for trouble in unreleased(ledger))]


def today() -> date:
    return SystemClock().now().astimezone(LONDON).date()


@keys_app.command()
def new(
    approver: Annotated[str, typer.Argument(help="The approver's name, as it will be shown.")],
    out: Annotated[Path, typer.Option("--out", help="Where the private key is written.")],
    packs: Packs = None,
    approvers: Approvers = None,
    ask: Annotated[bool, typer.Option("--passphrase", help="Ask for one to seal it with.")] = False,
) -> None:
    """Make an approver's key, and enrol its public half in approvers.json of the packs."""
    if out.exists():
        stop(f"{out} exists already; a key is never replaced")
    key, lock = Ed25519PrivateKey.generate(), NoEncryption()
    if ask:
        word = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True)
        sealed = BestAvailableEncryption(word.encode())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed if ask else lock).decode()
    file = approvers or (packs or PACKS) / APPROVERS
    with only_one(out.parent):
        # The private half first: a crash between the two enrols nobody who cannot sign.
        write_private(out, pem)
        known = json.loads(file.read_bytes()) if file.exists() else {}
        if any(entry["name"] == approver for entry in known.get("approvers", [])):
            out.unlink()
            stop(f"{approver} is enrolled already; give the key a name of its own")
        put(file, json.dumps(enrolled(known, approver, key), indent=2, ensure_ascii=False) + "\n")
    typer.echo(f"{approver} can sign. Keep {out} to yourself; have the change of {file} reviewed.")


@typer.Typer().command()
def sign(  # noqa: PLR0917 - each is an option of the command line
    names: Names,
    key: Key,
    approver: Annotated[str, typer.Option("--approver", help="Your name, as enrolled.")],
    packs: Packs = None,
    accepted: Annotated[Path | None, typer.Option("--accepted", help="What people accept.")] = None,
    approvers: Approvers = None,
) -> None:
    """Check packs and sign them as they stand. What makes one weaker, two people have to accept."""
    directory = packs or PACKS
    ledger, private = _ledger(directory, approvers), _private(key)
    enrolled_as = ledger.approvers.by_name.get(approver)
    if enrolled_as is None or enrolled_as.key != private.public_key():
        stop(f"{approver} is not enrolled with this key; see {APPROVERS} and `policy keys new`")
    (directory / SIGNING).mkdir(exist_ok=True)
    entries = _accepted(accepted or directory / SIGNING / ACCEPTED)
    for name in names:
        prepared = _prepared(ledger, directory / f"{name}.yaml")
        try:
            statement = accepting(prepared, entries, today())
        except PolicyError as error:
            stop(*error.problems, f"To accept, complete in {SIGNING}/{ACCEPTED} under `accepted:`",
                 *to_accept(prepared))  # fmt: skip
        before = pending(directory, name)
        kept = () if before is None or before.statement != statement else before.approvals
        if before is not None and before.statement != statement:
            gone = ", ".join(each.approver for each in before.approvals)
            typer.echo(f"{name} has changed since {gone} signed; ask them to sign again")
        mine = sign_statement(statement, approver, today(), private)
        signed = Release(statement, (*(a for a in kept if a.approver != approver), mine))
        put(directory / SIGNING / f"{name}.json", json.dumps(signed.to_json(), indent=2) + "\n")
        missing = ledger.approvers.why_not(signed)
        said = f"{name} {statement.version} is signed by {approver}"
        typer.echo(f"{said}; {missing}" if missing else f"{said} and can be released")


@typer.Typer().command()
def release(names: Names, packs: Packs = None, approvers: Approvers = None) -> None:
    """Bring signed packs into the lock. Services use them from their next start."""
    directory = packs or PACKS
    with only_one(directory / SIGNING):
        for name in names:
            said = _released(_ledger(directory, approvers), directory / f"{name}.yaml")
            typer.echo(f"{name} {said.version} is released, in force from {said.in_force}")


def _released(ledger: Ledger, file: Path) -> Statement:
    name = file.stem
    signed = pending(ledger.directory, name)
    if signed is None:
        stop(f"nobody has signed {name}; use `handrail policy sign {name} …` first")
    prepared = _prepared(ledger, file)
    entries = [
        asdict(each) | {"approvers": [*each.approvers]} for each in signed.statement.accepted
    ]
    try:
        statement = accepting(prepared, entries, today())
    except PolicyError as error:
        stop(*error.problems)
    if statement != signed.statement:
        stop(f"{name} has changed since it was signed; have it signed again")
    if (why := ledger.approvers.why_not(signed)) is not None:
        stop(f"{name} {statement.version}: {why}")
    if broken := broken_promises(ledger, prepared.draft):
        stop(*broken, "No acceptance covers a promise; `handrail policy prove` shows where")
    publish(ledger, signed, file)
    return statement


def _ledger(directory: Path, approvers: Path | None) -> Ledger:
    try:
        return read_ledger(directory, approvers)
    except Malformed as error:
        stop(str(error))
    except OSError:
        stop(f"{APPROVERS} cannot be read there; enrol somebody with `handrail policy keys new`")


def _prepared(ledger: Ledger, file: Path) -> Prepared:
    try:
        return prepare(ledger, file)
    except PolicyError as error:
        stop(*error.problems)
    except OSError:
        stop(f"{file} cannot be read; a pack is named as its file is, without `.yaml`")


def _accepted(file: Path) -> list[Mapping[str, Any]]:
    try:
        return read_accepted(file)
    except PolicyError as error:
        stop(*error.problems)


def _private(file: Path) -> Ed25519PrivateKey:
    try:
        raw = file.read_bytes()
        word = None
        if b"ENCRYPTED" in raw:
            word = typer.prompt("Passphrase", hide_input=True).encode()
        key = load_pem_private_key(raw, word)
    except OSError:
        stop(f"{file} cannot be read; --key names the file that `policy keys new` wrote")
    except (TypeError, ValueError):
        stop(f"{file} does not open: it is no private key, or the passphrase is another")
    if not isinstance(key, Ed25519PrivateKey):
        stop(f"{file} is a key of another kind; make one with `handrail policy keys new`")
    return key
