"""Everything held about one concern, from every owner, opened: what a subject access needs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.models import LogEntry
from escalation.models import (
    CaseEvent,
    CaseFile,
    CaseLink,
    Disagreement,
    EarlyHold,
    Exclusion,
    LinkDecision,
    SealedDetail,
    Task,
    Timer,
)
from intake import privacy
from notify.models import Notice, ReporterContact, TaskLink
from shared.db import make_engine, make_sessions
from shared.dead_letters import DeadLetter, unpack
from shared.sealing import Opener, Purpose, SealBroken

# Where each owner's rows name the concern. Intake says itself what it holds.
HELD: Final[Mapping[str, Mapping[str, tuple[Any, str]]]] = {
    "escalation": {
        "case": (CaseFile, "id"),
        "tasks": (Task, "case_id"),
        "timers": (Timer, "case_id"),
        "disagreements": (Disagreement, "case_id"),
        "excluded": (Exclusion, "case_id"),
        "links": (CaseLink, "case_id"),
        "link_words": (LinkDecision, "case_id"),
        "details": (SealedDetail, "case_id"),
        "history": (CaseEvent, "case_id"),
        "early_hold": (EarlyHold, "case_id"),
    },
    "notify": {
        "notices": (Notice, "case_id"),
        "contact": (ReporterContact, "concern_id"),
        "task_links": (TaskLink, "case_id"),
    },
}
# A link that still opens a task is nobody's to read, whoever asks for what is held.
_NEVER_SHOWN: Final[Mapping[str, set[str]]] = {"task_links": {"sealed"}}
_LETTERS: Final = {"dead_letters": (DeadLetter, "subject")}
# Which member of which rows is sealed, for what, and the member that it is bound to.
_SEALED: Final[Mapping[str, tuple[str, Purpose, str]]] = {
    "submission": ("sealed_raw", "submission", "id"),
    "amendments": ("sealed_raw", "submission", "concern_id"),
    "details": ("sealed", "details", "case_id"),
    "history": ("sealed_note", "details", "case_id"),
    "contact": ("sealed", "contacts", "concern_id"),
    "dead_letters": ("raw", "dead_letter", "id"),
}
# The same for the members of an event, in what could not be applied.
_IN_EVENTS: Final[Mapping[str, Purpose]] = {
    "sealed_details": "details",
    "sealed_reason": "details",
    "sealed_contacts": "contacts",
}


@dataclass
class Export:
    """held: by owner. closed: how many sealed parts did not open."""

    held: dict[str, Any]
    closed: int = 0


def as_json(export: Export) -> str:
    return json.dumps(export.held, indent=2, ensure_ascii=False) + "\n"


async def export_of(
    databases: Mapping[str, str], concern: UUID, opener: Opener, now: datetime
) -> Export:
    """`databases` are by service; each is read with its owner's role."""
    export = Export({"concern_id": str(concern), "exported_at": now.isoformat()})
    for service in ("intake", "escalation", "notify", "audit-log"):
        engine = make_engine(databases[service], "handrail-privacy", pool_size=1)
        try:
            async with make_sessions(engine)() as session:
                held = await _held(session, service, concern)
        finally:
            await engine.dispose()
        _open(export, held, opener, concern)
        export.held[service] = held
    return export


async def _held(session: AsyncSession, service: str, concern: UUID) -> dict[str, Any]:
    held = await privacy.export(session, concern) if service == "intake" else {}
    for name, (model, column) in {**HELD.get(service, {}), **_LETTERS}.items():
        mine = getattr(model, column) == concern
        rows = (await session.execute(select(model).where(mine))).scalars()
        hidden = _NEVER_SHOWN.get(name)
        held[name] = [row.model_dump(mode="json", exclude=hidden) for row in rows]
    if service == "audit-log":
        held["entries"] = await _entries(session, concern)
    return held


async def _entries(session: AsyncSession, concern: UUID) -> list[dict[str, Any]]:
    """Which entries of the log are about it; the log holds no details to export."""
    mine = select(LogEntry).where(col(LogEntry.subject) == concern).order_by(col(LogEntry.seq))
    shown = {"seq", "event_id", "type", "occurred_at"}
    rows = (await session.execute(mine)).scalars()
    return [row.model_dump(mode="json", include=shown) for row in rows]


def _open(export: Export, held: dict[str, Any], opener: Opener, concern: UUID) -> None:
    for name, (member, purpose, bound_to) in _SEALED.items():
        rows = held.get(name) or []
        for row in rows if isinstance(rows, list) else [rows]:
            if row[member] is None:
                continue
            opened = _opened(export, opener, purpose, row[member], row[bound_to])
            if purpose == "dead_letter" and isinstance(opened, bytes):
                opened = _record(export, opener, opened, concern)
            row[member] = _readable(opened)


def _opened(
    export: Export, opener: Opener, purpose: Purpose, sealed: str, context: str
) -> bytes | dict[str, str]:
    try:
        return opener.open(purpose, sealed, context=context)
    except SealBroken:
        export.closed += 1
        return {"does not open with these keys": sealed}


def _record(export: Export, opener: Opener, raw: bytes, concern: UUID) -> dict[str, Any]:
    """What could not be applied, with what was sealed inside it."""
    record = unpack(raw)
    value = _readable(record.value)
    if isinstance(value, dict):
        for name, purpose in _IN_EVENTS.items():
            if isinstance(value.get(name), str):
                inner = _opened(export, opener, purpose, value[name], str(concern))
                value[name] = _readable(inner)
    headers = [[name, text.decode("utf-8", "replace")] for name, text in record.headers]
    return {"topic": record.topic, "headers": headers, "value": value}


def _readable(opened: bytes | dict[str, Any]) -> Any:
    if not isinstance(opened, bytes):
        return opened
    text = opened.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text
