"""The members of a submission, under the names that senders give them."""

from collections.abc import Mapping
from typing import Any

from intake.reading.issues import Issues
from intake.reading.parse import Repeated
from intake.reading.synonyms import folded_code

_CHILD_NAMES = {
    "ref": "reference", "given_name": "forename, first_name, firstname, legal_forename",
    "family_name": "surname, last_name, lastname, legal_surname", "name": "full_name",
    "dob": "date_of_birth, birth_date, born", "upn": "unique_pupil_number",
    "nhs_number": "nhs, nhs_no", "address": "home_address", "postcode": "post_code",
    "home_la": "home_local_authority, la, local_authority", "facts": "",
    "carer_la": "carer_local_authority, carers_la, carer_home_la",
    "relationship": "", "role": "person_role", "contact": "", "phone": "telephone", "email": "",
    "staff_ref": "staff_id, staff_number, staff_no, staff_reference", "gender": "",
}  # fmt: skip


def _table(names: Mapping[str, str]) -> dict[str, str]:
    table: dict[str, str] = {}
    for name, others in names.items():
        table |= {folded_code(other): name for other in (name, *others.split(",")) if other}
        table[name] = name
    return table


BODY = _table(
    {
        "school": "establishment",
        "urn": "school_urn",
        "facts": "",
        "source_record_id": "source_id, record_id, external_id",
        "discovered_at": "date_discovered, discovered",
        "narrative": "description, details, text",
        "occurred_at": "incident_date, occurred, incident_at",
        "found_la": "found_local_authority",
        "where_is_the_child_now": "child_location",
        "reporter": "reported_by",
        "children": "child, pupils, pupil, students, student",
        "people": "persons, others, involved",
        "done_so_far": "actions_taken",
    }
)
SUBJECT = _table(_CHILD_NAMES)
REPORTER = _table(
    {
        "role": "reporter_role",
        "does_teaching_work": "teaches, reporter_does_teaching_work",
        "account": "account_id",
        "name": "",
        "given_name": "forename, first_name",
        "family_name": "surname, last_name",
        "contact": "",
        "phone": "telephone, mobile",
        "email": "",
        "staff_ref": "staff_id",
    }
)
SCHOOL = _table(
    {"urn": "school_urn", "name": "", "laestab": "dfe_number", "la": "local_authority", "ukprn": ""}
)

_LONGEST_NAME = 80

Found = dict[str, Any]


def sort_members(
    raw: Mapping[str, Any], table: Mapping[str, str], at: str, issues: Issues
) -> tuple[Found, Found]:
    """The members we know, under our names, and the rest. A pointer never holds a foreign name."""
    found: Found = {}
    rest: Found = {}
    for name, value in raw.items():
        ours = table.get(name) or _known_as(name, table)
        if ours is None or (ours != name and ours in raw):
            rest[name] = value
        elif ours in found:
            found[ours] = Repeated([found[ours], value])
        else:
            found[ours] = value
        if ours is not None and ours != name:
            issues.add(f"{at}/{ours}", "read_from_another_name")
    return found, rest


def values_of(
    ours: str, raw: Mapping[str, Any], table: Mapping[str, str], at: str, issues: Issues
) -> list[Any]:
    """All that is said under a name of this member, which `sort_members` takes but one of."""
    values: list[Any] = []
    for name, value in raw.items():
        if (table.get(name) or _known_as(name, table)) != ours:
            continue
        if name != ours:
            issues.add(f"{at}/{ours}", "read_from_another_name")
        values += value if isinstance(value, Repeated) else [value]
    return values


def _known_as(name: str, table: Mapping[str, str]) -> str | None:
    return table.get(folded_code(name)) if len(name) <= _LONGEST_NAME else None


def text_of(value: Any, at: str, issues: Issues, longest: int = 100_000) -> str | None:
    """Text, or a number as text; all of it when it was sent in parts."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value[:longest]
    if isinstance(value, bool | dict):
        issues.add(at, "wrong_shape")
        return None
    if isinstance(value, int | float):
        issues.add(at, "read_as_text")
        return str(value)
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        issues.add(at, "member_repeated" if isinstance(value, Repeated) else "read_as_text")
        return "\n".join(value)[:longest]
    if value != []:
        issues.add(at, "wrong_shape")
    return None


def list_of(value: Any, at: str, issues: Issues) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, Repeated):
        return [one for part in value for one in (part if isinstance(part, list) else [part])]
    if isinstance(value, list):
        return value
    issues.add(at, "read_as_list")
    return [value]


def object_of(value: Any, at: str, issues: Issues) -> dict[str, Any]:
    """An object; several of one name become one, their differing members kept side by side."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        issues.add(at, "read_as")
        return value[0]
    if isinstance(value, Repeated):
        together: dict[str, Any] = {}
        for part in value:
            for name, one in part.items() if isinstance(part, dict) else ():
                same = name not in together or together[name] == one
                together[name] = one if same else Repeated([together[name], one])
        return together
    if value is not None:
        issues.add(at, "wrong_shape")
    return {}
