"""What is said later about a concern: decided again, and never answered lower than before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from intake.advice import Advised
from intake.conflicts import Exclusion
from intake.desk import PRODUCER, Desk
from intake.drafts import Draft, Issue, dumps
from intake.models import Amendment, Concern, Match
from intake.models import Submission as SubmissionRow
from intake.reading import Subject, Submission, same_children
from intake.replaying import replay
from shared.events.concerns import ConcernAmended, DataIssue
from shared.outbox import commit, emit
from shared.policy import Authorities, Decision, raise_to
from shared.policy.schema import UNKNOWN

Keys = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Said:
    """What was said later about one child. school_la: as the register has it.

    excluded: whom it names as accused or in conflict.
    """

    read: Submission
    subject: Subject
    match_keys: Keys
    school_la: str | None
    body_ref: str
    issues: tuple[Issue, ...]
    excluded: Exclusion
    traceparent: str | None


async def amend_incident(
    session: AsyncSession, desk: Desk, draft: Draft, incident_id: UUID
) -> tuple[bytes, UUID] | None:
    """A changed body about the very same children; None when they are not surely the same."""
    concerns = await _locked(session, incident_id)
    before = await _keys(session, concerns)
    twins = _twins(before, draft.advised)
    if twins is None or any(concern.erased_at for concern in concerns):
        return None
    by_id = {concern.id: concern for concern in concerns}
    decisions = {
        concern_id: await amend(session, desk, _said(draft, one), by_id[concern_id])
        for concern_id, one in twins.items()
    }
    await widen(session, draft.excluded, incident_id)
    # COMMIT POINT: before it nothing was amended; after it the same body is answered the same.
    await commit(session)
    desk.runtime.doorbell.ring()
    refs = {by_id[i].subject_ref: one.subject.client_ref for i, one in twins.items()}
    return await replay(
        session,
        incident_id,
        refs,
        decisions,
        data_issues=draft.issues,
        dropped_media=draft.dropped_media,
        amended_at=draft.read.received_at.isoformat(),
    )


async def amend(session: AsyncSession, desk: Desk, said: Said, concern: Concern) -> dict[str, Any]:
    """Adds to one concern, whose row is locked; the caller commits. The same body adds nothing."""
    earlier = await _amendments(session, concern.id)
    same = next((a for a in earlier if a.body_ref == said.body_ref), None)
    if same is not None:
        return same.decision or {}
    last = earlier[-1] if earlier else None
    facts = joined((last or concern).facts or {}, said.subject.facts)
    facts["subject_role"] = concern.subject_role
    decision = raise_to((last or concern).decision or {}, _decide(desk, said, concern, facts))
    at, sealer = said.read.received_at, desk.runtime.sealer
    session.add(
        Amendment(
            id=uuid4(),
            concern_id=concern.id,
            number=len(earlier) + 1,
            body_ref=said.body_ref,
            received_at=at,
            facts=facts,
            decision=decision,
            data_issues=list(said.issues),
            sealed_raw=sealer.seal("submission", dumps(said.read.raw), context=str(concern.id)),
        )
    )
    await _add_keys(session, concern.id, said.match_keys)
    data = ConcernAmended(
        concern_id=concern.id,
        received_at=at,
        facts=facts,
        decision=decision,
        data_issues=[DataIssue(**issue) for issue in said.issues],
        sealed_details=sealer.seal("details", dumps(said.subject.details), context=str(concern.id)),
        excluded_refs=list(said.excluded.refs),
        exclude_school_staff=said.excluded.school_staff,
        excluded_roles=list(said.excluded.roles),
        carer_la=said.subject.carer_la,
    )
    trace = said.traceparent
    emit(session, "concern.amended", concern.id, data, producer=PRODUCER, at=at, traceparent=trace)
    return decision


def joined(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """What is said later comes first; sets unite; what is not known hides nothing known."""
    facts = dict(before)
    for name, value in now.items():
        known = facts.get(name)
        if isinstance(value, list):
            facts[name] = sorted({*value, *(known if isinstance(known, list) else ())})
        elif known is None or value != UNKNOWN:
            facts[name] = value
    return facts


def _said(draft: Draft, one: Advised) -> Said:
    return Said(
        draft.read,
        one.subject,
        one.match_keys,
        draft.standing.la,
        draft.body_ref,
        draft.issues,
        draft.excluded,
        draft.traceparent,
    )


def _decide(desk: Desk, said: Said, concern: Concern, facts: Mapping[str, Any]) -> Decision:
    return desk.policies.at(said.read.received_at).decide(
        facts,
        received_at=said.read.received_at,
        discovered_at=said.read.discovered_at,
        subject=concern.subject_ref,
        authorities=Authorities(
            home=said.subject.home_la or concern.home_la,
            found=said.read.found_la or concern.found_la,
            school=said.school_la,
            carer=said.subject.carer_la or concern.carer_la,
        ),
    )


def _twins(before: Mapping[UUID, Keys], now: Sequence[Advised]) -> dict[UUID, Advised] | None:
    """Each child with the concern it has already, or None if one is not surely among them."""
    if not same_children(list(before.values()), [one.match_keys for one in now]):
        return None
    left = dict(before)
    found = {}
    for one in now:
        twin = next(
            (i for i, keys in left.items() if same_children([keys], [one.match_keys])), None
        )
        if twin is None:
            return None
        found[twin] = one
        del left[twin]
    return found


async def _locked(session: AsyncSession, incident_id: UUID) -> list[Concern]:
    """In one order, so that two amendments of an incident never wait for each other."""
    rows = await session.execute(
        select(Concern)
        .where(col(Concern.incident_id) == incident_id)
        .order_by(col(Concern.id))
        .with_for_update()
    )
    return list(rows.scalars())


async def _keys(session: AsyncSession, concerns: Sequence[Concern]) -> dict[UUID, Keys]:
    ids = [concern.id for concern in concerns]
    rows = await session.execute(select(Match).where(col(Match.concern_id).in_(ids)))
    found: dict[UUID, list[tuple[str, str]]] = {i: [] for i in ids}
    for row in rows.scalars():
        found[row.concern_id].append((row.kind, row.key))
    return dict(found)


async def _amendments(session: AsyncSession, concern_id: UUID) -> list[Amendment]:
    rows = await session.execute(
        select(Amendment)
        .where(col(Amendment.concern_id) == concern_id)
        .order_by(col(Amendment.number))
    )
    return list(rows.scalars())


async def _add_keys(session: AsyncSession, concern_id: UUID, keys: Keys) -> None:
    values = [{"concern_id": concern_id, "kind": kind, "key": key} for kind, key in keys]
    if values:
        await session.execute(insert(Match).values(values).on_conflict_do_nothing())


async def widen(session: AsyncSession, more: Exclusion, incident_id: UUID) -> None:
    """Who is newly accused or in conflict is kept out from now on; nobody is let in again.

    Read anew under its lock: two amendments at once must not undo each other's exclusions.
    """
    submission = await session.get_one(
        SubmissionRow, incident_id, with_for_update=True, populate_existing=True
    )
    submission.excluded_refs = sorted({*submission.excluded_refs, *more.refs})
    submission.excluded_roles = sorted({*submission.excluded_roles, *more.roles})
    submission.exclude_school_staff = submission.exclude_school_staff or more.school_staff
    submission.private = submission.private or more.private
