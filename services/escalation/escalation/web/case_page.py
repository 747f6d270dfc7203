"""What the page of one case shows: the API's view of it in words, and what its reader may do."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import Request, Response

from escalation.access import Session, reach_case
from escalation.acknowledge import DECIDED, is_a_call
from escalation.case_view import CaseView, show_case
from escalation.decide_case import asks_to_tell
from escalation.details import Details
from escalation.pausing import AT_MOST
from escalation.reopening import HUBS
from escalation.rows import OwnTaskRow, age_band
from escalation.viewer import Viewer
from escalation.web import case_words as words
from escalation.web.case_models import CasePage, Happened, Linked, May, Opened, Sent, TaskCard
from escalation.web.triage_rows import reference_of, types_words
from escalation.web.words import queue_name
from shared.app import runtime_of
from shared.policy.clocks import LONDON, ClockSpec, due
from shared.web.times import OFFICE, deadline, said

_STATES: Final = {"open": "Open", "acknowledged": "Acknowledged", "told": "Done, the lead says",
                  "done": "Decided", "superseded": "Replaced by another task"}  # fmt: skip
_HOURS: Final = (1, 4)
_WORKING_DAYS: Final = (1, 2, 3, 5)


async def case_page(  # noqa: PLR0917 - the parts of the page
    request: Request,
    session: Session,
    viewer: Viewer,
    case_id: Any,
    sent: Sent,
    done: str = "",
    details: Details | None = None,
) -> CasePage:
    found = await reach_case(session, viewer, case_id)
    case = await show_case(request, Response(), session, viewer, found)
    now = runtime_of(request).clock.now()
    cards = tuple(_card(task, viewer, now) for task in case.tasks)
    own = [card.task for card in cards if card.mine]
    history = tuple(_happened(entry, viewer, now) for entry in case.history)
    gate = case.decision.get("gate")
    shown = next((t for t in own or case.tasks if viewer.works(t.route, t.la)), None)
    route, la = (shown.route, shown.la or _la(viewer, shown.route)) if shown else ("", "")
    return CasePage(
        title=f"Case {reference_of(case.case_id)}",
        faults=sent.faults,
        case=case,
        reference=reference_of(case.case_id),
        queue=(f"{queue_name(route)}: queue", f"/triage/{route}/{la}") if la else ("", ""),
        done=words.DONE.get(done, ""),
        at=sent.at,
        typed=sent.typed,
        changed=None if sent.stale_since is None else history[sent.stale_since :],
        about=tuple(_about(case, now)),
        answer=deadline(case.answer_by, now) if case.answer_by and not case.outcome else None,
        tasks=cards,
        facts=words.facts_in_words(case.facts),
        gate=(words.GATE.get(gate["state"], gate["state"]), gate) if gate else None,
        reasons=tuple(_reasons(case.tasks)),
        linked=tuple(_linked(case, now)),
        history=history,
        disagreements=tuple(
            (f"Step {one.stage}: {one.state}", deadline(one.by, now)) for one in case.disagreements
        ),
        may=_may(own, viewer, case.decision),
        opened=_opened(details, now) if details else None,
    )


def _card(task: OwnTaskRow, viewer: Viewer, now: datetime) -> TaskCard:
    ended = task.state in ("done", "superseded")
    mine = not ended and viewer.works(task.route, task.la)
    acknowledged = task.acknowledged_at or task.told_at
    became = _STATES.get(task.state, task.state)
    if task.kind == "clock" and task.state == "done":
        became = "Done"
    became += f", {said(acknowledged, now)}" if acknowledged else ""
    waits = not ended and acknowledged is None
    return TaskCard(
        task=task,
        name=queue_name(task.route),
        by=deadline(task.by, now) if waits or mine else None,
        hard_by=deadline(task.hard_by, now) if task.hard_by else None,
        told=said(task.opened_at, now),
        became=became,
        mine=mine,
        must_refer=is_a_call(task.channel, task.route),
        may_acknowledge=mine and task.acknowledged_at is None and not task.awaiting_school_call,
        pauses=tuple(_pauses(task, now)) if mine and task.priority != "P0" else (),
    )


def _pauses(task: OwnTaskRow, now: datetime) -> Iterable[tuple[str, str]]:
    """Times to choose from, none past what pausing allows."""
    latest = min(now + AT_MOST, task.hard_by or now + AT_MOST)
    for hours in _HOURS:
        at = now + timedelta(hours=hours)
        if at <= latest:
            yield at.isoformat(), f"{hours} hour{'s' if hours > 1 else ''}, until {said(at, now)}"
    for days in _WORKING_DAYS:
        end = due(ClockSpec("WD", days), now, None)
        at = end.astimezone(LONDON).replace(hour=OFFICE.opens.hour, minute=0) if end else now
        if now < at <= latest:
            yield at.isoformat(), said(at, now)


def _happened(entry: Any, viewer: Viewer, now: datetime) -> Happened:
    return Happened(
        at=said(entry.at, now),
        who=words.who_did(entry.actor_ref, viewer.ref),
        what=words.what_happened(entry),
        has_note=entry.has_note,
    )


def _about(case: CaseView, now: datetime) -> Iterable[tuple[str, str]]:
    types = case.facts.get("concern_types")
    yield "Concern", types_words(types if isinstance(types, list) else ["unknown"]).capitalize()
    yield "Age", age_band(case.facts.get("age_years"))
    yield "School", case.urn or "not known"
    yield "Received", said(case.received_at, now)
    if case.discovered_at:
        yield "Came to light", said(case.discovered_at, now)
    if case.siblings:
        yield "Same incident", f"{case.siblings} other case{'s' if case.siblings > 1 else ''}"
    if case.outcome and case.decided_at:
        outcome = words.OUTCOMES.get(case.outcome, case.outcome)
        yield "Outcome", f"{outcome}, {said(case.decided_at, now)}"
    for one in case.earlier:
        outcome = words.OUTCOMES.get(one.outcome, one.outcome)
        until = f"; open again since {said(one.reopened_at, now)}"
        yield "Earlier outcome", f"{outcome}, {said(one.decided_at, now)}{until}"


def _reasons(tasks: Iterable[OwnTaskRow]) -> Iterable[Mapping[str, Any]]:
    """Each rule once, with whom it asked for and whether for certain."""
    found: dict[str, dict[str, Any]] = {}
    for task in tasks:
        for reason in task.because:
            one = found.setdefault(reason["rule"], {**reason, "asks": []})
            facts = reason.get("facts") or {}
            one["in_words"] = words.facts_in_words(facts)
            asked = queue_name(task.route)
            asked += " (to be safe)" if task.certainty == "precautionary" else ""
            if asked not in one["asks"]:
                one["asks"].append(asked)
    return found.values()


def _linked(case: CaseView, now: datetime) -> Iterable[Linked]:
    for one in case.linked:
        says = [words.RELATIONS.get(each, each) for each in one.relations]
        shared = [words.KEYS.get(each, each) for each in one.shared]
        yield Linked(
            case_id=str(one.case_id),
            reference=reference_of(one.case_id),
            opened=said(one.opened_at, now),
            says=", ".join(says) + (f" (both have the {', '.join(shared)})" if shared else ""),
            state=one.state,
        )


def _may(own: list[OwnTaskRow], viewer: Viewer, decision: Mapping[str, Any]) -> May:
    free = [task for task in own if not task.awaiting_school_call]
    held = [task for task in own if task.has_it]
    manages = any(viewer.principal.holds("manager", route=task.route, la=task.la) for task in held)
    duties = [task for task in own if task.kind in DECIDED]
    duties = [task for task in duties if not asks_to_tell(decision, task.route)]
    others = any(task.has_it == "other" for task in duties)
    return May(
        claim=any(task.has_it is None or task.offered_to_me for task in free),
        release=manages or any(task.has_it == "me" for task in held),
        hand_over=any(task.has_it == "me" for task in held),
        rate=any(task.route in HUBS for task in own),
        ask=bool(own),
        decide=bool(duties) and not others and all(t in free for t in duties),
        milestones=any(task.route in HUBS for task in own),
        answer=any(task.kind == "disagreement" for task in own),
        tell_others=any(task.route == "EST" for task in own),
    )


def _opened(details: Details, now: datetime) -> tuple[Opened, ...]:
    sealed = "The seal does not open: its key is gone, or it was changed."
    told = [
        Opened(
            heading=f"Sent {said(one.received_at, now)}",
            lines=tuple(words.content_lines(one.content)) or (("", sealed),),
        )
        for one in details.details
    ]
    notes = tuple((said(n.at, now), n.text or sealed) for n in details.notes)
    return (*told, *((Opened(heading="What was written since", lines=notes),) if notes else ()))


def _la(viewer: Viewer, route: str) -> str:
    """For what belongs to no authority yet: the reader's own."""
    return next((la for of, la in sorted(viewer.teams, key=str) if of == route and la), "")
