"""A submission is read, never refused; its doubts are said without its values."""

import json
from typing import Any

import pytest

from intake.reading import read_submission
from shared.events.data_issues import SENTENCES, needs_a_person
from tests.unit.intake.reading.bodies import (
    RECEIVED,
    SCHEMA,
    URN,
    body,
    child,
    issues,
    only,
    read,
)  # fmt: skip


def test_a_clean_body_has_no_issue() -> None:
    submission = read(body())
    assert submission.issues == ()
    assert submission.strict_errors == ()
    assert submission.urn == URN
    assert submission.raw == body()


def test_what_identifies_is_kept_apart_from_facts() -> None:
    submission = read(body())
    assert submission.contacts == {"name": "Alex Sample", "contact": "01632 960123"}
    assert submission.reporter.account == "3f2b8c1a-9d4e-4c55-8a21-0d7c5b9e1f00"
    subject = only(submission)
    assert set(subject.details) == {
        "child", "narrative", "where_is_the_child_now", "done_so_far", "people"
    }  # fmt: skip
    assert "Robin" not in json.dumps(dict(subject.facts))
    assert "Robin" not in repr(submission)


def test_the_authorities_are_where_the_child_lives_and_where_it_was_found() -> None:
    submission = read(body(found_la="926"))
    assert (only(submission).home_la, submission.found_la) == ("886", "926")


@pytest.mark.parametrize(
    ("school", "issue"),
    [
        ({}, "urn_missing"),
        ({"urn": "12"}, "urn_shape"),
        (None, "urn_missing"),
        ({"urn": ""}, "urn_missing"),
    ],
)
def test_without_a_urn_that_can_be_read_there_is_none(school: Any, issue: str) -> None:
    submission = read(body(school=school))
    assert submission.urn is None
    assert issue in {code for _, code in issues(submission)}


@pytest.mark.parametrize("sent", [{"school": URN}, {"urn": 999001}, {"school": {"urn": 999001}}])
def test_a_urn_elsewhere_or_as_a_number_is_read(sent: dict[str, Any]) -> None:
    raw = body()
    del raw["school"]
    assert read(raw | sent).urn == URN


def test_the_authority_that_is_named_for_the_school_is_read() -> None:
    assert read(body(school={"urn": URN, "la": 886})).school_la == "886"
    odd = read(body(school={"urn": URN, "la": "somewhere"}))
    assert odd.school_la is None
    assert ("/school/la", "la_shape") in issues(odd)
    assert read(body(school=URN)).school_la is None


def test_unknown_members_are_kept_sealed_and_said_once_without_their_names() -> None:
    raw = body(children=[child(favourite_teacher="Zanzibar", zanzibar="x")])
    raw["facts"]["Zanzibar"] = "yes"
    raw["zanzibar"] = {"deep": "Zanzibar"}
    submission = read(raw)
    assert {
        ("/children/0", "not_understood"),
        ("/facts", "not_understood"),
        ("", "not_understood"),
    } <= (issues(submission))
    assert "zanzibar" not in json.dumps(submission.strict_errors).lower()
    assert submission.raw["zanzibar"] == {"deep": "Zanzibar"}


def test_a_body_that_is_only_text_is_the_narrative() -> None:
    submission = read("He has a knife and is going to kill her")
    assert only(submission).details["narrative"].startswith("He has")
    assert "weapon" in submission.text_flags
    assert ("", "body_is_text") in issues(submission)


def test_a_body_encoded_twice_is_read_once_more() -> None:
    submission = read(json.dumps(body()))
    assert submission.urn == URN
    assert only(submission).home_la == "886"


def test_a_list_is_children_or_texts_or_the_one_concern() -> None:
    assert len(read([child(), child(ref="c-2")]).subjects) == 2
    assert only(read(["one", "two"])).details["narrative"] == "one\ntwo"
    assert read([body()]).urn == URN
    two = read([body(), body()])
    assert len(two.subjects) == 1
    assert "belt" in only(two).details["narrative"]


def test_a_concern_inside_one_wrapper_is_found() -> None:
    submission = read({"concern": body()})
    assert submission.urn == URN
    assert ("", "read_from_another_place") in issues(submission)


@pytest.mark.parametrize("raw", [{}, [], None, 5, True, "", [[]], [1, "x"]])
def test_what_says_nothing_is_accepted_as_unknown(raw: Any) -> None:
    submission = read(raw)
    assert len(submission.subjects) == 1
    assert submission.urn is None
    assert any(needs_a_person(code) for _, code in issues(submission))


def test_an_object_is_read_as_its_bytes_are() -> None:
    of_object = read_submission(body(), SCHEMA, received_at=RECEIVED)
    assert of_object == read(body())


def test_media_in_an_object_are_dropped_too() -> None:
    picture = "data:image/png;base64," + "iVBORw0KGgo" * 30
    submission = read_submission(body(narrative=f"See {picture} now"), SCHEMA, received_at=RECEIVED)
    assert only(submission).details["narrative"] == "See [media removed] now"


def test_each_issue_has_a_sentence_without_a_value() -> None:
    for code, sentence in SENTENCES.items():
        assert sentence.endswith("."), code
        assert "{" not in sentence


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("He has a knife in his bag", "weapon"),
        ("She was carrying the kitchen knife", "weapon"),
        ("she says she is suicidal", "suicidal_intent"),
        ("He said he will kill himself", "suicidal_intent"),
        ("She has taken an overdose", "suicidal_intent"),
        ("The flight is at nine tonight", "travel_imminent"),
        ("They are flying out tomorrow", "travel_imminent"),
        ("he is being beaten right now", "threat_to_life"),
        ("Dad is hitting him", "threat_to_life"),
        ("her brother threatened to kill her", "threat_to_life"),
        ("Robin is still missing", "missing_now"),
    ],
)  # fmt: skip
def test_plain_words_of_danger_raise(text: str, flag: str) -> None:
    submission = read(body(narrative=text, facts={"immediate_danger": "no"}))
    assert flag in submission.text_flags
    assert flag in only(submission).facts["text_flags"]  # type: ignore[operator]
    assert only(submission).facts["immediate_danger"] == "no"
    assert ("/narrative", "text_raises") in issues(submission)


@pytest.mark.parametrize(
    "text",
    ["She was upset at lunch.", "He walked to the bus stop with his aunt.", "Read about the war."],
)
def test_ordinary_words_raise_nothing(text: str) -> None:
    submission = read(body(narrative=text))
    assert submission.text_flags == ()
    assert "text_flags" not in only(submission).facts


def test_words_unite_with_the_flags_sent() -> None:
    raw = body(narrative="He has a knife", facts={"text_flags": ["missing_now"]})
    assert only(read(raw)).facts["text_flags"] == ["missing_now", "weapon"]
