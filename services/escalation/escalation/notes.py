"""Words that a person writes in a case: sealed here with a salt, only committed to in events."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.announcing import PRODUCER
from escalation.history import remember
from escalation.models import CaseFile
from shared.events.cases import CaseNoted, NoteKind
from shared.events.note_commitments import SALT_BYTES, committed, note_commitment
from shared.outbox import emit
from shared.sealing import Sealer


@dataclass(frozen=True, slots=True)
class SealedNote:
    """commitment: for the event that tells of the note."""

    sealed: str
    commitment: str


def seal_note(sealer: Sealer, case: CaseFile, words: str) -> SealedNote:
    salt = secrets.token_bytes(SALT_BYTES)
    sealed = sealer.seal("details", committed(words, salt), context=str(case.id))
    return SealedNote(sealed, note_commitment(words, salt))


def tell_note(  # noqa: PLR0917 - the parts of one entry
    session: AsyncSession,
    case: CaseFile,
    kind: NoteKind,
    at: datetime,
    actor_ref: str,
    note: SealedNote,
    code: str | None = None,
    task_id: UUID | None = None,
) -> None:
    """Of a note that no other event tells of. task_id: the task for whose owner it was written."""
    detail = {} if code is None else {"code": code}
    if task_id is not None:
        detail["task_id"] = str(task_id)
    remember(session, case.id, kind, at, actor_ref=actor_ref, sealed_note=note.sealed, **detail)
    data = CaseNoted(
        case_id=case.id, at=at, kind=kind, actor_ref=actor_ref, note_commitment=note.commitment
    )
    emit(session, "case.noted", case.id, data, producer=PRODUCER, at=at)
