"""What an entry is found by, read from its canonical bytes. Pure.

Who may read a concern's entries follows from what is read here, so only events of those who own a
concern are believed about it: what a reader asked for, which is logged too, places nothing.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

_READING: Final = "handrail.access.v1"
_ACTORS: Final = ("actor_ref", "given_by_ref", "taken_by_ref", "reporter_ref")
_AUTHORITIES: Final = ("la", "school_la", "home_la", "found_la")
_POSTS: Final = ("excluded_roles", "conflicted_roles")
_LA, _URN = re.compile(r"[0-9]{3}"), re.compile(r"[0-9]{6}")
_TRACE: Final = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True)
class Found:
    """own: terms of this entry alone. places, bars: of its concern. also: other concerns in it."""

    own: frozenset[str]
    places: frozenset[str] = frozenset()
    bars: frozenset[str] = frozenset()
    also: frozenset[UUID] = frozenset()


def trace_of(traceparent: str) -> str | None:
    """The trace in a W3C `traceparent`."""
    read = _TRACE.fullmatch(traceparent)
    return read[1] if read else None


def read_terms(payload: bytes) -> Found:
    entry = json.loads(payload)
    producer, data = entry.get("producer"), entry.get("data") or {}
    own = {f"type:{entry['type']}"}
    if producer:
        own |= {f"service:{producer.partition('/')[0]}", f"producer:{producer}"}
    if trace := trace_of(entry.get("traceparent") or ""):
        own.add(f"trace:{trace}")
    own |= {f"actor:{data[name]}" for name in _ACTORS if data.get(name)}
    if entry.get("topic") == _READING:
        return Found(frozenset(own))
    own |= {f"rule:{rule}" for rule in _rules(data)}
    also = frozenset({UUID(data["other_id"])} if data.get("other_id") else ())
    return Found(frozenset(own), frozenset(_places(data)), frozenset(_bars(data)), also)


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """Every member at any depth."""
    if isinstance(value, dict):
        yield from value.items()
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _members(item)


def _rules(data: Any) -> Iterator[str]:
    for name, value in _members(data):
        if name == "rule" and isinstance(value, str):
            yield value
        elif name == "rules" and isinstance(value, list):
            yield from (item for item in value if isinstance(item, str))


def _places(data: dict[str, Any]) -> Iterator[str]:
    for name, value in _members(data):
        if name in _AUTHORITIES and isinstance(value, str) and _LA.fullmatch(value):
            yield f"la:{value}"
    urn = data.get("urn")
    if urn and _URN.fullmatch(urn):
        yield f"urn:{urn}"
    for name, member in (("incident", "incident_id"), ("reporter", "reporter_ref")):
        if data.get(member):
            yield f"{name}:{data[member]}"


def _bars(data: dict[str, Any]) -> Iterator[str]:
    yield from (f"ref:{ref}" for ref in data.get("excluded_refs", ()))
    for member in _POSTS:
        yield from (f"post:{post}" for post in data.get(member, ()))
    if data.get("exclude_school_staff"):
        yield "staff"
