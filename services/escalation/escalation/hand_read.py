"""What could not be understood goes to people, at the top of triage, with what could be read."""

import json
import re
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.deciding import Rules, lock_case, open_case, raise_case, serving_la
from escalation.history import remember
from escalation.models import CaseFile
from shared.bus import Record
from shared.events.catalogue import CONCERNS
from shared.events.envelope import Event
from shared.policy import Authorities

Json = dict[str, Any]
_SHAPES: Final = {
    "urn": re.compile(r"[0-9]{6}"),
    "school_la": re.compile(r"[0-9]{3}"),
    "home_la": re.compile(r"[0-9]{3}"),
    "found_la": re.compile(r"[0-9]{3}"),
    "reporter_ref": re.compile(r"[A-Za-z0-9_-]{43}"),
}
_READERS: Final = ("DSL", "MASH")
_BECAUSE: Final = {
    "rule": "UNPROCESSED",
    "title": "What was sent could not be understood: read it by hand",
    "cite": "Handrail: nothing that is raised may go silent",
    "facts": {},
}


async def on_poison(
    session: AsyncSession, record: Record, event: Event | None, reason: str, rules: Rules
) -> None:
    """A case for it, or its case back at the top. Notices that cannot be read raise nothing."""
    if record.topic != CONCERNS.name:
        return
    now = rules.clock.now()
    concern_id = event.subject if event else _key(record)
    case = await lock_case(session, concern_id) if concern_id else None
    if case is None:
        case = hand_read_case(concern_id or uuid4(), record.value, now)
        case.decision = _decision(case, record.value, rules)
        case.la = serving_la(case.decision, case.home_la, case.found_la, case.school_la)
        await open_case(session, case, read_refs(record.value), rules, None)
    elif case.erased_at is None:
        case.unprocessed = True
        decision = _decision(case, record.value, rules)
        await raise_case(session, case, decision, rules, None)
    remember(
        session,
        case.id,
        "unprocessed",
        now,
        reason=reason,
        partition=record.partition,
        offset=record.offset,
    )


def hand_read_case(concern_id: UUID, value: bytes, now: datetime) -> CaseFile:
    """Whatever of the record has the right form is used; it can only bring the case to someone."""
    data = _members(value)
    known = {
        name: data[name]
        for name, shape in _SHAPES.items()
        if isinstance(data.get(name), str) and shape.fullmatch(data[name])
    }
    return CaseFile(
        id=concern_id,
        priority="P0",
        unprocessed=True,
        synthetic=data.get("synthetic") is True,
        exclude_school_staff=data.get("exclude_school_staff") is True,
        facts={},
        decision={},
        data_issues=[],
        conflicted=[],
        received_at=now,
        opened_at=now,
        **known,
    )


def read_refs(value: bytes) -> list[str]:
    """Who must not see it holds even where nothing else could be read."""
    refs = _members(value).get("excluded_refs")
    return [ref for ref in refs if isinstance(ref, str)] if isinstance(refs, list) else []


def _decision(case: CaseFile, value: bytes, rules: Rules) -> Json:
    """What not knowing anything asks for, with the school's lead and the hub asked at once."""
    advised = _members(value).get("decision")
    before = [case.decision, advised] if _is_decision(advised) else [case.decision]
    decision = rules.decide(case, case.facts, *before)
    at_once = {"priority": "P0", "by": "now"}
    readers = [_reader(case, route, rules) for route in _READERS]
    for reader in readers:
        same = [a for a in decision["actions"] if _key_of(a) == _key_of(reader)]
        for action in same:
            action.update(at_once, because=[_BECAUSE, *action["because"]])
        if not same:
            decision["actions"].append(reader)
    return decision | {"priority": "P0"}


def _key_of(action: Json) -> tuple[Any, ...]:
    return tuple(action.get(name) for name in ("route", "la", "owner_role"))


def _reader(case: CaseFile, route: str, rules: Rules) -> Json:
    places = Authorities(home=case.home_la, found=case.found_la, school=case.school_la)
    serves = rules.policy.national.routes[route].serves
    service = rules.policy.directory.service(route, places.serving(serves))
    return {
        "route": route,
        "subject": case.subject_ref or "child-1",
        "la": service.la,
        "priority": "P0",
        "certainty": "precautionary",
        "by": "now",
        "owner": service.owner,
        "owner_role": service.owner_role,
        "channel": service.channel,
        "contact": dict(service.contact),
        "script": "Read what was sent, by hand. Ring the school and ask: is the child safe now?",
        "because": [_BECAUSE],
    }


def _is_decision(advised: object) -> bool:
    """Advice of the right form still asks for what it asked for: a 999 call does not wait."""
    needed = {"route", "priority", "by", "certainty", "owner", "owner_role", "channel"}
    return (
        isinstance(advised, dict)
        and isinstance(advised.get("actions"), list)
        and all(isinstance(a, dict) and needed <= a.keys() for a in advised["actions"])
        and advised.get("priority") in ("P0", "P1", "P2", "P3", "P4")
    )


def _key(record: Record) -> UUID | None:
    try:
        return UUID((record.key or b"").decode())
    except ValueError:
        return None


def _members(value: bytes) -> Json:
    try:
        data = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
