"""One concern per child, each with its own facts, and one for a child who harmed."""

from typing import Any

import pytest

from tests.unit.intake.reading.bodies import body, child, issues, only, read

HARMING = {"ref": "p-2", "role": "child_who_harmed", "age_years": 15, "name": "Jo Other"}


def test_each_child_is_a_subject_of_its_own() -> None:
    raw = body(children=[child(ref="a"), child(ref="b", given_name="Kim", upn="K821400109002")])
    submission = read(raw)
    assert [s.ref for s in submission.subjects] == ["child-1", "child-2"]
    assert [s.client_ref for s in submission.subjects] == ["a", "b"]
    assert [s.details["child"]["given_name"] for s in submission.subjects] == ["Robin", "Kim"]


def test_a_childs_own_facts_override_and_its_sets_unite() -> None:
    own = {"harm_level": "in_need", "concern_types": ["neglect"]}
    raw = body(children=[child(facts=own), child(ref="c-2", facts={})])
    first, second = read(raw).subjects
    assert first.facts["harm_level"] == "in_need"
    assert first.facts["concern_types"] == ["neglect", "physical"]
    assert second.facts["harm_level"] == "suspected_significant"
    assert second.facts["concern_types"] == ["physical"]


def test_a_childs_unreadable_fact_hides_no_shared_one() -> None:
    raw = body(children=[child(facts={"weapon": "???"})], facts={"weapon": "yes"})
    assert only(read(raw)).facts["weapon"] == "yes"


def test_a_child_who_harmed_is_a_subject_with_what_applies() -> None:
    shared = {
        "concern_types": ["child_on_child_sexual_violence", "fgm"],
        "injury_needs_medical": "yes",
        "csc_status": "cp_plan",
        "weapon": "yes",
    }
    victim, harmed = read(body(people=[HARMING], facts=shared)).subjects
    assert victim.facts["subject_role"] == "child"
    assert victim.facts["injury_needs_medical"] == "yes"
    assert harmed.ref == "harmed-1"
    assert harmed.role == harmed.facts["subject_role"] == "child_who_harmed"
    assert harmed.facts["concern_types"] == ["child_on_child_sexual_violence"]
    assert harmed.facts["age_years"] == 15
    assert harmed.facts["weapon"] == "yes"
    assert not {"injury_needs_medical", "csc_status", "sex"} & set(harmed.facts)
    assert harmed.details["child_who_harmed"]["name"] == "Jo Other"
    assert "child" not in harmed.details


def test_a_child_who_harmed_of_whom_nothing_applies_is_of_unknown_concern() -> None:
    _, harmed = read(body(people=[HARMING], facts={"concern_types": ["fgm"]})).subjects
    assert harmed.facts["concern_types"] == ["unknown"]


@pytest.mark.parametrize("children", [None, [], {}, "", [None]])
def test_without_a_child_one_unknown_child_is_routed(children: Any) -> None:
    raw = body(children=children)
    subject = only(read(raw))
    assert subject.ref == "child-1"
    assert subject.match_inputs == ()
    assert subject.facts["immediate_danger"] == "no"


def test_a_missing_list_of_children_is_an_issue() -> None:
    raw = body()
    del raw["children"]
    assert ("/children", "no_child") in issues(read(raw))


def test_a_single_object_is_read_as_one_child() -> None:
    submission = read(body(children=child()))
    assert only(submission).home_la == "886"
    assert ("/children", "read_as_list") in issues(submission)


def test_a_child_described_beside_the_concern_is_found() -> None:
    raw = {"narrative": "x", "forename": "Robin", "surname": "Example", "dateOfBirth": "01/05/2012"}
    submission = read(raw)
    assert dict(only(submission).match_inputs)["name_dob"] == "example robin|2012-05-01"
    assert ("/children/0", "read_from_another_place") in issues(submission)


def test_other_names_of_members_are_read() -> None:
    pupil = {
        "Forename": "Robin",
        "surname": "Example",
        "date-of-birth": "2012-05-01",
        "Gender": "f",
    }
    submission = read({"Pupils": [pupil], "description": "text"})
    assert only(submission).facts["sex"] == "F"
    assert only(submission).facts["age_years"] == 14
    assert ("/children", "read_from_another_name") in issues(submission)
    assert ("/children/0/given_name", "read_from_another_name") in issues(submission)


def test_two_children_of_one_ref_are_never_merged() -> None:
    submission = read(body(children=[child(ref="c"), child(ref="c")]))
    assert [s.client_ref for s in submission.subjects] == ["c", "c-2"]
    assert ("/children/1/ref", "ref_repeated") in issues(submission)


def test_a_boy_and_fgm_is_flagged_and_routed() -> None:
    submission = read(body(children=[child(sex="M")], facts={"concern_types": ["fgm"]}))
    assert ("/children/0", "sex_and_fgm") in issues(submission)
    assert only(submission).facts["concern_types"] == ["fgm"]


def test_too_many_children_is_said_and_the_rest_stays_sealed() -> None:
    submission = read(body(children=[{"given_name": "x"}] * 230))
    assert len(submission.subjects) == 200
    assert ("/children", "too_many_children") in issues(submission)
    assert len(submission.raw["children"]) == 230
    assert len(read(body(children=[{}] * 60)).subjects) == 60


def test_where_the_carer_lives_is_read_from_the_child_or_from_the_carer() -> None:
    assert only(read(body(children=[child(carer_la="821")]))).carer_la == "821"
    assert only(read(body(children=[child(carers_la=" 821 ")]))).carer_la == "821"
    carer = {"role": "Private foster carer", "home_la": 821}
    assert only(read(body(people=[carer]))).carer_la == "821"
    assert only(read(body(children=[child(carer_la="926")], people=[carer]))).carer_la == "926"
    # Of two carers who live apart nobody knows which is meant.
    apart = [carer, {"role": "carer", "home_la": "926"}]
    assert only(read(body(people=apart))).carer_la is None
    assert only(read(body(children=[child(carer_la="nowhere")]))).carer_la is None
    victim, harmed = read(body(people=[HARMING, carer])).subjects
    assert (victim.carer_la, harmed.carer_la) == ("821", None)
