"""`handrail policy defaults`: what no guidance gives, for an authority to read and sign off."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from handrail.policy_packs import Packs, policy_of
from shared.policy import Policy
from shared.policy.clocks import END_OF_DAY, OLDEST_DISCOVERY
from shared.policy.directory import DEFAULT_HOURS
from shared.policy.pack import Duty, Rule, Setting

DEFAULT = "D"


@dataclass(frozen=True)
class Default:
    """One value somebody must sign: where it stands, what it is, what it says, what it rests on."""

    kind: str
    pack: str
    name: str
    value: str
    says: str
    basis: str


def found(policy: Policy) -> Iterator[Default]:
    yield from _settings(policy)
    yield from _hours(policy)
    yield from _rules(policy)
    yield from _fixed()


def _settings(policy: Policy) -> Iterator[Default]:
    usual = policy.national.settings
    for pack in (policy.national, *policy.locals.values()):
        for setting in pack.settings.values():
            if pack is policy.national or setting != usual[setting.name]:
                yield Default(
                    "setting",
                    pack.ref.id,
                    setting.name,
                    _value(setting),
                    setting.says,
                    setting.basis,
                )


def _value(setting: Setting) -> str:
    values = setting.value if isinstance(setting.value, tuple) else (setting.value,)
    return ", ".join(map(str, values))


def _hours(policy: Policy) -> Iterator[Default]:
    """No source gives a hub's opening hours, so each is somebody's to confirm."""
    for pack in policy.locals.values():
        for code, contact in pack.contacts.items():
            if contact.hours is not None:
                hours = f"{contact.hours.opens:%H:%M} to {contact.hours.closes:%H:%M}"
                says = f"when {contact.fields.get('name', code)} is taken to be open"
                basis = contact.fields.get("note", "as entered")
                yield Default("hours", pack.ref.id, code, hours, says, basis)


def _rules(policy: Policy) -> Iterator[Default]:
    """Rules and duties of which some part is our own: tagged D, with what it rests on."""
    for pack in (policy.national, *policy.locals.values()):
        parts: tuple[Rule | Duty, ...] = (*pack.rules, *pack.duties)
        for each in parts:
            ours = [cite for cite in each.cites if cite.tag == DEFAULT]
            others = [str(cite) for cite in each.cites if cite.tag != DEFAULT]
            if ours:
                what = "; ".join(cite.para for cite in ours if cite.para) or "the whole rule"
                basis = "beside " + "; ".join(others) if others else "no source; a safe default"
                yield Default("rule", pack.ref.id, each.id, what, each.title, basis)


def _fixed() -> Iterator[Default]:
    """In the program, not in a pack: changing one is a release."""
    yield Default(
        "fixed", "-", "end_of_working_day", f"{END_OF_DAY:%H:%M}",
        "a clock of working days ends at this time of the last day", "project default",
    )  # fmt: skip
    yield Default(
        "fixed", "-", "hours_where_none_are_known",
        f"{DEFAULT_HOURS.opens:%H:%M} to {DEFAULT_HOURS.closes:%H:%M}, Monday to Friday",
        "when a hub without hours of its own is taken to be open", "project default",
    )  # fmt: skip
    yield Default(
        "fixed", "-", "oldest_discovery", f"{OLDEST_DISCOVERY:%Y-%m-%d}",
        "a discovery claimed before this day starts its clock at receipt",
        "the day section 5B of the FGM Act began",
    )  # fmt: skip


def defaults(
    packs: Packs = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """What no guidance gives: intervals, rules of our own, fixed values; for sign-off."""
    listed = list(found(policy_of(packs)))
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in listed], ensure_ascii=False, indent=2))
        return
    for each in listed:
        name = each.name if each.kind == "fixed" else f"{each.pack}: {each.name}"
        typer.echo(f"{name} = {each.value}: {each.says} ({each.basis})")
