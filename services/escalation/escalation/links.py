"""Cases that may be about one child or household: shown with why, confirmed or undone by a person.

A link raises and never hides: a confirmed one counts in the chronology that the case is decided by
again, an undone one counts no more, and what was decided with it stands.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import CompoundSelect, and_, func, union
from sqlalchemy import select as columns
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from escalation.access import Session, reach_case, rules_of
from escalation.announcing import PRODUCER
from escalation.chronology import (
    CHILD_FACT,
    CHILD_KEYS,
    count,
    counted,
    earlier_concerns,
    kind_of,
    number,
    told_of,
)
from escalation.conflicts import may_open
from escalation.deciding import Rules, lock_case, raise_case
from escalation.history import remember
from escalation.models import CaseFile, CaseLink, LinkDecision
from escalation.preconditions import IfMatch, etag, expect
from escalation.viewer import Viewer, viewer_of
from shared.app import runtime_of
from shared.auth import Principal, requires
from shared.errors import Problem
from shared.events.cases import CaseLinked
from shared.outbox import commit, emit

router = APIRouter()
Worker = Annotated[Principal, Depends(requires("worker", "manager"))]
Relation = Literal["same_child", "same_household", "same_incident", "possible_duplicate"]
State = Literal["suggested", "confirmed", "undone"]
MOST_SHOWN: Final = 50
_DUPLICATE_WITHIN: Final = timedelta(days=1)
_Mine, _Theirs = aliased(CaseLink), aliased(CaseLink)
_Incident = aliased(CaseFile)


class LinkedCase(BaseModel):
    """shared: the kinds of keys both cases have, `upn`, `nhs`, `name_dob`, `address`; empty where
    only a person, or the incident, links them."""

    case_id: UUID
    opened_at: datetime
    priority: str
    outcome: str | None
    relations: list[Relation]
    shared: list[str]
    state: State


class LinkWord(BaseModel):
    """other_id: the case meant. confirmed also links two cases that share no key."""

    model_config = ConfigDict(extra="forbid")

    other_id: UUID
    state: Literal["confirmed", "undone"]


class LinkAnswer(BaseModel):
    linked: list[LinkedCase]
    priority: str
    version: int


@router.post("/v1/cases/{case_id}/links", tags=["cases"])
async def decide_link(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: Worker,
    case_id: UUID,
    body: LinkWord,
    if_match: IfMatch = None,
) -> LinkAnswer:
    """Says that two cases belong together, or that they do not; the last word counts."""
    viewer = viewer_of(request, who)
    if body.other_id == case_id:
        raise Problem(422, "same-case", "Name another case: one is not linked with itself.")
    # In one order for both, so that two workers who link them at once do not wait for each other.
    for one in sorted((case_id, body.other_id)):
        await reach_case(session, viewer, one, lock=True)
    case = await reach_case(session, viewer, case_id)
    link = await session.get(LinkDecision, _pair(case_id, body.other_id))
    if link is None or link.state != body.state:
        expect(case.version, if_match)
        await _record(request, session, viewer, case, body)
    response.headers["ETag"] = etag(case.version)
    linked = await linked_cases(session, viewer, case)
    return LinkAnswer(linked=linked, priority=case.priority, version=case.version)


async def _record(
    request: Request, session: Session, viewer: Viewer, case: CaseFile, body: LinkWord
) -> None:
    rules = rules_of(request)
    now = rules.clock.now()
    one, other = _pair(case.id, body.other_id)
    await session.merge(
        LinkDecision(case_id=one, other_id=other, state=body.state, at=now, actor_ref=viewer.ref)
    )
    await session.flush()
    for about in (case.id, body.other_id):
        with_ = str(other if about == one else one)
        remember(session, about, f"link_{body.state}", now, actor_ref=viewer.ref, other=with_)
        await _reconsider(session, about, rules)
    data = CaseLinked(
        case_id=case.id, other_id=body.other_id, state=body.state, at=now, actor_ref=viewer.ref
    )
    emit(session, "case.linked", case.id, data, producer=PRODUCER, at=now)
    # COMMIT POINT: after it the cases belong together and are decided so; before it they are not.
    await commit(session)
    runtime_of(request).doorbell.ring()


async def _reconsider(session: Session, case_id: UUID, rules: Rules) -> None:
    """Decides again over the chronology where there is more in it now."""
    case = await lock_case(session, case_id)
    if case is None:
        return
    case.version += 1
    cases = await earlier_concerns(session, case_id)
    if case.erased_at is None and len(cases) > number(case.facts.get(CHILD_FACT)):
        count(case, told_of(case), counted(case) | {CHILD_FACT: cases})
        await raise_case(session, case, rules.decide(case, case.facts, case.decision), rules, None)


async def linked_cases(session: Session, viewer: Viewer, case: CaseFile) -> list[LinkedCase]:
    """Newest first. Only those that the viewer may open; of others not even the number is told."""
    shared = (
        columns(func.array_agg(_Theirs.match_key))
        .join(_Mine, col(_Mine.match_key) == col(_Theirs.match_key))
        .where(col(_Mine.case_id) == case.id, col(_Theirs.case_id) == col(CaseFile.id))
        .scalar_subquery()
    )
    low, high = func.least(CaseFile.id, case.id), func.greatest(CaseFile.id, case.id)
    said = and_(col(LinkDecision.case_id) == low, col(LinkDecision.other_id) == high)
    rows = await session.exec(
        select(CaseFile, shared, LinkDecision.state)
        .outerjoin(LinkDecision, said)
        .where(
            col(CaseFile.id) != case.id,
            may_open(viewer),
            col(CaseFile.id).in_(_belonging(case)),
        )
        .order_by(col(CaseFile.opened_at).desc(), col(CaseFile.id))
        .limit(MOST_SHOWN)
    )
    return [_shown(case, other, keys or [], state) for other, keys, state in rows]


def _belonging(case: CaseFile) -> CompoundSelect[tuple[UUID]]:
    """Each found by its own index; asked with `or` of every case there is, it took a second among
    two hundred thousand."""
    sharing = (
        columns(col(_Theirs.case_id))
        .join(_Mine, col(_Mine.match_key) == col(_Theirs.match_key))
        .where(col(_Mine.case_id) == case.id)
    )
    return union(
        sharing,
        columns(col(_Incident.id)).where(col(_Incident.incident_id) == case.incident_id),
        columns(col(LinkDecision.other_id)).where(col(LinkDecision.case_id) == case.id),
        columns(col(LinkDecision.case_id)).where(col(LinkDecision.other_id) == case.id),
    )


def _shown(case: CaseFile, other: CaseFile, keys: Collection[str], state: str | None) -> LinkedCase:
    kinds = sorted({kind_of(key) for key in keys})
    return LinkedCase(
        case_id=other.id,
        opened_at=other.opened_at,
        priority=other.priority,
        outcome=other.outcome,
        relations=list(_relations(case, other, kinds, confirmed=state == "confirmed")),
        shared=kinds,
        state=cast(State, state or "suggested"),
    )


def _relations(
    case: CaseFile, other: CaseFile, kinds: Collection[str], *, confirmed: bool
) -> Iterable[Relation]:
    same_incident = case.incident_id is not None and case.incident_id == other.incident_id
    same_child = confirmed or any(kind in CHILD_KEYS for kind in kinds)
    if same_child:
        yield "same_child"
    if "address" in kinds:
        yield "same_household"
    if same_incident:
        yield "same_incident"
    if same_child and not same_incident and _alike(case, other):
        yield "possible_duplicate"


def _alike(case: CaseFile, other: CaseFile) -> bool:
    """Within a day, and of one kind."""
    near = abs(case.received_at - other.received_at) <= _DUPLICATE_WITHIN
    types, others = (set(c.facts.get("concern_types") or ()) for c in (case, other))
    return near and bool(types & others)


def _pair(one: UUID, other: UUID) -> tuple[UUID, UUID]:
    return (one, other) if one < other else (other, one)
