"""Decides a request to tell others. The gate is the packs'; here its answers are recorded."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.access import reach_case
from escalation.announcing import PRODUCER, tell_task_ended
from escalation.clearing import cancel_timers
from escalation.deciding import Rules, settle, tasks_of
from escalation.details import opened_details
from escalation.disclosure.identifying import Found, find, identifying_words
from escalation.disclosure.letters import letters
from escalation.history import remember
from escalation.models import CaseFile, Task
from escalation.notes import seal_note, tell_note
from escalation.preconditions import expect
from escalation.viewer import Viewer
from shared.app import Runtime
from shared.errors import Problem
from shared.events.cases import DisclosureDecided, NoteKind
from shared.outbox import commit, emit

ROUTE: Final = "EST"


@dataclass(frozen=True, slots=True)
class Drafted:
    """A letter as it would go out; free: what a person wrote of it."""

    letter: str
    text: str
    free: Mapping[str, str]


def drafted(case: CaseFile, letter_id: str, fields: Mapping[str, str]) -> Drafted:
    audience = case.decision["gate"]["audience"]
    letter = letters().get(letter_id)
    if letter is None or letter.audience != audience:
        detail = "Choose a letter for those who are to be told. For the public there is none."
        raise Problem(422, "letter-not-for-them", detail)
    wrong = letter.wrong(fields)
    if wrong:
        detail = "Fill in each field with one of its choices, or a short sentence on one line."
        raise Problem(422, "letter-not-filled-in", detail, fields=wrong)
    return Drafted(letter.id, letter.filled(fields), letter.free(fields))


async def findings(
    session: AsyncSession, runtime: Runtime, viewer: Viewer, case: CaseFile, draft: Drafted
) -> list[Found]:
    """COMMIT POINT inside: that the details were read for this is on record before they are."""
    if not draft.free:
        return []
    unread = case.unprocessed
    details = [
        await opened_details(session, runtime, viewer, case_id, "release_check")
        for case_id in await _of_incident(session, case)
    ]
    if unread or not all(details):
        detail = "What the school sent cannot be read, so nothing can be checked against it. Leave "
        raise Problem(409, "nothing-to-check", f"{detail}the line of your own out of the letter.")
    return find(dict(draft.free), identifying_words(details))


async def _of_incident(session: AsyncSession, case: CaseFile) -> list[UUID]:
    """The case, and the incident's others: they name children who were there as well."""
    if case.incident_id is None:
        return [case.id]
    others = select(CaseFile.id).where(
        col(CaseFile.incident_id) == case.incident_id,
        col(CaseFile.id) != case.id,
        col(CaseFile.erased_at).is_(None),
    )
    return [case.id, *await session.exec(others.order_by(col(CaseFile.id)))]


async def locked_again(
    session: AsyncSession, viewer: Viewer, case: CaseFile, if_match: str | None
) -> CaseFile:
    """The reading's commit has let go of the case; it must still be what was decided on."""
    await session.refresh(case, with_for_update=True)
    case = await reach_case(session, viewer, case.id)
    expect(case.version, if_match)
    return case


async def record_police(  # noqa: PLR0917 - the parts of one transaction
    session: AsyncSession,
    runtime: Runtime,
    rules: Rules,
    viewer: Viewer,
    case: CaseFile,
    said: Mapping[str, Any],
) -> None:
    now = rules.clock.now()
    agreed = "yes" if said["agreed"] else "no"
    case.facts = {**case.facts, "police_agreed": agreed}
    settle(case, rules.decide(case, case.facts, case.decision))
    words = json.dumps({"reference": said["reference"], "wording": said["wording"]})
    case.version += 1
    note = seal_note(runtime.sealer, case, words)
    kind: NoteKind = "police_agreed_yes" if agreed == "yes" else "police_agreed_no"
    tell_note(session, case, kind, now, viewer.ref, note)
    # COMMIT POINT: after it the police's word is on record; before it nobody has spoken.
    await commit(session)
    runtime.doorbell.ring()


async def release(  # noqa: PLR0917 - the parts of one transaction
    session: AsyncSession,
    runtime: Runtime,
    rules: Rules,
    viewer: Viewer,
    case: CaseFile,
    draft: Drafted,
) -> None:
    facts = {**case.facts, "est_agreed": "yes", "case_facts_in_text": "no"}
    decision = rules.decide(case, facts, case.decision)
    gate = decision["gate"] or {}
    if gate.get("state") != "ALLOW_TEMPLATE":
        needs = ", ".join(need for need in gate.get("needs", []) if need != ROUTE)
        detail = f"This cannot be released. Still needed: {needs or 'a gate that allows it'}."
        raise Problem(409, "held", detail, needs=gate.get("needs", []))
    case.facts = facts
    settle(case, decision)
    await _decided(session, runtime, rules, viewer, case, "release", draft.text, draft.letter)


async def refuse(  # noqa: PLR0917 - the parts of one transaction
    session: AsyncSession,
    runtime: Runtime,
    rules: Rules,
    viewer: Viewer,
    case: CaseFile,
    reason: str,
) -> None:
    await _decided(session, runtime, rules, viewer, case, "refuse", reason, None)


async def _own(session: AsyncSession, viewer: Viewer, case: CaseFile) -> list[Task]:
    """The team's unfinished tasks in the case, which no colleague has."""
    open_ = [t for t in await tasks_of(session, case.id) if t.closed_at is None]
    own = [task for task in open_ if task.route == ROUTE and viewer.works(ROUTE, task.la)]
    if any(task.claimed_by_ref not in (None, viewer.ref) for task in own):
        raise Problem(409, "claimed", "A colleague has this request. Ask them to release it.")
    return own


async def _decided(  # noqa: PLR0917 - the parts of one transaction
    session: AsyncSession,
    runtime: Runtime,
    rules: Rules,
    viewer: Viewer,
    case: CaseFile,
    decision: str,
    words: str,
    letter: str | None,
) -> None:
    now = rules.clock.now()
    tasks = await _own(session, viewer, case)
    case.disclosure, case.disclosure_at = decision, now
    for task in tasks:
        task.state, task.closed_at, task.outcome = "done", now, f"disclosure_{decision}"
        tell_task_ended(session, task, now, "decided")
        task.claimed_by_ref, task.claimed_at = viewer.ref, task.claimed_at or now
        task.version += 1
    await cancel_timers(session, [task.id for task in tasks])
    note = seal_note(runtime.sealer, case, words)
    case.version += 1
    kind = f"disclosure_{decision}"
    remember(session, case.id, kind, now, actor_ref=viewer.ref, sealed_note=note.sealed)
    data = DisclosureDecided(
        case_id=case.id,
        at=now,
        audience=case.decision["gate"]["audience"],
        decision=decision,
        letter=letter,
        actor_ref=viewer.ref,
        note_commitment=note.commitment,
    )
    emit(session, "disclosure.decided", case.id, data, producer=PRODUCER, at=now)
    # COMMIT POINT: after it the team may bring the letter; before it nothing may go out.
    await commit(session)
    runtime.doorbell.ring()
