"""Who is kept out, worked out from the facts alone."""

from collections.abc import Mapping
from typing import Any

import pytest

from intake.conflicts import Exclusion, exclusion
from intake.reading import Suspect
from shared.sealing import account_ref

SECRET = b"x" * 32
ACCUSED = Suspect("accused_staff", ("S-17",))
ALLEGATION = {"concern_types": ["allegation_adult"]}
KNOWN = {"S-17": {"ref", "other-ref"}}


def excluded(*facts: Mapping[str, Any], **how: Any) -> Exclusion:
    given: dict[str, Any] = {"suspects": (), "accounts": {}, "secret": SECRET}
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
    found = excluded(suspects=[ACCUSED])
    assert found.school_staff
    assert found.refs == (account_ref(SECRET, "S-17"),)


def test_once_all_the_accused_are_known_only_they_are_kept_out() -> None:
    found = excluded(suspects=[ACCUSED], accounts=KNOWN)
    assert not found.school_staff
    assert {"ref", "other-ref"} <= set(found.refs)
    assert excluded(suspects=[ACCUSED, Suspect("accused")], accounts=KNOWN).school_staff
    assert excluded(suspects=[Suspect("accused", ("S-17", "S-18"))], accounts=KNOWN).school_staff


def test_in_an_allegation_whoever_is_not_said_to_be_harmless_may_be_accused() -> None:
    for said in ("unclear", "not_said"):
        one = Suspect(said, ("S-17",))
        assert excluded({"concern_types": ["neglect"]}, suspects=[one], accounts=KNOWN).refs == ()
        found = excluded(ALLEGATION, suspects=[one], accounts=KNOWN)
        assert found.school_staff
        assert "ref" in found.refs


def test_beside_the_accused_an_unclear_part_counts_and_one_that_is_not_said_does_not() -> None:
    other = KNOWN | {"S-2": {"ref-2"}}
    unclear = excluded(suspects=[ACCUSED, Suspect("unclear", ("S-2",))], accounts=other)
    assert "ref-2" in unclear.refs
    assert not unclear.school_staff
    assert excluded(suspects=[ACCUSED, Suspect("unclear")], accounts=KNOWN).school_staff
    silent = excluded(suspects=[ACCUSED, Suspect("not_said", ("S-2",))], accounts=other)
    assert "ref-2" not in silent.refs


def test_an_accused_parent_keeps_nobody_at_the_school_out() -> None:
    at_home, nowhere = {"source_of_harm": ["parent_carer"]}, {"concern_types": ["physical"]}
    assert excluded(at_home, suspects=[Suspect("accused")]) == Exclusion()
    assert excluded(at_home, at_home | ALLEGATION, suspects=[Suspect("accused")]).school_staff
    assert excluded(nowhere, suspects=[Suspect("accused")]).school_staff
    pupils = {"concern_types": ["child_on_child_other"]}
    assert excluded(pupils, suspects=[Suspect("accused")]) == Exclusion()
    assert excluded(pupils | {"source_of_harm": ["staff"]}, suspects=[Suspect("accused")]).private
    assert excluded(at_home, suspects=[Suspect("accused_staff")]).school_staff
    assert excluded(at_home, suspects=[Suspect("accused", ("S-17",))], accounts=KNOWN).private


def test_an_accused_head_and_posts_in_conflict_are_kept_out_by_post() -> None:
    found = excluded({"source_of_harm": ["headteacher"], "conflict": ["dsl"]})
    assert found.roles == ("dsl", "head")
    assert excluded({"conflict": ["chair"]}).private
