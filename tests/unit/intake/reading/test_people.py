"""Who is said to have done it is found under whatever names and words a sender has for it."""

from typing import Any

import pytest

from intake.reading import Submission, Suspect
from tests.unit.intake.reading.bodies import body, issues, read


def sent(*people: Any) -> Submission:
    return read(body(people=list(people)))


def suspects(*people: Any) -> tuple[Suspect, ...]:
    return sent(*people).suspects


def test_the_accused_are_known_by_their_staff_refs() -> None:
    found = suspects(
        {"role": "subject_of_allegation", "staff_ref": " T-17 "},
        {"role": "Subject of Allegation", "staff_ref": 18},
        {"role": "carer", "staff_ref": "T-19"},
    )
    assert found == (Suspect("accused_staff", ("T-17",)), Suspect("accused_staff", ("18",)))


@pytest.mark.parametrize(
    "role", ["accused", "alleged_perpetrator", "Alleged perpetrator", "abuser"]
)
def test_other_words_for_the_accused_are_read_as_that(role: str) -> None:
    submission = sent({"role": role, "staff_ref": "4711"})
    assert submission.suspects == (Suspect("accused", ("4711",)),)
    assert ("/people/0/role", "unknown_code") not in issues(submission)


@pytest.mark.parametrize(
    "person",
    [
        {"Role": "accused", "StaffRef": "4711"},
        {"ROLE": ["witness", "accused"], "staff_number": ["4711"]},
        {"role": {"code": "accused", "description": "x"}, "staffRef": 4711},
        {"role": "witness", "Role": "accused", "staff_ref": "4711"},
    ],
)
def test_the_names_of_members_are_read_in_any_spelling(person: Any) -> None:
    assert suspects(person) == (Suspect("accused", ("4711",)),)


def test_a_child_who_harmed_is_found_under_any_spelling_too() -> None:
    found = sent({"Role": "Child who harmed", "AgeYears": 15}).subjects
    assert [subject.ref for subject in found] == ["child-1", "harmed-1"]
    assert found[1].facts["age_years"] == 15


@pytest.mark.parametrize("role", ["T\u00e4ter", 17, {"a": "b"}, True, "the one who did it"])
def test_a_part_that_is_not_understood_is_said_and_is_never_harmless(role: Any) -> None:
    submission = sent({"role": role, "staff_ref": "1"})
    assert ("/people/0/role", "unknown_code") in issues(submission)
    assert submission.suspects == (Suspect("unclear", ("1",)),)


@pytest.mark.parametrize("role", [None, "", "unknown", "teacher"])
def test_whose_part_is_not_said_counts_by_their_number_alone(role: Any) -> None:
    submission = sent({"role": role, "staff_ref": "1"}, {"role": role}, "somebody")
    assert submission.suspects == (Suspect("not_said", ("1",)),)
    assert not any(pointer.startswith("/people") for pointer, _ in issues(submission))


def test_two_numbers_of_one_person_are_both_kept_and_a_list_of_them_names_nobody() -> None:
    twice = b'{"people": [{"role": "accused", "staff_ref": "1", "staff_ref": "2"}]}'
    assert read(twice).suspects == (Suspect("accused", ("1", "2")),)
    many = {"role": "accused", "staff_ref": list(range(9))}
    assert suspects(many) == (Suspect("accused", ("0 1 2 3 4 5 6 7 8",)),)


def test_the_accused_are_found_behind_any_number_of_others() -> None:
    found = suspects(*[{"role": "zz"}] * 300, {"role": "accused", "staff_ref": "1"})
    assert found[0] == Suspect("accused", ("1",))
    assert len(found) == 201
