"""Whatever was sent, what can be read of it is of the right form, and reading it never fails."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation import salvage

ACTION = {
    "route": "POLICE_999",
    "subject": "child-1",
    "la": "821",
    "priority": "P0",
    "certainty": "certain",
    "by": "now",
    "owner": "whoever is with the child",
    "owner_role": "with_child",
    "channel": "PHONE_ONLY",
    "contact": {"phone": "999"},
    "script": "Ring 999 now.",
    "because": [{"rule": "NAT-EMG-01", "title": "", "cite": "", "facts": {"weapon": "yes"}}],
}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
names = st.sampled_from(["urn", "home_la", "excluded_refs", "decision", "synthetic"])


@given(st.binary(max_size=60))
def test_any_bytes_can_be_looked_at(value: bytes) -> None:
    assert isinstance(salvage.members(value), dict)


@given(st.dictionaries(names, anything))
def test_what_has_another_form_is_left_out(data: dict[str, object]) -> None:
    known = salvage.known(data)
    assert known.get("urn", "000000").isdigit()
    assert all("\0" not in str(value) for value in known.values())
    assert all(isinstance(ref, str) for ref in salvage.excluded(data))
    salvage.advice(data)


def test_advice_of_the_right_form_is_kept() -> None:
    kept = salvage.advice({"decision": {"priority": "P0", "actions": [ACTION]}})
    assert kept is not None
    assert (kept["actions"][0]["route"], kept["actions"][0]["by"]) == ("POLICE_999", "now")


@pytest.mark.parametrize(
    "change",
    [
        {"by": "soon"},
        {"priority": "P9"},
        {"script": "a\0b"},
        {"owner": "\ud800"},
        {"la": "Luton"},
        {"contact": [1]},
        {"because": "no"},
    ],
)
def test_advice_of_another_form_is_not(change: dict[str, object]) -> None:
    decision = {"priority": "P0", "actions": [ACTION | change]}
    assert salvage.advice({"decision": decision}) is None


def test_a_nest_too_deep_to_read_is_nothing() -> None:
    assert salvage.members(b"[" * 100_000) == {}
    assert salvage.members(json.dumps([1]).encode()) == {}
