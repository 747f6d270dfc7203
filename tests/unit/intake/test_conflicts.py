"""Who is kept out, worked out from the facts alone."""

from collections.abc import Mapping
from typing import Any

import pytest

from intake.conflicts import Exclusion, accused_among, exclusion
from shared.sealing import account_ref

SECRET = b"x" * 32


def excluded(*facts: Mapping[str, Any], **how: Any) -> Exclusion:
    given: dict[str, Any] = {"accused": 0, "numbers": (), "accounts": {}, "secret": SECRET}
    return exclusion(facts, **(given | how))


def test_nobody_is_kept_out_of_a_concern_about_no_one_at_the_school() -> None:
    assert excluded({"concern_types": ["fgm"], "source_of_harm": ["parent_carer"]}) == Exclusion()


@pytest.mark.parametrize(
    "facts",
    [
        {"concern_types": ["allegation_adult"]},
        {"concern_types": ["low_level_concern", "other"]},
        {"source_of_harm": ["supply"]},
        {"source_of_harm": ["governor", "unknown"]},
    ],
)
def test_while_nobody_is_named_all_staff_are_kept_out(facts: Mapping[str, Any]) -> None:
    assert excluded({}, facts).school_staff
    assert excluded({}, facts).private


def test_a_number_that_no_account_is_known_for_names_nobody() -> None:
    found = excluded(accused=1, numbers=("S-17",))
    assert found.school_staff
    assert found.refs == (account_ref(SECRET, "S-17"),)


def test_once_all_the_accused_are_known_only_they_are_kept_out() -> None:
    found = excluded(accused=1, numbers=("S-17",), accounts={"S-17": "ref"})
    assert not found.school_staff
    assert "ref" in found.refs
    assert excluded(accused=2, numbers=("S-17",), accounts={"S-17": "ref"}).school_staff


def test_an_accused_head_and_posts_in_conflict_are_kept_out_by_post() -> None:
    found = excluded({"source_of_harm": ["headteacher"], "conflict": ["dsl"]})
    assert found.roles == ("dsl", "head")
    assert excluded({"conflict": ["chair"]}).private


def test_the_accused_are_counted_however_their_part_is_spelt() -> None:
    people = [
        {"role": "subject_of_allegation"},
        {"role": "Subject of Allegation"},
        {"role": "carer"},
        {"role": None},
        "somebody",
    ]
    assert accused_among(people) == 2
    assert accused_among(None) == 0
