"""A case in words: its facts, what happened to it, outcomes, ratings, and what was sent."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from escalation.case_view import HistoryEntry
from escalation.web.words import queue_name
from shared.policy.readers.words import fact_words, humanised, value_words

# Contact outcomes of the Standard Safeguarding Dataset.
OUTCOMES: Final[Mapping[str, str]] = {
    "NEW_REFERRAL": "New referral",
    "EXISTING_REFERRAL": "Part of a referral that is open already",
    "CP_ENQUIRY": "Child protection enquiry (section 47)",
    "NFA": "No further action",
    "NON_AGENCY_ADOPTION": "Non-agency adoption",
    "PRIVATE_FOSTERING": "Private fostering",
    "ADVICE": "Information and advice given",
    "MISSING": "Missing child",
    "OLA_CP": "Child protection plan of another authority",
    "OTHER_OUTCOMES_EXIST": "Another outcome",
}
RATINGS: Final[Mapping[str, str]] = {
    "red": "Red: immediate or serious risk",
    "amber": "Amber: significant concern, not immediate",
    "green": "Green: lower-level concern",
    "blue": "Blue: no need to share information",
}
READ_FOR: Final[Mapping[str, str]] = {
    "triage": "To decide what happens next",
    "decision": "To write or check a decision",
    "call_back": "To ring somebody back",
    "strategy_discussion": "For a strategy discussion",
    "handover": "To take the case over",
    "complaint": "To answer a complaint",
}
MILESTONES: Final[Mapping[str, str]] = {
    "strategy_discussion": "The strategy discussion was held",
    "protection_conference": "The child protection conference met",
    "review_conference": "A review conference met",
    "left_school": "The child left the school",
    "file_sent": "The child protection file was sent",
    "admitted": "The child was admitted to a school",
    "absent_without_permission": "The child is absent without permission",
}
GATE: Final[Mapping[str, str]] = {
    "DENY": "Not to be told",
    "HOLD": "Hold: not yet",
    "HOLD_FOR_POLICE_CSC": "Hold until the police and social care agree",
    "REFER_DPO": "For the data protection officer",
    "ALLOW_PERSON": "May be told, by a person",
    "ALLOW_TEMPLATE": "May be told, from a template",
}
RELATIONS: Final[Mapping[str, str]] = {
    "same_child": "same child",
    "same_household": "same household",
    "same_incident": "same incident",
    "possible_duplicate": "possibly the same concern twice",
}
KEYS: Final[Mapping[str, str]] = {
    "upn": "pupil number",
    "nhs": "NHS number",
    "name_dob": "name and date of birth",
    "address": "address",
}
# What is said above the page after a form of it has done its work.
DONE: Final[Mapping[str, str]] = {
    "taken": "You have taken this case.",
    "taken-before": (
        "You took this case a moment ago. To take one more, go back to the queue and press again."
    ),
    "claim": "You have taken this case.",
    "release": "The case was given back to the queue.",
    "hand-over": "Your colleague can take it now. Until then it stays yours.",
    "rate": "The rating is recorded. No deadline has moved.",
    "ask": "The school’s lead is asked, until the end of the next working day.",
    "decide": "The decision is recorded, and the school hears of it.",
    "milestone": "It is recorded, and what follows from it has its clocks.",
    "answer": "Your answer is recorded, and the school hears of it.",
    "acknowledge": "It is recorded that this was done.",
    "pause": "Nobody is reminded until then. The deadline stays as it is.",
    "link": "What you said about the other case is recorded.",
}
_HAPPENED: Final[Mapping[str, str]] = {
    "opened": "The case was opened",
    "amended": "The concern was amended",
    "reopened": "It is to be decided again: more has been said since the decision",
    "claimed": "Taken",
    "released": "Given back",
    "offered": "Offered to a colleague",
    "question": "The school’s lead was asked for information",
    "answer": "The school answered",
    "link_confirmed": "Linked with another case",
    "link_undone": "A link with another case was undone",
    "notice_failed": "A notice could not be delivered",
    "unprocessed": "Something that was sent could not be read by a machine",
    "understood": "What could not be read was understood",
    "entered_in_error": "Entered in error, a person says",
    "held": "A hold was put on erasing it",
    "released_hold": "The hold on erasing it was lifted",
    "erasure_stopped": "An erasure was asked for, and a hold stopped it",
    "erased": "The personal details were erased",
    "disclosure_release": "Telling others was agreed",
    "disclosure_refuse": "Telling others was refused",
    "police_agreed_True": "The police agreed to telling others",
    "police_agreed_False": "The police did not agree to telling others",
    "disagreement_opened": "The school disagrees",
    "disagreement_climbed": "The disagreement went one step up",
    "disagreement_answered": "The hub answered the disagreement",
    "disagreement_settled": "The school said that the disagreement is settled",
    "shift_taken": "The next shift took it over",
}
_BY_ROUTE: Final[Mapping[str, str]] = {
    "task_raised": "{} became more urgent",
    "acknowledged": "{} acknowledged",
    "told": "{}: the school’s lead says it was done",
    "paused": "Reminders to {} were put off",
    "chase_asked": "{} was asked to chase the hub",
    "clock_asked": "A legal clock runs for {}",
    "clock_met": "A legal clock for {} has ended: what it asks for was done in time",
    "clock_met_late": "A legal clock for {} has ended: what it asks for was done, late",
    "information_asked": "{} has a question to answer",
    "disagreement_asked": "{} has a disagreement to answer",
    "handover_asked": "{} was asked to take it over",
}


def what_happened(entry: HistoryEntry) -> str:
    """Without who and when."""
    detail = entry.detail
    if entry.kind == "rated":
        return f"Rated {humanised(str(detail.get('code', '')))}"
    if entry.kind == "decided":
        code = str(detail.get("code", ""))
        return f"Decided: {OUTCOMES.get(code, humanised(code.lower()))}"
    if entry.kind == "milestone":
        event = str(detail.get("event", ""))
        return MILESTONES.get(event, humanised(event))
    if entry.kind in _BY_ROUTE:
        return _BY_ROUTE[entry.kind].format(queue_name(str(detail.get("route", ""))))
    return _HAPPENED.get(entry.kind) or humanised(entry.kind).capitalize()


def who_did(actor_ref: str | None, mine: str) -> str:
    if actor_ref is None:
        return "By itself"
    return "You" if actor_ref == mine else "Someone else"


def facts_in_words(facts: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What is known first, then what is said not to be known."""
    told = [(fact_words(name), _value(value)) for name, value in facts.items()]
    told.sort(key=lambda each: (each[1] == "not known", each[0].lower()))
    return tuple((name[:1].upper() + name[1:], value) for name, value in told)


def _value(value: Any) -> str:
    members = value if isinstance(value, list) else [value]
    return ", ".join(value_words(str(each)) for each in members) or "none"


def content_lines(content: Any, name: str = "") -> Iterable[tuple[str, str]]:
    """What the school sent, one line a value, named by the way to it."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            here = humanised(str(key))
            yield from content_lines(value, f"{name}, {here}" if name else here)
    elif isinstance(content, list):
        many = len(content) > 1
        for number, value in enumerate(content, 1):
            yield from content_lines(value, f"{name} {number}" if many else name)
    elif content not in (None, ""):
        yield name[:1].upper() + name[1:] or "What was sent", str(content)
