"""An event has one canonical entry, and nothing that names or narrates is in it."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_log.canonical import (
    NotCanonical,
    canonical,
    of_event,
    of_unreadable,
    read,
    without_commitment,
)
from shared.events.catalogue import EVENTS, TOPIC_OF
from shared.events.envelope import Event

EXAMPLES = Path(__file__).parents[3] / "shared" / "events" / "examples"
SALT, OTHER_SALT = b"s" * 32, b"t" * 32
SUBJECT = UUID("0b0c5e6a-63ab-4b1f-9d6a-3a6f6f0a7d11")
SECRET = "Marked-Name-7431"


def example(kind: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EXAMPLES / f"{kind}.1.json").read_text())
    return loaded


def event(kind: str, data: Any, version: int = 1) -> Event:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return Event(
        id=UUID("01932b5e-0000-7000-8000-000000000001"),
        type=kind,
        version=version,
        subject=SUBJECT,
        time=datetime(2026, 11, 24, 10, tzinfo=UTC),
        producer="intake/lane-0",
        sequence=7,
        traceparent=None,
        data=raw,
    )


def entry_of(kind: str, data: Any, salt: bytes | None = SALT) -> Any:
    return json.loads(of_event(event(kind, data), TOPIC_OF.get(kind, "t"), salt).payload)


def test_what_is_sealed_is_only_committed_to() -> None:
    data = example("concern.raised") | {"sealed_details": SECRET, "match_keys": [SECRET]}
    entry = of_event(event("concern.raised", data), "t", SALT)
    assert SECRET.encode() not in entry.payload
    sealed = {
        "/match_keys": [SECRET],
        "/sealed_contacts": data["sealed_contacts"],
        "/sealed_details": SECRET,
    }
    expected = hashlib.sha256(SALT + canonical(sealed)).hexdigest()
    assert json.loads(entry.payload)["commitment"] == expected
    assert entry.doubt is None


def test_the_salt_decides_the_commitment_and_nothing_else() -> None:
    data = example("concern.raised")
    one = of_event(event("concern.raised", data), "t", SALT).payload
    other = of_event(event("concern.raised", data), "t", OTHER_SALT).payload
    erased = of_event(event("concern.raised", data), "t", None).payload
    assert one != other
    assert without_commitment(one) == without_commitment(other) == erased


def test_the_order_of_members_and_the_spaces_between_them_do_not_matter() -> None:
    data = example("task.opened")
    spaced = json.dumps(dict(reversed(data.items())), indent=3).encode()
    one = of_event(event("task.opened", data), "t", SALT).payload
    assert of_event(event("task.opened", spaced), "t", SALT).payload == one


def test_an_event_without_sealed_members_has_no_commitment_and_no_salt() -> None:
    entry = of_event(event("task.opened", example("task.opened")), "t", SALT)
    assert entry.salt is None
    assert b"commitment" not in entry.payload
    assert str(entry.task_id) == example("task.opened")["task_id"]


@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_every_event_of_the_catalogue_is_shown_as_it_is(kind: str) -> None:
    entry = entry_of(kind, example(kind))
    shown = entry["data"]
    hidden = example(kind).keys() - shown.keys()
    assert all(name.startswith("sealed_") or name == "match_keys" for name in hidden)
    assert shown == {name: item for name, item in example(kind).items() if name not in hidden}


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("case.renamed", {"child": SECRET}, "unknown-type"),
        ("task.opened", {"child": SECRET}, "not-of-its-type"),
        ("task.opened", b'{"child": "' + SECRET.encode(), "not-json"),
        ("task.opened", b"\xff" + SECRET.encode(), "not-utf8"),
        ("task.opened", b'{"a": 1.5, "child": "Marked-Name-7431"}', "float"),
        ("task.opened", b'{"a": 1, "a": "Marked-Name-7431"}', "member-twice"),
        ("task.opened", b'{"a": NaN}', "float"),
        ("task.opened", b'{"a": "\\ud800"}', "not-of-its-type"),
        ("task.opened", b"[" * 100_000, "not-json"),
    ],
)
def test_data_that_is_not_what_it_says_is_logged_unseen(kind: str, data: Any, reason: str) -> None:
    entry = of_event(event(kind, data), "t", SALT)
    shown = json.loads(entry.payload)
    assert SECRET.encode() not in entry.payload
    assert (entry.doubt, shown["undisclosed"], shown["id"]) == (
        reason,
        reason,
        str(event("", b"").id),
    )
    assert shown["commitment"]


def test_another_version_of_a_type_is_not_taken_for_the_known_one() -> None:
    later = replace(event("task.opened", example("task.opened")), version=2)
    assert of_event(later, "t", SALT).doubt == "unknown-version"


def test_data_too_large_for_a_bundle_is_committed_to_as_a_whole() -> None:
    data = example("case.opened") | {"rules": ["R-GEN-04"] * 8000}
    entry = of_event(event("case.opened", data), "t", SALT)
    assert entry.doubt == "too-large"
    assert len(entry.payload) < 1000


def test_an_unreadable_record_is_described_and_not_shown() -> None:
    entry = of_unreadable(("t", 3, 99), SECRET.encode(), "header-missing", SALT)
    shown = json.loads(entry.payload)
    assert SECRET.encode() not in entry.payload
    assert (shown["topic"], shown["partition"], shown["offset"], shown["length"]) == (
        "t",
        3,
        99,
        len(SECRET),
    )
    assert shown["commitment"] == hashlib.sha256(SALT + SECRET.encode()).hexdigest()


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_the_canonical_form_is_read_back_and_written_the_same(value: Any) -> None:
    written = canonical(value)
    assert read(written) == value
    assert canonical(read(written)) == written
    assert read(json.dumps(value, indent=1).encode()) == value


def test_the_reason_never_quotes_what_was_read() -> None:
    with pytest.raises(NotCanonical) as refused:
        read(b'{"child": 1.5}')
    assert refused.value.code == "float"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_the_quick_way_gives_the_bytes_of_the_plain_one(value: Any) -> None:
    plain = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert canonical(value) == plain.encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


def _either(data: bytes, reading: Any) -> Any:
    try:
        return reading(data)
    except NotCanonical as error:
        return error.code


@given(st.dictionaries(st.text(max_size=4), JSON))
def test_the_quick_reading_of_compact_json_is_the_thorough_one(value: Any) -> None:
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    assert _either(data, read) == _either(b" " + data, read)


@pytest.mark.parametrize(
    "data", [b'{"a":1,"a":2}', b'{"a":1.0}', b'{"a":[1e3]}', b'{"a":-2.5}', b'{"a":NaN}']
)
def test_what_has_no_one_form_is_refused_however_it_is_spaced(data: bytes) -> None:
    for each in (data, b" " + data):
        with pytest.raises(NotCanonical):
            read(each)


def test_a_sealed_member_under_an_escaped_name_stays_out_too() -> None:
    data = json.dumps(example("concern.raised") | {"sealed_details": SECRET})
    escaped = data.replace("sealed_details", "\\u0073ealed_details").encode()
    assert SECRET.encode() not in of_event(event("concern.raised", escaped), "t", SALT).payload
