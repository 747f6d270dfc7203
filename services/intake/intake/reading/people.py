"""What part each person has in a concern, under whatever names the sender gives it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from intake.reading.coerce import unwrapped
from intake.reading.issues import Issues
from intake.reading.members import SUBJECT, values_of
from intake.reading.model import Said, Suspect
from intake.reading.synonyms import NOT_KNOWN, folded_code

Part = Literal["harmed", "carer", "accused_staff", "accused", "other", "not_said", "unclear"]


def _codes(part: Part, words: str) -> dict[str, Part]:
    return {folded_code(word): part for word in words.split(",")}


_PARTS: Final[dict[str, Part]] = {
    **_codes("harmed", "child who harmed, child who harmed another, alleged child perpetrator"),
    **_codes("carer", "carer, private foster carer, host carer, host family"),
    **_codes(
        "accused_staff",
        "subject of allegation, subject of the allegation, accused staff, accused member of staff,"
        " staff accused",
    ),
    **_codes(
        "accused",
        "accused, accused person, accused adult, alleged perpetrator, perpetrator, alleged abuser,"
        " abuser, alleged offender, offender, suspect",
    ),
    **_codes(
        "other",
        "parent, mother, father, mum, dad, step parent, step mother, step father, guardian,"
        " parent carer, foster carer, mother's partner, father's partner, sibling, brother, sister,"
        " step brother, step sister, half brother, half sister, twin, grandparent, grandmother,"
        " grandfather, aunt, uncle, cousin, relative, family, family member, household member,"
        " emergency contact, child, other child, subject child, victim, alleged victim, pupil,"
        " student, friend, peer, witness, reporter, referrer, informant, neighbour,"
        " social worker, police, police officer, doctor, gp, health visitor, interpreter",
    ),
    # What somebody is, not what they did; who is not said to be accused may still be.
    **_codes(
        "not_said",
        "other, none, adult, professional, staff, staff member, member of staff, teacher, ta,"
        " teaching assistant, head, headteacher, dsl, deputy dsl, supply, volunteer, contractor,"
        " governor, chair, nurse, school nurse, health professional",
    ),
    **dict.fromkeys((*NOT_KNOWN, ""), "not_said"),
}
_LONGEST: Final = 80
_LONGEST_NUMBER: Final = 200
_MOST_NUMBERS: Final = 5
_MOST_SUSPECTS: Final = 200
_SAID: Final[tuple[Said, ...]] = ("accused_staff", "accused", "unclear", "not_said")


@dataclass(frozen=True, slots=True)
class Person:
    """One of those sent along: as sent, where it stands, and its parts."""

    raw: Any
    at: str
    parts: frozenset[Part]

    @property
    def harmed(self) -> bool:
        return "harmed" in self.parts

    @property
    def carer(self) -> bool:
        return "carer" in self.parts

    def suspect(self, issues: Issues) -> Suspect | None:
        """As somebody who may have done it; none where another part is all that is said."""
        said = next((one for one in _SAID if one in self.parts), None)
        numbers = self._numbers(issues) if said else ()
        return Suspect(said, numbers) if said and (numbers or said != "not_said") else None

    def _numbers(self, issues: Issues) -> tuple[str, ...]:
        """Every number given: two that differ may be two people's, so both are kept out.

        More than a few are no person's numbers but somebody's list: as one text they name nobody.
        """
        if not isinstance(self.raw, dict):
            return ()
        given = _each(values_of("staff_ref", self.raw, SUBJECT, self.at, issues))
        numbers = (str(one).strip()[:_LONGEST_NUMBER] for one in given if _is_plain(one))
        found = tuple(dict.fromkeys(number for number in numbers if number))
        return found if len(found) <= _MOST_NUMBERS else (" ".join(found)[:_LONGEST_NUMBER],)


def read_person(raw: Any, at: str, issues: Issues) -> Person:
    """A part that is not understood is said, and is never taken for a harmless one."""
    given = values_of("role", raw, SUBJECT, at, issues) if isinstance(raw, dict) else []
    parts = {_part(one) for one in _each(given)} or {"not_said"}
    if "unclear" in parts:
        issues.add(f"{at}/role", "unknown_code")
    return Person(raw, at, frozenset(parts))


def suspects_among(people: list[Person], issues: Issues) -> tuple[Suspect, ...]:
    """Those accused first, and no more than an event can carry: the rest are one unclear one."""
    found = [one for one in (person.suspect(issues) for person in people) if one]
    found.sort(key=lambda one: _SAID.index(one.said))
    rest = (Suspect("unclear"),) if len(found) > _MOST_SUSPECTS else ()
    return (*found[:_MOST_SUSPECTS], *rest)


def _part(role: Any) -> Part:
    if role is None:
        return "not_said"
    return (
        _PARTS.get(folded_code(role[:_LONGEST]), "unclear") if isinstance(role, str) else "unclear"
    )


def _each(values: list[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from map(unwrapped, value)
        else:
            yield unwrapped(value)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
