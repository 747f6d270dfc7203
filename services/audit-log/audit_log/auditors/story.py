"""One concern's whole story, in the order of time, each step with its proof."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.auditors.saying import Said, say
from audit_log.merkle import leaf_hash, verify_inclusion
from audit_log.models import LogEntry
from audit_log.published import newest_size
from audit_log.readers import Reading
from audit_log.search.filters import Filters
from audit_log.search.finding import find, size_of
from audit_log.search.proving import prove_all, root_of
from audit_log.search.readers import Reader
from audit_log.search.recording import record_read
from audit_log.search.routes import Session, b64, not_found, prepared
from shared.app import runtime_of
from shared.auth import Principal, requires

router = APIRouter(prefix="/v1/log", tags=["audit log"])
Auditor = Annotated[Principal, Depends(requires("auditor"))]
# A case of years has some hundreds; what is beyond is found by searching on.
MOST: Final = 2000


@dataclass(frozen=True)
class Step:
    """proof: its hashes, or None where no checkpoint holds the entry yet. proved: it holds."""

    seq: int
    at: datetime
    type: str
    said: Said
    proof: tuple[bytes, ...] | None
    proved: bool


@dataclass(frozen=True)
class Story:
    """size: of the newest checkpoint, which the proofs lead to. more: there are later entries."""

    concern: UUID
    size: int
    steps: Sequence[Step]
    more: bool


async def story_of(
    request: Request,
    own: AsyncSession,
    reading: AsyncSession,
    reader: Reader,
    concern: UUID,
) -> Story:
    """Tells the log first. Raises 404 also where the reader may not know of the concern."""
    page = await find(
        reading,
        reader,
        Filters(concern=concern),
        after=-1,
        below=await size_of(reading),
        limit=MOST,
    )
    if not any(entry.subject == concern for entry in page.entries):
        raise not_found()
    size = await newest_size(reading)
    proofs = await prove_all(reading, [entry.seq for entry in page.entries], size)
    root = await root_of(reading, size) if size else b""
    steps = [_step(entry, proofs.get(entry.seq), size, root) for entry in page.entries]
    steps.sort(key=lambda step: (step.at, step.seq))
    await record_read(own, runtime_of(request), reader, "story", concern=concern, found=len(steps))
    return Story(concern, size, steps, page.next is not None)


def _step(entry: LogEntry, proof: tuple[bytes, ...] | None, size: int, root: bytes) -> Step:
    proved = proof is not None and verify_inclusion(
        leaf_hash(entry.payload), entry.seq, size, proof, root
    )
    said = say(entry.payload)
    return Step(entry.seq, entry.occurred_at, entry.type, said, proof, proved)


@router.get("/cases/{concern_id}/story")
async def read_story(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    who: Auditor,
    own: Session,
    reading: Reading,
    concern_id: UUID,
) -> dict[str, Any]:
    """What happened, in words and in the order of time; each step with its entry's proof."""
    reader = await prepared(request, own, who)
    story = await story_of(request, own, reading, reader, concern_id)
    response.headers["Cache-Control"] = "no-store"
    root = b64(await root_of(reading, story.size)) if story.size else None
    return {
        "concern": str(concern_id),
        "tree": {"size": story.size, "root": root},
        "steps": [_shown(step) for step in story.steps],
        "more": story.more,
    }


def _shown(step: Step) -> dict[str, Any]:
    return {
        "seq": step.seq,
        "at": step.at.isoformat(),
        "type": step.type,
        "what": step.said.what,
        "words": step.said.words,
        "rules": list(step.said.rules),
        "actor": step.said.actor,
        "proved": step.proved,
        "proof": None if step.proof is None else [b64(one) for one in step.proof],
    }
