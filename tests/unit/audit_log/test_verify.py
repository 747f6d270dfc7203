"""The verifier finds every way of changing a log, with nothing but the entries and a root."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_log.canonical import canonical
from audit_log.merkle import leaf_hash, root_of
from audit_log.verify import gaps, verify


def entry(number: int, **more: Any) -> bytes:
    return canonical(
        {
            "id": f"event-{number}",
            "type": "task.opened",
            "producer": "escalation",
            "sequence": number + 1,
        }
        | more
    )


ENTRIES = [entry(number) for number in range(9)]
ROOT = root_of([leaf_hash(payload) for payload in ENTRIES])


def test_an_untouched_log_is_sound() -> None:
    verdict = verify(enumerate(ENTRIES), 9, ROOT)
    assert verdict.sound
    assert (verdict.size, verdict.root, verdict.missing) == (9, ROOT, {})


@given(st.integers(0, 8), st.data())
def test_a_changed_byte_is_found(at: int, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(ENTRIES[at]) - 1))
    payload = bytearray(ENTRIES[at])
    payload[place] ^= 1 << data.draw(st.integers(0, 6))
    changed = [*ENTRIES[:at], bytes(payload), *ENTRIES[at + 1 :]]
    assert not verify(enumerate(changed), 9, ROOT).sound


def test_a_deleted_entry_is_found_and_named() -> None:
    left = [(seq, payload) for seq, payload in enumerate(ENTRIES) if seq != 4]
    assert verify(left, 9, ROOT).findings[0] == "entry 4 is missing: 5 stands in its place"


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(ENTRIES[:-1], id="tail deleted"),
        pytest.param([*ENTRIES[:4], *ENTRIES[5:]], id="deleted and renumbered"),
        pytest.param([ENTRIES[1], ENTRIES[0], *ENTRIES[2:]], id="swapped"),
        pytest.param([*ENTRIES, entry(9)], id="added"),
        pytest.param([*ENTRIES[:3], ENTRIES[2], *ENTRIES[4:]], id="replaced by a copy"),
    ],
)
def test_a_rearranged_log_is_found(changed: list[bytes]) -> None:
    assert not verify(enumerate(changed), 9, ROOT).sound


def test_an_entry_that_is_not_canonical_is_found_even_if_the_root_fits() -> None:
    spaced = json.dumps(json.loads(ENTRIES[0])).encode()
    assert verify([(0, spaced)], 1, leaf_hash(spaced)).findings == [
        "entry 0 is not in canonical form"
    ]


def test_a_conflict_or_an_unreadable_record_is_never_sound() -> None:
    for kind in ("audit.conflict", "audit.unreadable"):
        payload = canonical({"type": kind})
        assert not verify([(0, payload)], 1, leaf_hash(payload)).sound


def test_what_a_producer_counted_and_the_log_lacks_is_listed() -> None:
    payloads = [ENTRIES[0], ENTRIES[3], ENTRIES[6]]
    root = root_of([leaf_hash(payload) for payload in payloads])
    verdict = verify(enumerate(payloads), 3, root)
    assert verdict.sound
    assert verdict.missing == {"escalation": [(2, 3), (5, 6)]}


@given(st.sets(st.integers(1, 60)))
def test_gaps_are_exactly_the_numbers_not_seen(seen: set[int]) -> None:
    listed = {number for first, last in gaps(seen) for number in range(first, last + 1)}
    assert listed == set(range(1, max(seen, default=0) + 1)) - seen
