"""Facts worked out from other facts before any rule is looked at."""

from datetime import date, datetime

from shared.policy.clocks import LONDON
from shared.policy.schema import UNKNOWN, Schema, Value

ADULT = 18
ABSENCES = frozenset({"absence", "cme", "missing_now"})
ABSENCE_MARKERS = frozenset(
    {"forced_marriage", "hba", "fgm", "cse", "cce_county_lines", "modern_slavery", "radicalisation"}
)
# With one of these a missing child may be taken, used or about to die.
MISSING_MARKERS = ABSENCE_MARKERS | {"self_harm_suicide"}
TEACHES = frozenset({"teacher"})
# Others may teach as well (a head, a DSL, a supply worker): not known until somebody says.
NEVER_TEACHES = frozenset(
    {"teaching_assistant", "other_staff", "governor", "volunteer", "contractor",
     "health_professional", "pupil", "parent", "public"}
)  # fmt: skip

# All that `derive` may change. Whatever else was not given is as its absence is read.
CHANGED = frozenset(
    {"concern_types", "age_years", "age_at_discovery", "image_youngest_age",
     "reporter_does_teaching_work", "is_concern", "in_hours", "severe_type",
     "absence_with_marker", "missing_at_risk", "image_with_self_harm"}
)  # fmt: skip


def age_on(dob: date, day: date) -> int:
    """Whole years; a child born on 29 February grows older on 1 March in other years."""
    return day.year - dob.year - ((day.month, day.day) < (dob.month, dob.day))


def ages(dob: date, received_at: datetime, discovered_at: datetime) -> dict[str, int]:
    """Age at the moment each rule looks at, for whoever holds the date of birth."""
    return {
        "age_years": age_on(dob, received_at.astimezone(LONDON).date()),
        "age_at_discovery": age_on(dob, discovered_at.astimezone(LONDON).date()),
    }


def _yes(condition: bool) -> str:
    return "yes" if condition else "no"


def derive(values: dict[str, Value], given: frozenset[str], schema: Schema, in_hours: bool) -> None:
    """Completes `values` in place. `given` names the facts the submission really held."""
    types = _members(values["concern_types"])
    if given and given <= schema.request_facts and values["disclosure_request"] != "none":
        values["is_concern"] = "no"
        types = frozenset()
        values["concern_types"] = types
    else:
        values["is_concern"] = "yes"
    _derive_ages(values, given)
    if values["reporter_does_teaching_work"] == UNKNOWN:
        role = values["reporter_role"]
        if role in TEACHES:
            values["reporter_does_teaching_work"] = "yes"
        elif role in NEVER_TEACHES and "reporter_does_teaching_work" not in given:
            values["reporter_does_teaching_work"] = "no"
    values["in_hours"] = _yes(in_hours)
    values["severe_type"] = _yes(not types.isdisjoint(schema.severe_types))
    values["absence_with_marker"] = _yes(
        not types.isdisjoint(ABSENCES) and not types.isdisjoint(ABSENCE_MARKERS)
    )
    values["missing_at_risk"] = _yes(
        "missing_now" in types and not types.isdisjoint(MISSING_MARKERS)
    )
    values["image_with_self_harm"] = _yes("nudes" in types and "self_harm_suicide" in types)


def _derive_ages(values: dict[str, Value], given: frozenset[str]) -> None:
    if values["unborn"] == "yes" and values["age_years"] == UNKNOWN:
        values["age_years"] = 0
    age = values["age_years"]
    doubtful = values["age_basis"] in {"estimated", UNKNOWN}
    if doubtful and isinstance(age, int) and age >= ADULT:
        age = values["age_years"] = UNKNOWN
        if values["age_at_discovery"] == UNKNOWN or _adult(values["age_at_discovery"]):
            values["age_at_discovery"] = UNKNOWN
    elif "age_at_discovery" not in given:
        values["age_at_discovery"] = age
    if "image_youngest_age" not in given:
        values["image_youngest_age"] = age


def _adult(age: Value) -> bool:
    return isinstance(age, int) and age >= ADULT


def _members(value: Value) -> frozenset[str]:
    return value if isinstance(value, frozenset) else frozenset({str(value)})
