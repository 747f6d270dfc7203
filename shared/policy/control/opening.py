"""Opens the packs of an installation, so that a service always starts with some policy."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from shared.policy.checks import problems
from shared.policy.control.dated import Chosen, DatedPolicies, Trouble, policy_of
from shared.policy.control.drafts import MISSHAPEN, NATIONAL, unreleased
from shared.policy.control.ledger import read_ledger, under_control
from shared.policy.control.released import ALONE, ReleasedPacks
from shared.policy.control.statements import Malformed
from shared.policy.load import PACKS, load_packs
from shared.policy.pack import LocalPack
from shared.policy.packfile import PolicyError
from shared.policy.schema import load_schema

LEFT_OUT: Final = "local pack left out: "
BUILT_IN: Final = "the packs that came with Handrail decide"


def open_packs(directory: Path | None = None, approvers: Path | None = None) -> DatedPolicies:
    """The packs of a directory; where those cannot be used at all, the ones built in.

    Raises PolicyError only where even the built-in national pack is broken.
    """
    if directory is not None:
        try:
            return _open(directory, approvers)
        except (PolicyError, Malformed, OSError, *MISSHAPEN) as error:
            trouble = Trouble(NATIONAL, _words(error, directory), BUILT_IN)
            return _built_in(None, trouble)
    return _built_in(approvers)


def _built_in(approvers: Path | None, *troubles: Trouble) -> DatedPolicies:
    try:
        return _open(PACKS, approvers, *troubles)
    except (PolicyError, Malformed, OSError, *MISSHAPEN) as error:
        unsigned = Trouble(NATIONAL, _words(error, PACKS), "its files decide, unsigned")
        return _drafts(PACKS, *troubles, unsigned)


def _open(directory: Path, approvers: Path | None, *troubles: Trouble) -> DatedPolicies:
    if not under_control(directory, approvers):
        return _drafts(directory, *troubles)
    ledger = read_ledger(directory, approvers)
    packs = ReleasedPacks(ledger, unreleased(ledger))
    packs.choose(date.max)  # raises where no national pack is left

    def choose(day: date) -> Chosen:
        chosen = packs.choose(day)
        return replace(chosen, troubles=(*troubles, *chosen.troubles))

    return DatedPolicies(choose, packs.turns(), signed=True)


def _drafts(directory: Path, *troubles: Trouble) -> DatedPolicies:
    """A directory of nobody's: the files decide as they stand, one version of each pack."""
    national, locals_, alarms = load_packs(directory, load_schema())
    found = [_left_out(alarm.removeprefix(LEFT_OUT)) for alarm in alarms]
    # Where nothing is wrong, which is usual, this is the very policy that will decide.
    whole = policy_of(Chosen(national, locals_, (*troubles, *found)))
    contradictory = list(problems(whole))
    kept = {}
    for la, pack in locals_.items():
        wrong = [each for each in contradictory if each.startswith(f"{pack.file}:")]
        found += [_left_out(each) for each in wrong]
        if not wrong:
            kept[la] = pack

    def choose(day: date) -> Chosen:
        now = {la: pack for la, pack in kept.items() if _holds(pack, day)}
        return Chosen(national, now, (*troubles, *found))

    return DatedPolicies(choose, _turns(kept.values()), signed=False)


def _left_out(why: str) -> Trouble:
    return Trouble(why.partition(".yaml")[0], why, ALONE)


def _holds(pack: LocalPack, day: date) -> bool:
    return pack.in_force <= day and (pack.in_force_to is None or day <= pack.in_force_to)


def _turns(packs: Iterable[LocalPack]) -> Iterator[date]:
    for pack in packs:
        yield pack.in_force
        if pack.in_force_to is not None:
            yield pack.in_force_to + timedelta(days=1)


def _words(error: Exception, directory: Path) -> str:
    if isinstance(error, PolicyError):
        return error.problems[0]
    if isinstance(error, Malformed):
        return str(error)
    return f"{directory.name}: {type(error).__name__}: the packs there cannot be read"
