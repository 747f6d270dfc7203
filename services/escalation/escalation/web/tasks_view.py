"""A task as its owner reads it: what to do now, whom to ring, what to say, by when and why."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from escalation.acknowledge import is_personal, needs_reference
from escalation.models import Task
from escalation.rows import own_task_row
from escalation.tasks import Owed
from escalation.viewer import Viewer
from escalation.web.words import queue_name
from shared.policy.readers.words import humanised
from shared.web.times import Deadline, deadline, said

Form = Literal["done", "told", "answer", "none"]
_TITLES: Final = {
    "POLICE_999": "Ring 999: police",
    "AMBULANCE_999": "Ring 999: ambulance",
    "POLICE_101": "Report to the police on 101",
    "DSL": "Safeguarding lead: see to this concern",
    "DEPUTY_DSL": "Deputy safeguarding lead: see to this concern",
    "HEADTEACHER": "Headteacher: see to this concern",
    "CHAIR_GOVERNORS": "Chair of governors: see to this concern",
    "GOV_BODY": "Tell the governing body",
    "MASH": "Refer to the safeguarding hub (MASH)",
    "EDT": "Ring the emergency duty team",
    "LADO": "Tell the designated officer (LADO)",
    "ALLOCATED_SW": "Tell the child’s social worker",
    "FMU": "Ring the Forced Marriage Unit",
    "CEOP": "Report to CEOP",
    "IWF_REPORT_REMOVE": "Help the child to use Report Remove",
    "HEALTH": "Get medical help",
}
_KINDS: Final = {
    "information": "Answer the hub’s question",
    "chase": "Ask the hub what it will do",
    "disagreement": "Disagreement with the hub",
}
_STATES: Final = {
    "open": "To do",
    "acknowledged": "Done",
    "told": "Reported, as the teacher told the lead",
    "done": "Decided",
    "superseded": "Ended: something else has taken its place",
}
_CONTACTS: Final = {
    "local_phone": "Local number",
    "portal": "Send it through",
    "email": "Secure e-mail",
    "url": "Address",
    "note": "Note",
}


class Reason(BaseModel):
    model_config = ConfigDict(frozen=True)

    rule: str
    title: str
    cite: str


class Card(BaseModel):
    """reference: as the notice said it. now: the first thing to do, in a sentence. form: what the
    reader may say of it. asked: the hub's question, and its answer, can be opened. done: how it
    ended, in words."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    id: UUID
    case_id: UUID
    reference: str
    title: str
    priority: str
    by: Deadline
    hard_by: Deadline | None
    state: str
    open: bool
    owner: str
    now: str
    phone: str | None
    contacts: tuple[tuple[str, str], ...]
    script: str
    reasons: tuple[Reason, ...]
    precautionary: bool
    urn: str | None
    types: str
    age: str
    siblings: int
    asked: bool
    check_data: bool
    notice_failed: bool
    in_error: bool
    synthetic: bool
    form: Form
    must_refer: bool
    done: str
    version: int


def card(owed: Owed, viewer: Viewer, now: datetime) -> Card:
    task, case, siblings = owed
    row = own_task_row(task, case, siblings, viewer, now)
    return Card(
        id=task.id,
        case_id=task.case_id,
        reference=f"T-{task.id.hex[-8:].upper()}",
        title=title_of(task),
        priority=task.priority,
        by=deadline(task.by, now),
        hard_by=deadline(task.hard_by, now) if task.hard_by else None,
        state=_STATES[task.state],
        open=task.state == "open",
        owner=task.owner,
        now=what_now(task),
        phone=task.contact.get("phone"),
        contacts=_contacts(task.contact),
        script=task.script,
        reasons=tuple(map(_reason, task.because)),
        precautionary=task.certainty == "precautionary",
        urn=task.urn,
        types=", ".join(map(humanised, row.concern_types)),
        age=row.age_band,
        siblings=siblings,
        asked=task.kind == "information" and task.owner_role != "team",
        check_data=row.check_data,
        notice_failed=task.notice_failed,
        in_error=row.entered_in_error,
        synthetic=case.synthetic,
        form=_form(task, viewer),
        must_refer=needs_reference(task),
        done=how_it_ended(task, viewer, now),
        version=task.version,
    )


def title_of(task: Task) -> str:
    if task.kind == "clock":
        return str(task.because[0]["title"]) if task.because else "A legal deadline runs"
    return _KINDS.get(task.kind) or _TITLES.get(task.route) or queue_name(task.route)


def what_now(task: Task) -> str:
    """By the channel: a call is a person's to make, and no message stands in for it."""
    if task.kind == "information":
        return "Read the hub’s question and answer it here."
    if task.owner_role == "team":
        team = task.contact.get("name", "The team")
        return f"{team} has it in its queue. Ring as well if it cannot wait."
    return _reach(task.contact) or (
        "Ring them. The number is not known here: look it up, and keep the reference."
        if task.channel == "PHONE_ONLY"
        else "Look at what was raised, act on it, and say here that you have."
    )


def _reach(contact: Mapping[str, str]) -> str:
    whom, phone = contact.get("name", "them"), contact.get("phone")
    if phone == "999":
        return "Ring 999 now. Do not wait for this page, or for anyone’s consent."
    if phone:
        return f"Ring {whom} on {phone}." if "name" in contact else f"Ring {phone}."
    if "portal" in contact or "url" in contact:
        return f"Send it through {contact.get('portal', 'the address below')}."
    return f"Write to {whom} by secure e-mail." if "email" in contact else ""


def how_it_ended(task: Task, viewer: Viewer, now: datetime) -> str:
    words = ""
    if task.told_at is not None:
        words = f"The lead recorded it: reported by the teacher {said(task.told_at, now)}"
    elif task.acknowledged_at is not None:
        who = "You said so" if task.acknowledged_by_ref == viewer.ref else "Somebody said so"
        words = f"{who} {said(task.acknowledged_at, now)}"
    return f"{words}. Reference: {task.reference}." if words and task.reference else words


def _form(task: Task, viewer: Viewer) -> Form:
    if task.state != "open" or task.owner_role == "team":
        return "none"
    if task.kind == "information":
        return "answer"
    if is_personal(task) and task.owner_ref != viewer.ref:
        return "told"
    return "done"


def _contacts(contact: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((words, contact[name]) for name, words in _CONTACTS.items() if name in contact)


def _reason(reason: Mapping[str, Any]) -> Reason:
    return Reason(rule=reason["rule"], title=reason["title"], cite=reason.get("cite", ""))
