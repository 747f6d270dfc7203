"""From what is told of a table nobody can work out a small number."""

from hypothesis import given
from hypothesis import strategies as st

from escalation.figures.suppression import FEWEST, share, suppressed

TABLES = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.integers(0, 40), max_size=8)


@given(TABLES)
def test_no_number_from_one_to_four_is_told(cells: dict[str, int]) -> None:
    assert all(count == 0 or count >= FEWEST for count in told(cells).values())


@given(TABLES)
def test_what_is_told_is_true_and_a_nought_is_told(cells: dict[str, int]) -> None:
    found = told(cells)
    assert all(cells[name] == count for name, count in found.items())
    assert {name for name, count in cells.items() if count == 0} <= found.keys()


@given(TABLES)
def test_no_hidden_number_is_the_whole_less_the_others(cells: dict[str, int]) -> None:
    hidden = cells.keys() - told(cells).keys()
    several = sum(1 for count in cells.values() if count) > 1
    assert len(hidden) != 1 or not several


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_share_tells_of_at_least_five_on_either_side(part: int, rest: int) -> None:
    found = share(part, part + rest)
    if found is not None:
        assert part == 0 or part >= FEWEST
        assert rest == 0 or rest >= FEWEST
        assert abs(found - 100 * part / (part + rest)) <= 0.5


def told(cells: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in suppressed(cells).items() if count is not None}
