"""What would the rules say to these facts? A form without names, and the decision with reasons."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from fastapi import Request, Response

from escalation.access import rules_of
from escalation.web.policy import PolicyView, Reader
from shared.policy import Authorities, Policy
from shared.policy.clocks import LONDON, is_working_day
from shared.policy.readers.explanation import Asked, as_words, explain, why_not
from shared.policy.readers.words import fact_words, value_words
from shared.policy.schema import UNKNOWN, Fact
from shared.web import Fault, page, page_router, posted
from shared.web.forms import Form

router = page_router()
KIND: Final = "concern_types"
FIRST: Final = (
    KIND, "age_years", "immediate_danger", "harm_level", "knowledge_basis", "source_of_harm",
    "reporter_role",
)  # fmt: skip
ELSEWHERE: Final = "elsewhere"
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    text: str


@dataclass(frozen=True, slots=True)
class Field:
    """One input. options: of a list to choose from; none: a number is typed. hint: its range."""

    id: str
    name: str
    label: str
    value: str
    options: tuple[Option, ...] = ()
    hint: str = ""


class WhatIfPage(PolicyView):
    """told: the explanation once facts were sent; not_taken: the words of a why-not."""

    first: tuple[Field, ...]
    around: tuple[Field, ...]
    more: tuple[Field, ...]
    more_used: bool
    told: Mapping[str, Any] | None = None
    not_taken: Mapping[str, Any] | None = None


@router.get("/policy/what-if")
async def blank(request: Request, _: Reader) -> Response:
    return page(request, "escalation/policy-what-if.html", _view(request, Form([])))


@router.post("/policy/what-if")
async def answer(request: Request, _: Reader) -> Response:
    """Nothing is kept of it, so the answer stands on the same page."""
    form, rules = await posted(request), rules_of(request)
    moment = MOMENTS.get(form.text("at"), _now)(rules.clock.now())
    policy = rules.policies.at(moment)
    facts, faults = _facts(form, policy)
    if faults:
        view = _view(request, form, faults=faults)
        return page(request, "escalation/policy-what-if.html", view, status=422)
    places = Authorities(home=_la(form, "home"), school=_la(form, "school"))
    asked = Asked(facts, moment, places, subject="the child")
    route = form.text("why_not")
    not_taken = why_not(policy, route, asked) if route in policy.national.routes else None
    view = _view(
        request,
        form,
        told=explain(policy, asked),
        not_taken=as_words(not_taken) if not_taken else None,
    )
    return page(request, "escalation/policy-what-if.html", view)


def _view(request: Request, form: Form, **more: Any) -> WhatIfPage:
    policy = rules_of(request).policy
    facts = [fact for fact in policy.schema.facts.values() if not fact.derived]
    first = [policy.schema[name] for name in FIRST]
    rest = [fact for fact in facts if fact.name not in FIRST]
    return WhatIfPage(
        title="What would the rules say?",
        first=tuple(field for fact in first for field in _fields(fact, form)),
        around=tuple(_around(policy, form)),
        more=tuple(field for fact in rest for field in _fields(fact, form)),
        more_used=any(form.text(fact.name) for fact in rest),
        **more,
    )


def _fields(fact: Fact, form: Form) -> Iterator[Field]:
    label = fact_words(fact.name)
    label = label[:1].upper() + label[1:]
    if fact.kind == "number":
        hint = f"A whole number from {fact.lowest} to {fact.highest}. Leave it empty if not known."
        yield Field(fact.name, fact.name, label, form.text(fact.name), hint=hint)
        return
    said = (*form.every(fact.name), "", "")
    options = (Option("", "Not said"), *(Option(v, value_words(v)) for v in fact.values),
               Option(UNKNOWN, "not known"))  # fmt: skip
    yield Field(fact.name, fact.name, label, said[0], options)
    if fact.name == KIND:
        yield Field(f"{KIND}-2", KIND, f"{label}, a second one", said[1], options)


def _around(policy: Policy, form: Form) -> Iterator[Field]:
    places = (
        Option("", "not known"),
        *(Option(la, pack.name) for la, pack in policy.locals.items()),
        Option(ELSEWHERE, "another authority"),
    )
    moments = tuple(Option(name, words) for name, words in _MOMENT_WORDS.items())
    routes = (Option("", "none"), *(Option(code, code) for code in policy.national.routes))
    yield Field("home", "home", "Where the child lives", form.text("home"), places)
    yield Field("school", "school", "Where the school is", form.text("school"), places)
    yield Field("at", "at", "When it is received", form.text("at"), moments)
    yield Field("why_not", "why_not", "A route you had expected", form.text("why_not"), routes)


def _la(form: Form, name: str) -> str | None:
    """An authority without a pack is one like another; none has the code 000."""
    return {"": None, ELSEWHERE: "000"}.get(form.text(name), form.text(name))


def _facts(form: Form, policy: Policy) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    facts: dict[str, Any] = {}
    faults = []
    for fact in policy.schema.facts.values():
        said = [value for value in form.every(fact.name) if value.strip()]
        if not said or fact.derived:
            continue
        facts[fact.name] = said if fact.kind == "set" else said[0]
        if fact.kind == "number" and fact.read(said[0]) == UNKNOWN:
            says = f"Enter a whole number from {fact.lowest} to {fact.highest}"
            faults.append(Fault(field=fact.name, says=f"{says}: {fact_words(fact.name)}"))
    return facts, tuple(faults)


def _now(now: datetime) -> datetime:
    return now


def _working_day(hour: int) -> Callable[[datetime], datetime]:
    def moment(now: datetime) -> datetime:
        day = now.astimezone(LONDON).date() + timedelta(days=1)
        while not is_working_day(day):
            day += timedelta(days=1)
        return datetime.combine(day, time(hour), LONDON)

    return moment


def _saturday(now: datetime) -> datetime:
    today = now.astimezone(LONDON).date()
    day = today + timedelta(days=(_SATURDAY - today.weekday()) % 7)
    return datetime.combine(day, time(10), LONDON)


MOMENTS: Final[Mapping[str, Callable[[datetime], datetime]]] = {
    "now": _now,
    "day": _working_day(10),
    "evening": _working_day(20),
    "weekend": _saturday,
}
_MOMENT_WORDS: Final = {
    "now": "now",
    "day": "the next working day, 10am",
    "evening": "the next working day, 8pm",
    "weekend": "Saturday, 10am",
}
