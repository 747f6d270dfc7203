"""Full tiles, and a tree that grows by them, are those of the tree grown leaf by leaf."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_log.merkle import CompactRange, root_of
from audit_log.tiles import WIDTH, FullTile, grow, needs_earlier, subtree_root, width_at


def leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(count)]


@settings(max_examples=25)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=6))
def test_grown_in_any_batches_it_is_the_tree_of_its_leaves(batches: list[int]) -> None:
    tree, tail, tiles, done = CompactRange(), b"", list[FullTile](), 0
    whole = leaves(sum(batches))
    for count in batches:
        made, tail = grow(tree, whole[done : done + count], tail, lambda *_: b"")
        tiles += made
        done += count
        assert tree.root() == root_of(whole[:done])
        assert tail == b"".join(whole[done // WIDTH * WIDTH : done])
    for index, tile in enumerate(tiles):
        mine = whole[index * WIDTH : (index + 1) * WIDTH]
        assert (tile.level, tile.index, tile.hashes) == (0, index, b"".join(mine))
        assert tile.root == root_of(mine)


def test_a_level_above_becomes_full_with_what_it_had_before() -> None:
    """65,536 leaves fill 256 tiles, whose roots fill one above; the last 100 leaves come alone."""
    whole = leaves(WIDTH * WIDTH)
    tree, first = CompactRange(), WIDTH * WIDTH - 100
    for at in range(0, first // WIDTH * WIDTH, WIDTH):
        tree.append(subtree_root(b"".join(whole[at : at + WIDTH])), 8)
    roots = b"".join(
        subtree_root(b"".join(whole[at : at + WIDTH])) for at in range(0, first - 156, WIDTH)
    )
    tail = b"".join(whole[first - 156 : first])
    for leaf in whole[first - 156 : first]:
        tree.append(leaf)
    assert needs_earlier(first, 100) == [(1, 0, WIDTH - 1)]
    low, high = grow(tree, whole[first:], tail, lambda *_: roots)[0]
    assert (low.level, low.index, high.level, high.index) == (0, WIDTH - 1, 1, 0)
    assert high.root == tree.root() == root_of(whole)


@pytest.mark.parametrize(
    ("size", "widths"), [(70_000, {(0, 273): 112, (1, 1): 17, (2, 0): 1, (1, 0): 256, (3, 0): 0})]
)
def test_a_tile_is_as_wide_as_the_tree_makes_it(
    size: int, widths: dict[tuple[int, int], int]
) -> None:
    assert {at: width_at(*at, size) for at in widths} == widths
