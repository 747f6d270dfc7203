"""An event crosses the wire whole, and what is not an event of ours says why and nothing else."""

from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus import Record
from shared.bus.cloudevents import Undecodable, from_record, to_record
from shared.events.envelope import Event

EVENT = Event(
    id=UUID("019a0000-0000-7000-8000-000000000001"),
    type="concern.raised",
    version=1,
    subject=UUID("11111111-2222-4333-8444-555555555555"),
    time=datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC),
    producer="intake/lane-0",
    sequence=7,
    traceparent=None,
    data=b'{"priority":"P1"}',
)


def row(event: Event) -> dict[str, Any]:
    columns = asdict(event)
    columns["event_id"], columns["occurred_at"] = columns.pop("id"), columns.pop("time")
    return columns | {"topic": "handrail.concerns.v1"}


RECORD = to_record(row(EVENT))


def with_header(name: str, value: bytes | None) -> Record:
    kept = [(each, was) for each, was in RECORD.headers if each != name]
    return replace(RECORD, headers=tuple(kept if value is None else [*kept, (name, value)]))


def reason(record: Record) -> str:
    with pytest.raises(Undecodable) as refusal:
        from_record(record)
    return refusal.value.reason_code


def test_the_record_is_a_cloudevent_in_binary_mode() -> None:
    assert RECORD.key == b"11111111-2222-4333-8444-555555555555"
    assert RECORD.value == b'{"priority":"P1"}'
    assert dict(RECORD.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"019a0000-0000-7000-8000-000000000001",
        "ce_source": b"/handrail/intake/lane-0",
        "ce_type": b"concern.raised",
        "ce_subject": b"11111111-2222-4333-8444-555555555555",
        "ce_time": b"2026-11-21T09:30:00.123456Z",
        "ce_dataschema": b"/schemas/concern.raised/1.json",
        "ce_sequence": b"7",
        "ce_producer": b"intake/lane-0",
        "content-type": b"application/json",
    }


@given(
    st.builds(
        Event,
        id=st.uuids(),
        type=st.sampled_from(["concern.raised", "dead_letter.recorded"]),
        version=st.integers(1, 999),
        subject=st.uuids(),
        time=st.datetimes(
            datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
            timezones=st.sampled_from([UTC, timezone(timedelta(hours=1))]),
        ),
        producer=st.sampled_from(["intake/lane-0", "audit-log"]),
        sequence=st.integers(0, 2**63 - 1),
        traceparent=st.none() | st.just("00-" + "a" * 32 + "-" + "b" * 16 + "-01"),
        data=st.binary(),
        replay_of=st.none() | st.uuids(),
        replay_for=st.none() | st.just("escalation"),
    )
)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    assert from_record(to_record(row(event))) == event


@pytest.mark.parametrize("name", [name for name, _ in RECORD.headers if name != "content-type"])
def test_a_missing_attribute_is_refused_and_never_made_up(name: str) -> None:
    assert reason(with_header(name, None)) == "header-missing"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("ce_id", b"not-a-uuid", "header-invalid"),
        ("ce_time", b"yesterday", "header-invalid"),
        ("ce_time", b"2026-11-21T09:30:00", "header-invalid"),
        ("ce_specversion", b"0.3", "header-invalid"),
        ("ce_sequence", b"-1", "header-invalid"),
        ("ce_sequence", "٣".encode(), "header-invalid"),
        ("ce_dataschema", b"/schemas/case.opened/1.json", "schema-unknown"),
        ("ce_dataschema", b"https://elsewhere.example/1", "schema-unknown"),
        ("ce_subject", b"99999999-2222-4333-8444-555555555555", "key-not-subject"),
        ("ce_type", b"\xff", "not-utf8"),
    ],
)
def test_a_wrong_attribute_is_refused_with_a_code(name: str, value: bytes, expected: str) -> None:
    assert reason(with_header(name, value)) == expected


def test_a_header_given_twice_is_refused() -> None:
    twice = replace(RECORD, headers=(*RECORD.headers, ("ce_id", b"other")))
    assert reason(twice) == "header-twice"


@given(
    key=st.none() | st.binary(max_size=40),
    headers=st.lists(
        st.tuples(
            st.sampled_from([name for name, _ in RECORD.headers]) | st.text(max_size=8),
            st.binary(max_size=40) | st.text(max_size=20).map(str.encode),
        ),
        max_size=14,
    ),
)
def test_no_bytes_whatever_raise_anything_but_undecodable(
    key: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    given_names = {name for name, _ in headers}
    rest = [(name, value) for name, value in RECORD.headers if name not in given_names]
    record = replace(RECORD, key=key, headers=(*headers, *rest))
    with suppress(Undecodable):
        from_record(record)


def test_the_quick_reading_and_the_standards_binding_agree() -> None:
    """A header more than usual sends the same record through the binding."""
    for trace in (None, "00-" + "a" * 32 + "-" + "b" * 16 + "-01"):
        quick = to_record(row(replace(EVENT, traceparent=trace)))
        slow = replace(quick, headers=(*quick.headers, ("ce_other", b"x")))
        assert from_record(quick) == from_record(slow)


@pytest.mark.parametrize(
    "time", [b"2026-11-21T09:30:00.123456+00:00", b"2026-11-21T10:30:00.123456+01:00"]
)
def test_a_time_in_another_form_is_the_same_instant(time: bytes) -> None:
    kept = tuple(header for header in RECORD.headers if header[0] != "ce_time")
    assert from_record(replace(RECORD, headers=(*kept, ("ce_time", time)))) == EVENT
