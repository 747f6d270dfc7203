"""The order of a queue, and that joining two decisions only ever raises."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from escalation.ranking import PRIORITIES, harder, higher, nearer, rank

priorities = st.sampled_from(PRIORITIES)
instants = st.integers(0, 4000).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n))
deadlines = st.none() | instants


@given(priorities, priorities)
def test_what_is_unread_comes_before_everything(one: str, other: str) -> None:
    assert rank(one, unprocessed=True) < rank(other, unprocessed=False)


@given(priorities, priorities)
def test_the_higher_priority_comes_first(one: str, other: str) -> None:
    before = rank(one, unprocessed=False) < rank(other, unprocessed=False)
    assert before == (PRIORITIES.index(one) < PRIORITIES.index(other))


@given(priorities, priorities)
def test_the_higher_of_two_is_lower_than_neither(one: str, other: str) -> None:
    assert higher(one, other) == higher(other, one)
    assert rank(higher(one, other), unprocessed=False) <= rank(one, unprocessed=False)


@given(deadlines, deadlines)
def test_now_is_nearer_than_any_deadline(one: datetime | None, other: datetime | None) -> None:
    found = nearer(one, other)
    if one is None or other is None:
        assert found is None
    else:
        assert found == min(one, other)


@given(deadlines, deadlines)
def test_a_hard_limit_is_never_lost(one: datetime | None, other: datetime | None) -> None:
    found = harder(one, other)
    given_limits = [limit for limit in (one, other) if limit]
    assert found == (min(given_limits) if given_limits else None)
