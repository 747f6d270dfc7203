"""Of two values of one fact, the one that asks for the stronger response."""

from collections.abc import Sequence

from shared.policy.schema import UNKNOWN, Fact

# Worst first; unknown stands where it is read to be. A choice not listed has no worse value.
_ORDER = {
    "disclosure_request": [
        "press",
        "website_social",
        "foi",
        "all_parents",
        "other_schools",
        "all_staff",
        "elected_member",
        "unknown",
        "subject_parents",
        "public_authority_request",
        "sar",
        "none",
    ],
    "harm_level": [
        "significant_actual_or_likely",
        "suspected_significant",
        "unknown",
        "in_need",
        "emerging_need",
        "none_indicated",
    ],
    "police_investigation": ["live", "unknown", "ended", "none"],
    "image": ["attached_to_report", "viewed", "held_on_device", "mentioned", "unknown", "none"],
    "consent": ["refused", "unknown", "not_sought", "given"],
}
# Saying yes to these asks for less.
_YES_IS_MILDER = frozenset({"surgical_reason_known", "parents_informed", "on_roll"})
_LOWER_IS_WORSE = frozenset({"age_years", "image_youngest_age", "complainant_age"})


def worse(fact: Fact, values: Sequence[str | int | list[str]]) -> str | int | list[str]:
    first = values[0]
    if all(value == first for value in values):
        return first
    if fact.kind == "set":
        lists = (value if isinstance(value, list) else [str(value)] for value in values)
        return sorted({member for members in lists for member in members})
    if fact.kind == "number":
        numbers = [value for value in values if isinstance(value, int)]
        return min(numbers) if fact.name in _LOWER_IS_WORSE else max(numbers)
    if fact.kind == "flag":
        worst = "no" if fact.name in _YES_IS_MILDER else "yes"
        return worst if worst in values else UNKNOWN
    order = _ORDER.get(fact.name)
    return next((value for value in order or () if value in values), UNKNOWN)
