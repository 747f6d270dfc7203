"""What happened to a case, in the case itself; written in the transaction that did it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.models import CaseEvent


def remember(
    session: AsyncSession,
    case_id: UUID,
    kind: str,
    at: datetime,
    *,
    actor_ref: str | None = None,
    sealed_note: str | None = None,
    **detail: Any,
) -> None:
    """detail: codes, never a value that a person wrote."""
    session.add(
        CaseEvent(
            case_id=case_id,
            kind=kind,
            at=at,
            actor_ref=actor_ref,
            sealed_note=sealed_note,
            detail=detail,
        )
    )
