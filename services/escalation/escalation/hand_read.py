"""What could not be understood goes to people, at the top of triage, with what could be read."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from sqlmodel.ext.asyncio.session import AsyncSession

from escalation import salvage
from escalation.concerns import conflicted_posts
from escalation.deciding import Rules, lock_case, raise_case, serving_la, settle
from escalation.excluding import keep_out
from escalation.history import remember
from escalation.holds import taken_hold
from escalation.models import CaseFile
from escalation.opening import open_case
from escalation.quarantine import SORTING, sorted_out
from shared.bus import Record
from shared.events.catalogue import CONCERNS
from shared.events.envelope import Event
from shared.policy import Authorities

Json = dict[str, Any]
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
    data = salvage.members(record.value)
    concern_id = event.subject if event else _key(record)
    case = await lock_case(session, concern_id) if concern_id else None
    if case is None:
        case = _new_case(concern_id or uuid4(), data, now)
        case.quarantined = case.urn is None
        settle(case, _decision(case, data, rules))
        case.la = serving_la(case.decision, case.home_la, case.found_la, case.school_la)
        early = await taken_hold(session, case.id)
        await open_case(session, case, rules, excluded=salvage.excluded(data), early=early)
    elif case.erased_at is None:
        case.unprocessed = True
        staff = data.get("exclude_school_staff") is True
        await keep_out(session, case, salvage.excluded(data), _posts(data), school_staff=staff)
        decision = _decision(case, data, rules)
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


def _new_case(concern_id: UUID, data: Json, now: datetime) -> CaseFile:
    return CaseFile(
        id=concern_id,
        priority="P0",
        unprocessed=True,
        facts={},
        decision={},
        data_issues=[],
        conflicted=sorted(_posts(data)),
        received_at=now,
        opened_at=now,
        **salvage.known(data),
    )


def _posts(data: Json) -> set[str]:
    conflict = salvage.conflict(data)
    return {*conflicted_posts(conflict), *conflict["excluded_roles"]}


def _decision(case: CaseFile, data: Json, rules: Rules) -> Json:
    """What not knowing anything asks for, with the school's lead and the hub asked at once."""
    advised = salvage.advice(data)
    decision = rules.decide(case, case.facts, case.decision, advised or {})
    at_once = {"priority": "P0", "by": "now"}
    # Where no school is known no lead could see it, and the hub that sorts it out reads it.
    readers = [_reader(case, route, rules) for route in _READERS if not case.quarantined]
    for reader in readers:
        same = [a for a in decision["actions"] if _key_of(a) == _key_of(reader)]
        for action in same:
            action.update(at_once, because=[_BECAUSE, *action["because"]])
        if not same:
            decision["actions"].append(reader)
    decision = sorted_out(case, decision | {"priority": "P0"}, rules.policy)
    for action in decision["actions"]:
        if any(reason["rule"] == SORTING for reason in action["because"]):
            action.update(at_once, because=[_BECAUSE, *action["because"]])
    return decision


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


def _key(record: Record) -> UUID | None:
    try:
        return UUID((record.key or b"").decode())
    except ValueError:
        return None
