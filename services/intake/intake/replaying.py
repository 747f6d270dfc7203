"""Answers a request that was answered before, from what was stored then."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from intake.answers import Told, answer
from intake.models import Concern, Submission


async def replay(
    session: AsyncSession,
    incident_id: UUID,
    refs: Mapping[str, str],
    later: Mapping[UUID, Mapping[str, Any]] | None = None,
    **more: Any,
) -> tuple[bytes, UUID]:
    """The answer, and its first concern. `later` gives decisions to show instead of the first.

    refs are the sender's own names for the children: the request that comes again has the same
    ones, so that no name a vendor calls a child by need ever be stored.
    """
    submission = await session.get_one(Submission, incident_id)
    rows = await session.execute(select(Concern).where(col(Concern.incident_id) == incident_id))
    concerns = sorted(rows.scalars(), key=lambda concern: _order(concern.subject_ref))
    told = [
        Told(
            concern.id,
            concern.subject_ref,
            concern.subject_role,
            refs.get(concern.subject_ref, concern.subject_ref),
            (later or {}).get(concern.id) or concern.decision or {},
        )
        for concern in concerns
    ]
    issues = more.pop("data_issues", submission.data_issues)
    dropped = more.pop("dropped_media", submission.dropped_media)
    body = answer(submission.id, submission.received_at, told, issues, dropped, **more)
    return body, concerns[0].id


def _order(subject_ref: str) -> tuple[str, int]:
    kind, _, number = subject_ref.rpartition("-")
    return kind, int(number)
