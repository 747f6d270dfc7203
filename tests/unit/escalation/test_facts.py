"""Later facts, the band of an age, and places in a queue that were made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation.concerns import conflicted_posts, merged
from escalation.queue import read_place
from escalation.rows import age_band
from shared.errors import Problem

values = st.none() | st.sampled_from(["yes", "no", "unknown"]) | st.lists(st.sampled_from("abc"))
facts = st.dictionaries(st.sampled_from("wxyz"), values)


@given(facts, facts)
def test_nothing_that_was_known_is_forgotten(
    before: dict[str, object], now: dict[str, object]
) -> None:
    result = merged(before, now)
    for name, value in before.items():
        if isinstance(value, list) and isinstance(now.get(name), list):
            assert set(value) <= set(result[name])
        elif now.get(name) in (None, "unknown"):
            assert result[name] == value


@pytest.mark.parametrize(
    ("age", "band"),
    [(0, "under 1"), (4, "1 to 4"), (17, "16 to 17"), (18, "18 or over"), (None, "unknown"),
     ("unknown", "unknown"), (True, "unknown")],
)  # fmt: skip
def test_an_age_is_shown_as_a_band(age: object, band: str) -> None:
    assert age_band(age) == band


@given(st.text(max_size=60))
def test_a_place_that_was_made_up_is_a_problem_never_a_crash(after: str) -> None:
    with pytest.raises(Problem):
        read_place(after)


def test_an_accused_head_is_in_conflict_by_that() -> None:
    assert conflicted_posts({"source_of_harm": ["headteacher"], "conflict": ["dsl"]}) == [
        "dsl",
        "head",
    ]
