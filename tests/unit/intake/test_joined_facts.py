"""What is said later joins what was said before."""

from hypothesis import given
from hypothesis import strategies as st

from intake.amending import joined

FACT = st.one_of(
    st.sampled_from(["yes", "no", "unknown"]),
    st.lists(st.sampled_from("abcd"), max_size=3),
    st.integers(0, 20),
)
FACTS = st.dictionaries(st.sampled_from(["f", "g", "h"]), FACT)


@given(before=FACTS, now=FACTS)
def test_nothing_known_is_lost_to_what_is_not_known(before: dict, now: dict) -> None:  # type: ignore[type-arg]
    facts = joined(before, now)
    assert facts.keys() == before.keys() | now.keys()
    for name, value in before.items():
        if now.get(name, "unknown") == "unknown":
            assert facts[name] == value
        if isinstance(value, list) and isinstance(now.get(name), list):
            assert set(value) | set(now[name]) == set(facts[name])


def test_what_is_said_later_comes_first() -> None:
    assert joined({"immediate_danger": "no"}, {"immediate_danger": "yes"}) == {
        "immediate_danger": "yes"
    }


def test_saying_the_same_again_changes_nothing() -> None:
    facts = {"concern_types": ["a", "b"], "age_years": 9}
    assert joined(facts, facts) == facts
