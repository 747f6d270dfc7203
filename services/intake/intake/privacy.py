"""Erasure, holds, corrections and export of what intake keeps of one concern."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from intake.models import (
    Amendment,
    Concern,
    Match,
    OutcomeRow,
    Progress,
    Receipt,
    ReceiptNotice,
    Submission,
)
from shared.dead_letters import DeadLetter
from shared.events.access import DetailsRead
from shared.events.concerns import ConcernEnteredInError, ConcernErased, ConcernHeld
from shared.outbox import emit
from shared.sealing import Sealer

PRODUCER = "intake"


class NoSuchConcern(Exception):
    """There is no concern of that id, or it has been erased."""


class Held(Exception):
    """A hold forbids erasing the concern until it is released."""


async def erase(session: AsyncSession, concern_id: UUID, actor_ref: str, now: datetime) -> None:
    """Deletes at once what intake holds of the people in a concern; the caller commits.

    The concern's row stays as the tombstone, and so does its submission, with the key that was
    used but nothing to compare a body with: sent again, it is a new concern and never a reply.
    """
    concern, incident = await _locked_incident(session, concern_id)
    if any(one.held for one in incident):
        raise Held
    concern.facts = concern.decision = None
    concern.erased_at = now
    # The raw body tells of every child of the incident; what the others' cases need of it was
    # sealed for each of them and is escalation's.
    await session.execute(
        update(Submission)
        .where(col(Submission.id) == concern.incident_id)
        .values(sealed_raw=None, body_ref=None, source_ref=None)
    )
    if all(one.erased_at is not None for one in incident):
        await _forget_reporter(session, concern.incident_id)
    await session.execute(delete(Match).where(col(Match.concern_id) == concern_id))
    await session.execute(
        update(Amendment)
        .where(col(Amendment.concern_id) == concern_id)
        .values(
            facts=None,
            decision=None,
            sealed_raw=None,
            body_ref=func.concat("erased:", col(Amendment.id)),
        )
    )
    await session.execute(
        update(DeadLetter).where(col(DeadLetter.subject) == concern_id).values(raw=None)
    )
    data = ConcernErased(concern_id=concern_id, erased_at=now, actor_ref=actor_ref)
    emit(session, "concern.erased", concern_id, data, producer=PRODUCER, at=now)


async def is_erased(session: AsyncSession, concern_id: UUID) -> bool:
    concern = await session.get(Concern, concern_id)
    return concern is not None and concern.erased_at is not None


async def hold(
    session: AsyncSession, concern_id: UUID, actor_ref: str, now: datetime, *, held: bool = True
) -> None:
    """Stops retention and erasure, or lets them go on; the caller commits."""
    concern, _ = await _locked_incident(session, concern_id)
    concern.held = held
    data = ConcernHeld(concern_id=concern_id, held=held, at=now, actor_ref=actor_ref)
    emit(session, "concern.held", concern_id, data, producer=PRODUCER, at=now)


async def correct(
    session: AsyncSession,
    sealer: Sealer,
    concern_id: UUID,
    *,
    actor_ref: str,
    reason: str,
    now: datetime,
) -> None:
    """Records that a named person says the concern was about the wrong child; caller commits."""
    (await _locked(session, concern_id)).entered_in_error_at = now
    sealed = sealer.seal("details", reason.encode(), context=str(concern_id))
    data = ConcernEnteredInError(
        concern_id=concern_id, at=now, actor_ref=actor_ref, sealed_reason=sealed
    )
    emit(session, "concern.entered_in_error", concern_id, data, producer=PRODUCER, at=now)


async def record_reading(
    session: AsyncSession, concern_id: UUID, actor_ref: str, now: datetime
) -> None:
    """Says who is about to be shown everything; the caller commits before anything is opened.

    Of what is erased there is a tombstone to show, and that is read on record too.
    """
    if await session.get(Concern, concern_id) is None:
        raise NoSuchConcern
    data = DetailsRead(
        case_id=concern_id, actor_ref=actor_ref, role="dpo", reason="subject_access", at=now
    )
    emit(session, "details.read", concern_id, data, producer=PRODUCER, at=now)


async def export(session: AsyncSession, concern_id: UUID) -> dict[str, Any]:
    """All that intake holds of a concern. What is sealed is given sealed: intake cannot open it."""
    concern = await session.get(Concern, concern_id)
    if concern is None:
        raise NoSuchConcern
    submission = await session.get(Submission, concern.incident_id)
    found: dict[str, Any] = {
        "concern": concern.model_dump(mode="json"),
        "submission": submission.model_dump(mode="json") if submission else None,
    }
    for name, model in (
        ("amendments", Amendment),
        ("match_keys", Match),
        ("tasks", Receipt),
        ("notices", ReceiptNotice),
        ("progress", Progress),
        ("outcomes", OutcomeRow),
    ):
        rows = await session.execute(select(model).where(col(model.concern_id) == concern_id))
        found[name] = [row.model_dump(mode="json") for row in rows.scalars()]
    return found


async def _locked(session: AsyncSession, concern_id: UUID) -> Concern:
    concern = await session.get(Concern, concern_id, with_for_update=True)
    if concern is None or concern.erased_at is not None:
        raise NoSuchConcern
    return concern


async def _locked_incident(
    session: AsyncSession, concern_id: UUID
) -> tuple[Concern, Sequence[Concern]]:
    """The concern, and all of its incident, erased ones too: they share the raw body.

    Always in the order of their ids, so that two who hold or erase siblings at once wait for each
    other, see what the other did, and never wait in a ring.
    """
    incident_id = select(col(Concern.incident_id)).where(col(Concern.id) == concern_id)
    rows = await session.execute(
        select(Concern)
        .where(col(Concern.incident_id) == incident_id.scalar_subquery())
        .order_by(col(Concern.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    incident = rows.scalars().all()
    concern = next((one for one in incident if one.id == concern_id), None)
    if concern is None or concern.erased_at is not None:
        raise NoSuchConcern
    return concern, incident


async def _forget_reporter(session: AsyncSession, incident_id: UUID) -> None:
    """Only with the last concern: until then whoever reported sees what became of the others."""
    await session.execute(
        update(Submission).where(col(Submission.id) == incident_id).values(reporter_ref=None)
    )
