"""What the loader cannot see in one rule: across rules, contacts and dates."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from shared.policy.clocks import known_until
from shared.policy.engine import Policy
from shared.policy.examples import never_applies
from shared.policy.load import TEMPLATE, load_local
from shared.policy.pack import InForce, LocalPack, Pack, Rule
from shared.policy.packfile import PolicyError

STALE: Final = timedelta(days=365)
AHEAD: Final = timedelta(days=365)


def problems(policy: Policy) -> Iterator[str]:
    """`file:line: rule X: what, what to do`."""
    for pack in _packs(policy):
        for rule in pack.rules:
            yield from _of_rule(rule, pack, policy)
    for code, fallbacks in policy.national.fallbacks.items():
        for route in {code, *fallbacks} - policy.national.routes.keys():
            yield f"{policy.national.file}:1: fallbacks name `{route}`, which is no route"
    try:
        load_local(TEMPLATE, policy.schema, policy.national)
    except PolicyError as error:
        yield from error.problems


def _of_rule(rule: Rule, pack: Pack, policy: Policy) -> Iterator[str]:
    place = f"{pack.file}:{rule.line}: rule {rule.id}: "
    if never_applies(rule, policy):
        yield f"{place}its conditions exclude each other, so it never applies; correct or remove it"
    if any(dict(a.facts) == dict(b.facts) for a in rule.match for b in rule.no_match):
        yield f"{place}one example is said both to match and not to; keep one of the two"
    held = InForce(pack.in_force, pack.in_force_to)
    for day in (rule.in_force.start, rule.in_force.end):
        if day is not None and day != date.min and not held.on(day):
            yield f"{place}its dates lie outside the pack's own; correct `in_force`"


def _packs(policy: Policy) -> tuple[Pack, ...]:
    return policy.national, *policy.locals.values()


def remarks(policy: Policy, today: date) -> Iterator[str]:
    """What is no fault of the rules, and somebody should still know."""
    for local in policy.locals.values():
        yield from _of_directory(local, policy, today)
    for pack in _packs(policy):
        for rule in pack.rules:
            if not rule.in_force.on(today):
                yield f"{pack.file}: {rule.id}, {rule.title}: {_when(rule.in_force, today)}"
    if today + AHEAD > known_until():
        yield f"bank holidays are known to {known_until()} only; renew the package that brings them"


def _of_directory(pack: LocalPack, policy: Policy, today: date) -> Iterator[str]:
    for code, route in policy.national.routes.items():
        if route.team and code not in pack.contacts:
            yield f"{pack.file}: no contact for {code}; the DSL is asked to ring, with an alarm"
    for code, contact in pack.contacts.items():
        checked = date.fromisoformat(contact.fields["checked_on"])
        if today - checked > STALE:
            yield f"{pack.file}: the contact for {code} was last checked on {checked}"
        if contact.channel == "QUEUE" and not pack.platform:
            yield f"{pack.file}: {code} has no queue without `platform: yes`; the DSL rings it"
    for whose, calendar in pack.calendars.items():
        if calendar.last < today:
            yield f"{pack.file}: the school calendar of {whose} ended on {calendar.last}"


def _when(held: InForce, today: date) -> str:
    if held.start is None:
        return "enacted and not in force, so it never applies"
    return f"in force from {held.start}" if today < held.start else f"in force until {held.end}"
