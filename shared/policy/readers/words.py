"""Facts, values, tests and clocks as people say them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from shared.policy.clocks import LONDON, ClockSpec
from shared.policy.decision import NOW
from shared.policy.grammar import Match, domain
from shared.policy.schema import UNKNOWN, Fact, Value

NOT_KNOWN: Final = "not known"
_NOON: Final = 12
_FACTS: Final = {
    "absence_with_marker": "absence together with a known risk",
    "adult_victim_age": "age of the victim of domestic abuse",
    "age_at_discovery": "age when it came to light",
    "age_basis": "how the age is known",
    "age_years": "age",
    "case_facts_in_text": "the text says what happened",
    "charged": "a charge has been brought",
    "child_with_source": "child is with the person feared",
    "complainant_age": "age of whoever complains",
    "concern_types": "kind of concern",
    "conflict": "who has a conflict of interest",
    "consent": "parents' agreement",
    "consent_unsafe": "asking the parents is unsafe",
    "csc_status": "known to social care as",
    "dash_ticks": "ticks on the DASH list",
    "disclosure_request": "who else is to be told",
    "dsl_declined": "the DSL declined to refer",
    "est_agreed": "the Education Safeguarding Team agreed",
    "head_is_dsl": "the head is also the DSL",
    "image_sexual_act": "image is said to show a sexual act",
    "image_unusual_or_violent": "image is said to be violent or unusual",
    "image_with_self_harm": "image together with self-harm",
    "image_youngest_age": "age of the youngest in the image",
    "in_hours": "the hub is open",
    "injury_needs_medical": "needs medical help now",
    "is_concern": "a concern about a child",
    "knowledge_basis": "how it is known",
    "other_child_listed": "another child is named",
    "police_agreed": "the police agreed",
    "previous_low_level": "earlier low-level concerns",
    "previous_reporter_profession": "already reported by",
    "reporter_does_teaching_work": "learnt in the course of teaching work",
    "severe_type": "a severe kind of concern",
    "source_of_harm": "who may have caused the harm",
    "subject_role": "who it is about",
    "surgical_reason_known": "a surgical reason is known",
    "text_flags": "words in the account that warn of",
}
_CAPITALS: Final = {
    "cce": "CCE", "cin": "child in need", "cme": "child missing education",
    "cp": "child protection", "cse": "CSE", "csc": "social care", "dsl": "DSL", "fgm": "FGM",
    "foi": "freedom of information", "hba": "honour-based abuse", "mh": "mental health",
    "sar": "subject access",
}  # fmt: skip
_CLOCKS: Final = {
    "now": "now",
    "HUB_OPEN": "now, or when the hub next opens",
    "WHEN_OPEN": "now, or when they next open",
    "CLOSE_NEXT_WD": "close of the next working day",
    "ONE_MONTH": "one month",
    "BEFORE_NEXT_SCHOOL_DAY": "before the next school day",
    "DATE": "a date that is set",
}
_COUNTED: Final = {
    "WD": "working day",
    "HOURS": "hour",
    "SCHOOL_DAYS": "school day",
    "MONTHS": "month",
}


def humanised(code: str) -> str:
    """`cce_county_lines` as `CCE county lines`."""
    return " ".join(_CAPITALS.get(part, part) for part in code.split("_"))


def fact_words(name: str) -> str:
    return _FACTS.get(name) or humanised(name)


def value_words(value: Value) -> str:
    if isinstance(value, frozenset):
        return ", ".join(value_words(member) for member in sorted(value)) or "none"
    return NOT_KNOWN if value == UNKNOWN else humanised(str(value))


def needs_words(test: Match, fact: Fact) -> str:
    """What a test asks for: `under 18`, `FGM or honour-based abuse`, `yes or not known`."""
    if test.known_only and test.accepts == domain(fact):
        return "known"
    numbers = sorted(value for value in test.accepts if isinstance(value, int))
    said = [_range(run, fact) for run in _runs(numbers)]
    words = [value for value in (*fact.values, UNKNOWN) if value in test.accepts]
    others = [value for value in fact.values if value not in test.accepts]
    if UNKNOWN in words and len(others) < len(words) // 2 and fact.kind == "choice":
        return "anything but " + " or ".join(value_words(word) for word in others)
    return " or ".join(said + [value_words(word) for word in words])


def _runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return found


def _range(run: tuple[int, int], fact: Fact) -> str:
    first, last = run
    if first == last:
        return str(first)
    if first == fact.lowest:
        return f"under {last + 1}" if last < fact.highest else "any number"
    return f"{first} or over" if last == fact.highest else f"{first} to {last}"


def clock_words(clock: ClockSpec) -> str:
    if clock.kind in _COUNTED:
        unit = _COUNTED[clock.kind]
        return f"{clock.count} {unit}" if clock.count == 1 else f"{clock.count} {unit}s"
    return _CLOCKS.get(clock.kind) or humanised(clock.kind.lower())


def instant_words(told: str) -> str:
    """An instant of a decision's JSON as London reads it: `Monday 23 November 2026, 5:00pm`."""
    if told == NOW:
        return "now"
    at = datetime.fromisoformat(told).astimezone(LONDON)
    half = "am" if at.hour < _NOON else "pm"
    return f"{at:%A} {at.day} {at:%B %Y}, {at.hour % _NOON or _NOON}:{at:%M}{half}"
