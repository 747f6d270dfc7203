"""From what is told of a table nobody can work out a small number, nor any number exactly."""

from collections import defaultdict
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation.figures.suppression import FEWEST, rounded, share, suppressed

NAMES = "abcd"
TABLES = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.integers(0, 90), max_size=8)


def told(cells: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in suppressed(cells).items() if count is not None}


@given(TABLES)
def test_every_part_is_named_and_what_is_told_is_less_than_five_off(cells: dict[str, int]) -> None:
    few = rounded(sum(cells.values())) is None
    assert suppressed(cells).keys() == (set() if few else cells.keys())
    for name, count in told(cells).items():
        assert count % 5 == 0
        assert abs(count - cells[name]) < 5
        assert (count == 0) == (cells[name] == 0)


@given(TABLES)
def test_no_number_from_one_to_four_is_told(cells: dict[str, int]) -> None:
    small = {name for name, count in cells.items() if 0 < count < FEWEST}
    assert small.isdisjoint(told(cells))


@given(TABLES)
def test_the_parts_add_up_to_the_whole(cells: dict[str, int]) -> None:
    whole = rounded(sum(cells.values()))
    shown, hidden = sum(told(cells).values()), len(cells) - len(told(cells))
    if whole is not None:
        assert shown <= whole
        assert hidden or shown == whole


@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_whoever_knows_the_rules_and_the_whole_can_work_out_no_number(parts: int) -> None:
    """Every table there is: those that are told alike do not agree in any number but a nought."""
    alike, above = defaultdict(list), 14
    for counts in product(range(above), repeat=parts):
        cells = dict(zip(NAMES, counts, strict=False))
        alike[rounded(sum(counts)), tuple(suppressed(cells).values())].append(counts)
    for tables in alike.values():
        if any(max(counts) > above - 4 for counts in tables):
            continue  # others are alike that were not listed
        for numbers in zip(*tables, strict=True):
            assert len(set(numbers)) > 1 or set(numbers) == {0}, tables


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_share_is_of_the_rounded_numbers_and_tells_of_five_on_either_side(
    part: int, rest: int
) -> None:
    found = share(part, part + rest)
    if found is not None:
        assert part == 0 or part >= FEWEST
        assert rest == 0 or rest >= FEWEST
        whole = rounded(part + rest)
        assert whole
        assert found == round(100 * (rounded(part) or 0) / whole)
        assert (found == 100) == (rest == 0)
