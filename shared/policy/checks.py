"""What the loader cannot see in one rule: across rules, contacts and dates."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from shared.policy.engine import Policy
from shared.policy.examples import never_applies

STALE: Final = timedelta(days=365)


def problems(policy: Policy) -> Iterator[str]:
    """`file:line: rule X: what, what to do`."""
    for pack in (policy.national, *policy.locals.values()):
        for rule in pack.rules:
            if never_applies(rule, policy):
                yield (
                    f"{pack.file}:{rule.line}: rule {rule.id}: its conditions exclude each other, "
                    "so it never applies; correct or remove it"
                )
    for code, fallbacks in policy.national.fallbacks.items():
        for route in {code, *fallbacks} - policy.national.routes.keys():
            yield f"{policy.national.file}:1: fallbacks name `{route}`, which is no route"


def remarks(policy: Policy, today: date) -> Iterator[str]:
    """What is no fault of the rules, and somebody should still know."""
    for pack in policy.locals.values():
        for code, route in policy.national.routes.items():
            if route.team and code not in pack.contacts:
                yield f"{pack.file}: no contact for {code}; the DSL is asked to ring, with an alarm"
        for code, contact in pack.contacts.items():
            checked = date.fromisoformat(contact.fields["checked_on"])
            if today - checked > STALE:
                yield f"{pack.file}: the contact for {code} was last checked on {checked}"
