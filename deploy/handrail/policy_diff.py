"""`handrail policy diff`: what a change takes away and adds, and whom it would have touched."""

import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer

from handrail.policy_packs import Packs, policy_of, stop
from shared.clock import SystemClock
from shared.policy import Policy, PolicyError
from shared.policy.clocks import LONDON
from shared.policy.control.backtest import back_test, concern_of
from shared.policy.control.basis import Basis
from shared.policy.control.changes import Change, gains, losses, thinned
from shared.policy.control.drafts import NATIONAL
from shared.policy.control.ledger import Ledger, read_ledger
from shared.policy.control.otherwise import Said, says_otherwise
from shared.policy.control.statements import Malformed, Release
from shared.policy.control.structure import packs_of
from shared.policy.load import PACKS, load_local, load_national
from shared.policy.schema import load_schema

SHOWN: Final = 5
RELEASED: Final = "released"
MEANS: Final = {"THINNER": ", where a rule asks less by itself and no answer is weaker"}
Which = Annotated[
    str, typer.Argument(help="A directory of packs, `released`, or one version: kent@2026.11.1")
]
Concerns = Annotated[
    Path | None, typer.Option("--concerns", help="Facts of stored decisions, one JSON a line.")
]
Since = Annotated[str | None, typer.Option("--since", help="From which day on (YYYY-MM-DD).")]


def diff(  # noqa: PLR0917 - each is an option of the command line
    old: Which,
    new: Which,
    concerns: Concerns = None,
    everything: Annotated[bool, typer.Option("--all", help="Every region, not only 5.")] = False,
    packs: Packs = None,
    since: Since = None,
) -> None:
    """Where NEW asks less or more than OLD, or says it otherwise; with --concerns, a back-test."""
    before, after = _policy(old, packs), _policy(new, packs)
    day = _day(since)
    for title, changes in (
        ("LOST", losses(packs_of(before), packs_of(after), day)),
        ("THINNER", thinned(packs_of(before), packs_of(after), day)),
        ("GAINED", gains(packs_of(before), packs_of(after), day)),
    ):
        for line in shown(title, changes, everything=everything):
            typer.echo(line)
    for line in otherwise([*says_otherwise(packs_of(before), packs_of(after))], everything):
        typer.echo(line)
    if concerns is not None:
        _back_test(before, after, concerns)


def shown(title: str, changes: list[Change], *, everything: bool) -> Iterator[str]:
    if not changes:
        yield f"{title}: nothing"
        return
    yield f"{title}: {len(changes)} region{'s' if len(changes) > 1 else ''}{MEANS.get(title, '')}"
    last = None
    for change in changes if everything else changes[:SHOWN]:
        if (change.pack, change.rule, change.what) != last:
            last = change.pack, change.rule, change.what
            yield f"  {change.pack} {change.rule}: {change.what}"
        yield f"    {change.where}  [{change.region}]"
    if not everything and len(changes) > SHOWN:
        yield f"  and {len(changes) - SHOWN} more; --all shows them"


def otherwise(said: list[Said], everything: bool) -> Iterator[str]:
    """What stands there in other words, with another source or another number."""
    yield f"SAYS OTHERWISE: {len(said) or 'nothing'}"
    for each in said if everything else said[:SHOWN]:
        yield f"  {each.pack} {each.name}: {each.what}"
        yield f"    before: {each.before}"
        yield f"    now:    {each.after}"
    if not everything and len(said) > SHOWN:
        yield f"  and {len(said) - SHOWN} more; --all shows them"


def _back_test(before: Policy, after: Policy, file: Path) -> None:
    started = time.perf_counter()
    result = back_test(before, after, _concerns(file))
    seconds = time.perf_counter() - started
    rate = result.evaluations / seconds if seconds else 0
    typer.echo(
        f"BACK-TEST: {result.flipped} of {result.concerns} concerns would be decided otherwise"
        f" ({result.evaluations} evaluations, {rate:,.0f} a second)"
    )
    for flip, count in result.flips.most_common():
        lines = ", ".join(str(number) for number in result.examples[flip])
        typer.echo(f"  {count:>7}  {flip}  (such as line {lines})")


def _concerns(file: Path) -> Iterator[Basis]:
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield concern_of(orjson.loads(line))
                except (KeyError, TypeError, ValueError):
                    stop(f"{file}:{number}: not as `handrail policy facts export` writes it")
    except OSError:
        stop(f"{file} cannot be read; `handrail policy facts export` writes such a file")


def _day(text: str | None) -> date:
    if text is None:
        return SystemClock().now().astimezone(LONDON).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        stop("--since is no day; write 2026-11-25")


def _policy(which: str, packs: Path | None) -> Policy:
    """A directory's drafts; or what is released in the directory of --packs, all or one version."""
    pack, at, version = which.partition("@")
    if which != RELEASED and not at:
        if not Path(which).is_dir():
            stop(f"{which} is no directory of packs, nor `released`, nor PACK@VERSION")
        policy = policy_of(Path(which))
        if policy.alarms:
            stop(*policy.alarms)
        return policy
    try:
        ledger = read_ledger(packs or PACKS)
        wanted = _one(ledger, pack, version) if at else None
        return _released(ledger, wanted)
    except (Malformed, PolicyError) as error:
        stop(str(error))
    except OSError:
        stop("nothing is released there: it has no approvers.json")


def _one(ledger: Ledger, pack: str, version: str) -> Release:
    by_version = {release.statement.version: release for release in ledger.of(pack)}
    if version not in by_version:
        stop(f"{pack} {version} was never released; there are: {', '.join(by_version) or 'none'}")
    return by_version[version]


def _released(ledger: Ledger, wanted: Release | None) -> Policy:
    """wanted: that version alone, a local one with the newest national."""
    names = dict.fromkeys(release.statement.pack for release in ledger.releases)
    newest = {name: next(reversed([*ledger.usable(name)]), None) for name in names}
    chosen = {name: release for name, release in newest.items() if release is not None}
    if wanted is not None:
        name = wanted.statement.pack
        chosen = {name: wanted} if name == NATIONAL else {
            NATIONAL: chosen[NATIONAL], name: wanted
        }  # fmt: skip
    if NATIONAL not in chosen:
        raise PolicyError(["no national pack is released there"])
    file = ledger.file_of(chosen.pop(NATIONAL))
    national = load_national(file.read_bytes(), file.name, load_schema())
    locals_ = [load_local(ledger.file_of(r), load_schema(), national) for r in chosen.values()]
    return Policy(load_schema(), national, {pack.authority: pack for pack in locals_}, ())
