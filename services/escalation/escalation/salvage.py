"""What can still be read of a record that could not be understood. Pure; it never fails."""

import json
import re
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

Json = dict[str, Any]
# Only what PostgreSQL can keep: a NUL would fail the very transaction that is to save the concern.
_Text = Annotated[str, Field(max_length=4000, pattern=r"^[^\x00]*$")]
_Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_La = Annotated[str, Field(pattern=r"^[0-9]{3}$")]
_Priority = Literal["P0", "P1", "P2", "P3", "P4"]
_REF: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHAPES: Final = {
    "urn": re.compile(r"[0-9]{6}"),
    "school_la": re.compile(r"[0-9]{3}"),
    "home_la": re.compile(r"[0-9]{3}"),
    "found_la": re.compile(r"[0-9]{3}"),
    "carer_la": re.compile(r"[0-9]{3}"),
    "school_phase": re.compile(r"[A-Za-z0-9][A-Za-z0-9 ()-]{0,59}"),
    "reporter_ref": _REF,
}


class _Reason(BaseModel):
    rule: _Text
    title: _Text = ""
    cite: _Text = ""


class _Action(BaseModel):
    route: _Code
    subject: _Text | None = None
    la: _La | None = None
    priority: _Priority
    certainty: Literal["certain", "precautionary"]
    by: Literal["now"] | AwareDatetime
    hard_by: AwareDatetime | None = None
    owner: _Text
    owner_role: _Code
    channel: _Code
    contact: dict[_Text, _Text] = {}
    script: _Text = ""
    because: list[_Reason] = []


class _Advice(BaseModel):
    """What the school was told to do. In this form it is asked for, understood or not."""

    priority: _Priority
    actions: Annotated[list[_Action], Field(max_length=60)]


def members(value: bytes) -> Json:
    try:
        data = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def known(data: Json) -> Json:
    """The columns of a case that have the right form; they can only bring it to someone."""
    shown = {
        name: data[name]
        for name, shape in _SHAPES.items()
        if isinstance(data.get(name), str) and shape.fullmatch(data[name])
    }
    flags = ("synthetic", "exclude_school_staff")
    return shown | _incident(data) | {name: data.get(name) is True for name in flags}


def _incident(data: Json) -> Json:
    """Who is kept out of a brother's or sister's case is kept out of this one."""
    try:
        return {"incident_id": UUID(data["incident_id"])}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def excluded(data: Json) -> list[str]:
    """Who must not see it holds even where nothing else could be read."""
    refs = data.get("excluded_refs")
    listed = refs if isinstance(refs, list) else []
    return [ref for ref in listed if isinstance(ref, str) and _REF.fullmatch(ref)]


def conflict(data: Json) -> dict[str, list[str]]:
    """What was said of posts at the school that are in conflict or accused."""
    facts = data.get("facts")
    said = facts if isinstance(facts, dict) else {}
    return {
        "conflict": _codes(said.get("conflict")),
        "source_of_harm": _codes(said.get("source_of_harm")),
        "excluded_roles": _codes(data.get("excluded_roles")),
    }


def _codes(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return [code for code in listed if isinstance(code, str) and _REF.fullmatch(code)]


def advice(data: Json) -> Json | None:
    try:
        return _Advice.model_validate(data.get("decision")).model_dump(mode="json")
    except ValidationError:
        return None
