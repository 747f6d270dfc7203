"""The disclosure gate: who outside the duty to protect may be told. It never blocks a route."""

from collections.abc import Mapping
from typing import Final

from shared.policy.decision import Because, Gate, GateState
from shared.policy.grammar import AllOf, AnyOf, Condition, Not
from shared.policy.pack import GateRule
from shared.policy.schema import UNKNOWN, Value

PUBLIC: Final = frozenset(
    {"press", "website_social", "foi", "all_staff", "elected_member", UNKNOWN}
)
OUTWARD: Final = frozenset({"all_parents", "other_schools"})
AUDIENCES: Final = PUBLIC | OUTWARD | {"subject_parents", "public_authority_request", "sar"}
# While one of these holds, not even the child's own parents are told by the school alone.
TELLING_BARRED: Final = frozenset(
    {"tell_family", "contact_parents_before_advice", "tell_adult_or_parents"}
)
LOOKED_AT: Final = ("disclosure_request", "case_facts_in_text", "police_investigation")


def evaluate(
    values: Mapping[str, Value], forbidden: frozenset[str], table: Mapping[str, GateRule]
) -> Gate | None:
    """Deny overrides: the audience's own state first, then what the case adds to it."""
    audience = str(values["disclosure_request"])
    if audience == "none":
        return None
    rule = table[audience]
    state, needs = _state(rule, values, forbidden)
    facts = {name: values[name] for name in LOOKED_AT}
    reason = Because(rule.id, rule.title, rule.cite, facts)
    return Gate(state, needs, audience, rule.say, (reason,))


def _state(
    rule: GateRule, values: Mapping[str, Value], forbidden: frozenset[str]
) -> tuple[GateState, tuple[str, ...]]:
    if rule.audience in PUBLIC:
        return "DENY", ()
    first = tuple(need.who for need in rule.needs[:1])
    if rule.denied is not None and holds(rule.denied, values):
        return "DENY", first
    release = rule.release
    if release is None:
        return rule.state, tuple(need.who for need in rule.needs)
    if rule.general is not None and holds(rule.general, values):
        return release.to, ()
    waits = [
        n for n in rule.needs if n.until and holds(n.when, values) and values[n.until] != "yes"
    ]
    if not waits and holds(release.when, values) and not forbidden & release.barred_by:
        return release.to, (release.by,) if release.by else ()
    standing = tuple(need.who for need in rule.needs if not need.until)
    return rule.state, tuple(need.who for need in waits) or standing or first


def holds(condition: Condition, values: Mapping[str, Value]) -> bool:
    """Exact: the facts that a gate may look at have "unknown" as a value of its own."""
    if isinstance(condition, AllOf):
        return all(holds(part, values) for part in condition.of)
    if isinstance(condition, AnyOf):
        return any(holds(part, values) for part in condition.of)
    if isinstance(condition, Not):
        return not holds(condition.of, values)
    return values[condition.fact] in condition.accepts
