"""The forms of the case page: each reads what was typed and calls the API's own use case."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import Request, Response

from escalation.access import Session
from escalation.acknowledge import Acknowledgement, acknowledge_task
from escalation.claim import claim_case, release_case
from escalation.decide_case import CaseDecision, Rating, decide_case, rate_case
from escalation.disagreement import Reasoned, answer
from escalation.hand_over import Offer, hand_over
from escalation.information import Question, ask_school
from escalation.links import LinkWord, decide_link
from escalation.milestones import Milestone, tell_milestone
from escalation.pausing import Pause, pause_task
from escalation.web import case_words as told
from escalation.web.tasks_form import NotFilledIn, maybe, seen, when, words
from shared.app import runtime_of
from shared.auth import Principal
from shared.web import Fault
from shared.web import Form as Fields

_MOST: Final = 4000
_ACCOUNT: Final = 200
_REFERENCE: Final = 80


@dataclass(frozen=True)
class Sending:
    """A form on its way. task_id: where it is of one task."""

    request: Request
    session: Session
    who: Principal
    case_id: UUID
    form: Fields
    task_id: UUID | None = None

    @property
    def start(self) -> tuple[Request, Response, Session, Principal, UUID]:
        """What every use case of a case begins with."""
        return self.request, Response(), self.session, self.who, self.case_id

    def renamed(self, faults: Iterable[Fault]) -> tuple[Fault, ...]:
        """Inputs of a task's form are named by the task, for there may be several."""
        if self.task_id is None:
            return tuple(faults)
        return tuple(
            fault.model_copy(update={"field": f"{fault.field}-{self.task_id}"}) for fault in faults
        )


@dataclass(frozen=True)
class Form:
    """field: where a refusal is shown that is about nothing that was typed."""

    act: Callable[[Sending], Awaitable[Any]]
    field: str


async def _claim(it: Sending) -> None:
    await claim_case(*it.start, seen(it.form))


async def _release(it: Sending) -> None:
    await release_case(*it.start, seen(it.form))


async def _hand_over(it: Sending) -> None:
    to = words(it.form, "to", _ACCOUNT, "Enter the colleague’s account")
    await hand_over(*it.start, Offer(to=to), seen(it.form))


async def _rate(it: Sending) -> None:
    rating: Any = _one_of(it.form, "rating", told.RATINGS, "Choose a rating")
    reason = maybe(it.form, "rate-reason", _MOST)
    await rate_case(*it.start, Rating(rating=rating, reason=reason), seen(it.form))


async def _ask(it: Sending) -> None:
    question = words(it.form, "question", _MOST, "Enter what you need to know")
    await ask_school(*it.start, Question(question=question), seen(it.form))


async def _decide(it: Sending) -> None:
    outcome: Any = _one_of(it.form, "outcome", told.OUTCOMES, "Choose an outcome")
    reason = maybe(it.form, "decide-reason", _MOST)
    if outcome == "NFA" and reason is None:
        raise NotFilledIn(Fault(field="decide-reason", says="Enter why there is no further action"))
    await decide_case(*it.start, CaseDecision(outcome=outcome, reason=reason), seen(it.form))


async def _milestone(it: Sending) -> None:
    event: Any = _one_of(it.form, "event", told.MILESTONES, "Choose what has happened")
    at = when(it.form, runtime_of(it.request).clock.now())
    await tell_milestone(*it.start, Milestone(event=event, at=at), seen(it.form))


async def _answer(it: Sending) -> None:
    reason = words(it.form, "answer", _MOST, "Enter your answer to the school")
    await answer(*it.start, Reasoned(reason=reason), seen(it.form))


async def _link(it: Sending) -> None:
    state: Any = _one_of(it.form, "state", {"confirmed": "", "undone": ""}, "Choose one of the two")
    try:
        other = UUID(it.form.text("other"))
    except ValueError:
        raise NotFilledIn(Fault(field="links", says="Choose a case that is listed")) from None
    await decide_link(*it.start, LinkWord(other_id=other, state=state), seen(it.form))


async def _acknowledge(it: Sending) -> None:
    assert it.task_id is not None  # noqa: S101 - its route names one
    body = Acknowledgement(reference=maybe(it.form, "reference", _REFERENCE))
    request, response, session, who, _ = it.start
    await acknowledge_task(request, response, session, who, it.task_id, body, seen(it.form))


async def _pause(it: Sending) -> None:
    assert it.task_id is not None  # noqa: S101 - its route names one
    try:
        until = datetime.fromisoformat(it.form.text("until"))
        if until.tzinfo is None:
            raise ValueError
    except ValueError:
        raise NotFilledIn(Fault(field="until", says="Choose until when")) from None
    reason = words(it.form, "pause-reason", _MOST, "Enter why it can wait")
    await pause_task(*it.start, it.task_id, Pause(until=until, reason=reason), seen(it.form))


def _one_of(form: Fields, name: str, known: Mapping[str, str], asks: str) -> str:
    value = form.text(name)
    if value not in known:
        raise NotFilledIn(Fault(field=name, says=asks))
    return value


FORMS: Final[Mapping[str, Form]] = {
    "claim": Form(_claim, "claim"),
    "release": Form(_release, "release"),
    "hand-over": Form(_hand_over, "to"),
    "rate": Form(_rate, "rate-reason"),
    "ask": Form(_ask, "question"),
    "decide": Form(_decide, "outcome"),
    "milestone": Form(_milestone, "event"),
    "answer": Form(_answer, "answer"),
    "link": Form(_link, "links"),
}
OF_TASKS: Final[Mapping[str, Form]] = {
    "acknowledge": Form(_acknowledge, "reference"),
    "pause": Form(_pause, "until"),
}
