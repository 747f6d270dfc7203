"""Whatever is sent is read or refused in one of two ways, and nothing of it leaks."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.reading import TooLarge, Unreadable, read_submission, without_media
from tests.unit.intake.reading.bodies import FULL, RECEIVED, SCHEMA, body, issues, only, read

OUR_NAMES = sorted(
    {*FULL, *FULL["children"][0], *FULL["reporter"], *FULL["facts"], *SCHEMA.facts, "urn", "role"}
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from(["yes", "no", "14 years", "01/05/2012", "2026-11-20T10:00:00Z", "886"])
)  # fmt: skip
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(OUR_NAMES) | st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=25,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={name: JSON for name in FULL},  # noqa: C420 - one strategy for each member
)


@settings(deadline=None, max_examples=150)
@given(JSON | BODIES)
def test_any_json_is_read(raw: Any) -> None:
    submission = read(raw)
    assert submission.subjects
    json.dumps(submission.raw).encode()
    for subject in submission.subjects:
        json.dumps(dict(subject.facts)).encode()
        json.dumps(dict(subject.details)).encode()


@settings(deadline=None, max_examples=80)
@given(JSON | BODIES)
def test_any_object_in_memory_is_read(raw: Any) -> None:
    read_submission(raw, SCHEMA, received_at=RECEIVED)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_called_unreadable(sent: bytes) -> None:
    try:
        kept, _ = without_media(sent)
        read_submission(kept, SCHEMA, received_at=RECEIVED)
    except (Unreadable, TooLarge):
        pass


def _marked(value: Any, mark: str) -> Any:
    if isinstance(value, dict):
        return {name: _marked(one, mark) for name, one in value.items()} | {mark: mark}
    if isinstance(value, list):
        return [_marked(one, mark) for one in value] + [mark]
    return mark


@settings(deadline=None, max_examples=60)
@given(BODIES)
def test_no_value_and_no_foreign_name_is_in_an_issue(raw: dict[str, Any]) -> None:
    mark = "Xyzzy Marked"
    for sent in (_marked(FULL, mark), _marked(raw, mark)):
        submission = read(sent)
        assert submission.issues
        told = json.dumps(submission.strict_errors)
        assert "xyzzy" not in told.lower()
        assert "xyzzy" not in repr(submission.issues).lower()


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(sorted(SCHEMA.facts)), JSON)
def test_a_fact_is_always_a_value_of_its_schema(name: str, raw: Any) -> None:
    fact = SCHEMA.facts[name]
    value = only(read(body(facts={name: raw}, children=[{}]))).facts.get(name)
    if value is None:
        return
    if isinstance(value, list):
        assert fact.kind == "set"
        assert set(value) <= {*fact.values, "unknown"}
    elif isinstance(value, int):
        assert fact.kind == "number"
        assert fact.lowest <= value <= fact.highest
    else:
        assert value in {*fact.values, "unknown"}


@pytest.mark.parametrize(
    "sent",
    [b"", b"{", b'{"a":}', b"not json", b"{'a':1}", b'{"a":1}x', b"\xff\xfe", b'"', b"[1,", b"nul"],
)
def test_what_is_not_json_is_unreadable_and_says_nothing_of_itself(sent: bytes) -> None:
    with pytest.raises(Unreadable) as refusal:
        read(sent)
    assert str(refusal.value) == "the body is not readable JSON"
    assert refusal.value.__context__ is None or refusal.value.__suppress_context__


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_nesting_hides_no_concern(opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    for depth in (60, 900, 50_000):
        deep = opening * depth + "1" + closing * depth
        sent = '{"extra":' + deep + ',"facts":{"immediate_danger":"yes"}}'
        submission = read(sent.encode())
        assert only(submission).facts["immediate_danger"] == "yes"
        assert ("", "nested_too_deep") in issues(submission)
        json.dumps(submission.raw)


def test_numbers_beyond_reason_are_read_as_unknown() -> None:
    huge = "9" * 5_000
    sent = '{"facts":{"age_years":' + huge + ',"dash_ticks":1e999,"carer_days":NaN},"x":-Infinity}'
    facts = only(read(sent.encode())).facts
    assert facts["age_years"] == "unknown"


def test_text_that_is_no_text_is_repaired() -> None:
    sent = b'{"narrative":"a\\ud800b\\u0000c","source_record_id":"\\udfff"}'
    submission = read(sent)
    assert ("", "not_text") in issues(submission)
    assert "\x00" not in str(submission.raw)
    json.dumps(submission.raw, ensure_ascii=False).encode()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_other_encodings_of_text_are_read(encoding: str) -> None:
    kept, dropped = without_media('{"narrative":"the child’s bag — “here”"}'.encode(encoding))
    assert dropped == 0
    assert only(read(kept)).details["narrative"] == "the child’s bag — “here”"


def test_raw_control_characters_in_strings_are_accepted() -> None:
    assert only(read(b'{"narrative":"one\ntwo\tthree"}')).details["narrative"] == "one\ntwo\tthree"


def test_however_much_is_wrong_an_event_with_every_issue_can_still_leave() -> None:
    wrong = dict.fromkeys(SCHEMA.facts, "z")
    submission = read(body(children=[{"dob": "z", "facts": wrong}] * 180))
    assert len(submission.subjects) == 180
    assert ("", "more_issues") in issues(submission)
    told = [{"pointer": pointer, "issue": issue} for pointer, issue in issues(submission)]
    assert len(json.dumps(told)) < 200_000
