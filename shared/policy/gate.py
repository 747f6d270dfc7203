"""The disclosure gate: who outside the duty to protect may be told. It never blocks a route."""

from collections.abc import Mapping
from typing import Final

from shared.policy.decision import Because, Gate, GateState
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
LIVE: Final = frozenset({"live", UNKNOWN})
LOOKED_AT: Final = ("disclosure_request", "case_facts_in_text", "police_investigation")


def evaluate(
    values: Mapping[str, Value], forbidden: frozenset[str], table: Mapping[str, GateRule]
) -> Gate | None:
    """Deny overrides: the audience's own state first, then what the case adds to it."""
    audience = str(values["disclosure_request"])
    if audience == "none":
        return None
    rule = table[audience]
    state, needs = _state(audience, rule.state, values, forbidden)
    facts = {name: values[name] for name in LOOKED_AT}
    reason = Because(rule.id, rule.title, rule.cite, facts)
    return Gate(state, needs, audience, rule.say, (reason,))


def _state(
    audience: str, usual: GateState, values: Mapping[str, Value], forbidden: frozenset[str]
) -> tuple[GateState, tuple[str, ...]]:
    if audience in PUBLIC:
        return "DENY", ()
    if audience in OUTWARD:
        return _outward(audience, values)
    if audience == "subject_parents":
        return _parents(values, forbidden)
    return usual, ("DPO",)


def _outward(audience: str, values: Mapping[str, Value]) -> tuple[GateState, tuple[str, ...]]:
    in_text, police = values["case_facts_in_text"], values["police_investigation"]
    if audience == "all_parents" and in_text == "yes":
        return "DENY", ("EST",)
    if (
        in_text == "no"
        and values["is_concern"] == "no"
        and values["police_investigation"] == "none"
    ):
        return "ALLOW_TEMPLATE", ()  # general advice, about nothing that happened
    needs = []
    if values["est_agreed"] != "yes":
        needs.append("EST")
    if police in LIVE and values["police_agreed"] != "yes":
        needs.append("POLICE")
    if needs or in_text != "no":
        return "HOLD", tuple(needs) or ("EST",)
    return "ALLOW_TEMPLATE", ()


def _parents(
    values: Mapping[str, Value], forbidden: frozenset[str]
) -> tuple[GateState, tuple[str, ...]]:
    live = values["police_investigation"] in LIVE
    unsafe = values["consent_unsafe"] != "no"
    if live or unsafe or forbidden & TELLING_BARRED:
        return "HOLD_FOR_POLICE_CSC", ("POLICE", "CSC")
    return "ALLOW_PERSON", ("DSL",)
