"""Finds the one object that a body means, when it is not simply that object."""

import json
from typing import Any

from intake.reading.issues import Issues
from intake.reading.members import BODY, SUBJECT, Found
from intake.reading.parse import Unreadable, read_json
from intake.reading.synonyms import folded_code

# Members that describe a child when they stand where the children should.
_OF_A_CHILD = frozenset(
    {"given_name", "family_name", "dob", "upn", "nhs_number", "home_la", "carer_la", "address"}
)


def whole(raw: Any, issues: Issues) -> dict[str, Any]:
    if isinstance(raw, str):
        inner = _encoded_twice(raw, issues)
        if inner is not None:
            return inner
        issues.add("", "body_is_text")
        return {"narrative": raw}
    if isinstance(raw, list):
        issues.add("", "body_is_a_list")
        return _of_list(raw)
    if not isinstance(raw, dict):
        issues.add("", "wrong_shape")
        return {}
    inside = list(raw.values())
    if len(inside) == 1 and _is_body(inside[0]) and not _is_body(raw):
        issues.add("", "read_from_another_place")
        return dict(inside[0])
    return raw


def child_beside(body: Found, rest: Found, issues: Issues) -> Found:
    """Moves what describes a child, sent beside the concern, to where the children are."""
    if body.get("children"):
        return rest
    child = {n: v for n, v in rest.items() if SUBJECT.get(folded_code(n)) in _OF_A_CHILD}
    if not any(value not in (None, "") for value in child.values()):
        return rest
    body["children"] = [child]
    issues.add("/children/0", "read_from_another_place")
    return {name: value for name, value in rest.items() if name not in child}


def _is_body(value: Any) -> bool:
    return isinstance(value, dict) and any(
        BODY.get(folded_code(name)) in {"children", "facts", "narrative", "school"}
        for name in value
        if len(name) <= 80  # noqa: PLR2004 - longer than any of ours
    )


def _of_list(raw: list[Any]) -> dict[str, Any]:
    if len(raw) == 1 and _is_body(raw[0]):
        return dict(raw[0])
    if raw and all(isinstance(one, dict) for one in raw) and not any(map(_is_concern, raw)):
        return {"children": raw}
    if raw and all(isinstance(one, str) for one in raw):
        return {"narrative": "\n".join(raw)}
    return {"narrative": json.dumps(raw, ensure_ascii=False)} if raw else {}


def _is_concern(one: dict[str, Any]) -> bool:
    """A child may have facts of its own, but no story, school or children."""
    return _is_body({name: value for name, value in one.items() if name != "facts"})


def _encoded_twice(text: str, issues: Issues) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        inner = read_json(text.encode("utf-8", "replace"), issues)
    except Unreadable:
        return None
    if isinstance(inner, dict):
        issues.add("", "read_as")
        return inner
    return None
