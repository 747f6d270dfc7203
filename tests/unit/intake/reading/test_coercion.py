"""What senders write instead of a code is read as the code, and said so."""

from typing import Any

import pytest

from tests.unit.intake.reading.bodies import SCHEMA, body, child, issues, only, read, with_facts


@pytest.mark.parametrize("said", [True, 1, "1", "Y", "y", "Yes", "YES", " true ", "True"])
def test_what_means_yes_is_yes_and_reported(said: Any) -> None:
    submission = with_facts(weapon=said)
    assert only(submission).facts["weapon"] == "yes"
    assert ("/facts/weapon", "read_as") in issues(submission)


@pytest.mark.parametrize("said", [False, 0, "0", "N", "No", "NO", "false"])
def test_what_means_no_is_no_and_reported(said: Any) -> None:
    submission = with_facts(immediate_danger=said)
    assert only(submission).facts["immediate_danger"] == "no"
    assert ("/facts/immediate_danger", "read_as") in issues(submission)


@pytest.mark.parametrize("said", ["not known", "Don't know", "UNKNOWN", "not sure"])
def test_what_means_not_known_is_unknown(said: str) -> None:
    submission = with_facts(immediate_danger=said, image_youngest_age=said, harm_level=said)
    facts = only(submission).facts
    assert facts["immediate_danger"] == facts["image_youngest_age"] == "unknown"
    assert facts["harm_level"] == "unknown"


@pytest.mark.parametrize("said", ["ja", "oui", "maybe", "2", 2, {"x": 1}, [[1]], 1.5])
def test_what_has_no_plain_meaning_is_unknown_and_never_no(said: Any) -> None:
    submission = with_facts(immediate_danger=said)
    assert only(submission).facts["immediate_danger"] == "unknown"
    assert issues(submission) & {
        ("/facts/immediate_danger", "unknown_code"),
        ("/facts/immediate_danger", "unreadable"),
    }


def test_nothing_given_is_not_the_same_as_unknown() -> None:
    facts = only(with_facts(weapon=None, image="", concern_types=[])).facts
    assert not {"weapon", "image", "concern_types"} & set(facts)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("child sexual exploitation", "cse"),
        ("Child Sexual Exploitation", "cse"),
        ("county lines", "cce_county_lines"),
        ("County-Lines", "cce_county_lines"),
        ("sexting", "nudes"),
        ("Forced Marriage", "forced_marriage"),
        ("forced-marriage", "forced_marriage"),
        ("honour based abuse", "hba"),
        ("FGM", "fgm"),
        ("Peer on Peer Abuse", "child_on_child_other"),
        ("PREVENT", "radicalisation"),
        ("Self Harm", "self_harm_suicide"),
    ],
)
def test_known_names_of_concerns_are_read_as_their_codes(said: str, meant: str) -> None:
    submission = with_facts(concern_types=[said])
    assert only(submission).facts["concern_types"] == [meant]
    assert ("/facts/concern_types/0", "read_as") in issues(submission)


def test_a_single_value_or_a_list_in_text_is_read_as_a_list() -> None:
    assert only(with_facts(concern_types="fgm")).facts["concern_types"] == ["fgm"]
    several = with_facts(concern_types="FGM; neglect, county lines")
    assert only(several).facts["concern_types"] == ["cce_county_lines", "fgm", "neglect"]


def test_ticked_boxes_and_labelled_codes_are_read() -> None:
    boxes = with_facts(concern_types={"fgm": True, "neglect": False, "Sexting": "Y"})
    assert only(boxes).facts["concern_types"] == ["fgm", "nudes"]
    labelled = with_facts(concern_types=[{"code": "neglect", "description": "Neglect"}])
    assert only(labelled).facts["concern_types"] == ["neglect"]


def test_an_unknown_member_of_a_set_hides_no_known_one() -> None:
    submission = with_facts(concern_types=["fgm", "zzz"])
    assert only(submission).facts["concern_types"] == ["fgm", "unknown"]
    assert ("/facts/concern_types/1", "unknown_code") in issues(submission)


@pytest.mark.parametrize(
    ("said", "meant"),
    [("14", 14), ("14 years", 14), ("14 yrs old", 14), (14.7, 14), ("aged 14", 14),
     ("14 years 3 months", 14), ("14y", 14)],
)  # fmt: skip
def test_ages_in_words_are_numbers(said: Any, meant: int) -> None:
    submission = read(body(children=[{"age_years": said}]))
    assert only(submission).facts["age_years"] == meant
    assert ("/children/0/age_years", "read_as_number") in issues(submission)


@pytest.mark.parametrize("said", ["13-14", "Year 9", "-3", 900, True, "1e3", -1, 10**30])
def test_ages_that_cannot_be_read_are_unknown(said: Any) -> None:
    assert only(read(body(children=[{"age_years": said}]))).facts["age_years"] == "unknown"


def test_numbers_with_their_unit_are_read() -> None:
    facts = only(with_facts(dash_ticks="16", carer_days="42 days")).facts
    assert facts["dash_ticks"] == 16
    assert facts["carer_days"] == 42


def test_other_spellings_and_places_of_a_fact_are_read() -> None:
    submission = read(body(facts={"immediateDanger": "yes"}, Weapon="yes"))
    assert only(submission).facts["immediate_danger"] == "yes"
    assert only(submission).facts["weapon"] == "yes"
    assert ("/facts/immediate_danger", "read_from_another_name") in issues(submission)
    assert ("/weapon", "read_from_another_place") in issues(submission)


def test_of_two_values_the_worse_one_is_taken() -> None:
    raw = b'{"facts":{"immediate_danger":"yes","immediate_danger":"no","concern_types":["fgm"],'
    raw += b'"concern_types":["neglect"],"harm_level":"in_need","harm_level":"s47"}}'
    submission = read(raw)
    facts = only(submission).facts
    assert facts["immediate_danger"] == "yes"
    assert facts["concern_types"] == ["fgm", "neglect"]
    assert facts["harm_level"] == "suspected_significant"
    assert ("", "member_repeated") in issues(submission)


def test_the_same_fact_in_two_places_takes_the_worse() -> None:
    submission = read(body(facts={"immediate_danger": "no"}, immediate_danger="yes"))
    assert only(submission).facts["immediate_danger"] == "yes"
    assert ("/immediate_danger", "contradiction") in issues(submission)


@pytest.mark.parametrize(
    "name", ["est_agreed", "police_agreed", "subject_role", "in_hours", "other_child_listed"]
)
def test_a_body_cannot_say_what_follows_from_who_acts(name: str) -> None:
    submission = with_facts(**{name: "yes"})
    assert only(submission).facts.get(name, "child") == "child"
    assert ("/facts", "not_understood") in issues(submission)


def test_every_code_of_the_schema_is_read_as_itself_without_an_issue() -> None:
    for name, fact in SCHEMA.facts.items():
        if fact.derived or fact.kind == "number" or name in {"subject_role", "age_at_discovery"}:
            continue
        if name in {"est_agreed", "police_agreed", "text_flags", "other_child_listed"}:
            continue
        for value in fact.values:
            sent = [value] if fact.kind == "set" else value
            submission = read(body(children=[child(facts={name: sent}, sex=None)], facts={}))
            assert only(submission).facts[name] == sent, (name, value)
            assert not [i for i in submission.issues if i.pointer.endswith(name)], (name, value)
