"""Tiles lie where every client looks for them, and the proofs made from them are RFC 9162's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_log.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from audit_log.trust.bundles import bundle, leaf_hashes, unbundle
from audit_log.trust.plain import Malformed
from audit_log.trust.tilepaths import ENTRIES, Tile, levels_of, parse_path, tile_of, tiles_of
from audit_log.trust.treehash import (
    Hashes,
    Span,
    consistency_spans,
    fold,
    inclusion_spans,
    needed,
    split_hashes,
)

LEAVES = [leaf_hash(str(number).encode()) for number in range(1100)]
PLACES = st.builds(Tile, st.integers(-1, 4), st.integers(0, 10**6), st.integers(1, 256))


def tile_bytes(tile: Tile) -> bytes:
    """By the definition: n-th hash at level l is the root over 256^l leaves."""
    spread = 256**tile.level
    first = tile.number * 256
    return b"".join(
        root_of(LEAVES[at * spread : (at + 1) * spread]) for at in range(first, first + tile.width)
    )


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "0/000"),
        (Tile(0, 1234067), "0/x001/x234/067"),
        (Tile(1, 5, 17), "1/005.p/17"),
        (Tile(ENTRIES, 1000), "entries/x001/000"),
        (Tile(ENTRIES, 273, 112), "entries/273.p/112"),
    ],
)
def test_a_tile_lies_at_its_documented_path(tile: Tile, path: str) -> None:
    assert tile.path() == path
    assert parse_path(path) == tile


@given(PLACES)
def test_every_path_leads_back_to_its_tile(tile: Tile) -> None:
    assert parse_path(tile.path()) == tile


@pytest.mark.parametrize(
    "path",
    [
        "", "0", "0/", "00/000", "64/000", "0/1", "0/0001", "0/x000/000", "0/x001", "0/001/000",
        "0/000.p/0", "0/000.p/256", "0/000.p/01", "0/000.p", "0/000/", "entries/x1/000", "-1/000",
        "0/000.p/1/2", "0/../000", "9/x999/x999/999", "0/" + "x999/" * 9 + "999", "data/000",
    ],
)  # fmt: skip
def test_any_other_path_is_no_tiles(path: str) -> None:
    with pytest.raises(Malformed):
        parse_path(path)


def test_seventy_thousand_leaves_have_the_tiles_of_the_specifications_example() -> None:
    by_level = [list(tiles_of(70_000, level)) for level in range(levels_of(70_000))]
    assert [len(tiles) for tiles in by_level] == [274, 2, 1]
    assert [tiles[-1].width for tiles in by_level] == [112, 17, 1]
    assert list(tiles_of(256, 1)) == [Tile(1, 0, 1)]
    assert levels_of(0) == 0
    assert list(tiles_of(0, 0)) == []


@given(st.integers(1, 2**40), st.integers(0, 4), st.integers(0, 2**20))
def test_a_tile_is_in_every_tree_that_is_large_enough_for_it(
    size: int, level: int, number: int
) -> None:
    tile = tile_of(level, number, size)
    if tile is None:
        assert Tile(level, number, 1).needs() > size
    else:
        assert tile.needs() <= size
        assert tile.full or tile._replace(width=tile.width + 1).needs() > size


@settings(max_examples=60)
@given(st.integers(1, len(LEAVES)), st.data())
def test_proofs_from_tiles_are_those_from_leaves(size: int, data: st.DataObject) -> None:
    index, old = (data.draw(st.integers(low, size - 1 + low)) for low in (0, 1))
    root = root_of(LEAVES[:size])
    for spans, proof in (
        (inclusion_spans(index, size), inclusion_proof(LEAVES[:size], index)),
        (consistency_spans(old, size), consistency_proof(LEAVES[:size], old)),
        ([Span(0, size)], [root]),
    ):
        tiles = needed(spans, size)
        assert len(tiles) <= 2 * levels_of(size) + 1
        assert Hashes({tile: tile_bytes(tile) for tile in tiles}).proof(spans) == proof
    included, extended = (
        inclusion_proof(LEAVES[:size], index),
        consistency_proof(LEAVES[:size], old),
    )
    assert verify_inclusion(LEAVES[index], index, size, included, root)
    assert verify_consistency(old, size, root_of(LEAVES[:old]), root, extended)


def test_a_fuller_tile_serves_as_well_as_the_one_of_its_time() -> None:
    spans = inclusion_spans(7, 300)
    later = {Tile(t.level, t.number): tile_bytes(Tile(0, t.number)) for t in needed(spans, 300)[:1]}
    assert Hashes(later).proof(spans[:1]) == inclusion_proof(LEAVES[:300], 7)[:1]


def test_tiles_of_the_wrong_width_are_refused() -> None:
    with pytest.raises(Malformed):
        Hashes({Tile(0, 0): bytes(32)})
    with pytest.raises(Malformed):
        Hashes({Tile(0, 0, 2): bytes(64)}).of(Span(0, 4))
    with pytest.raises(Malformed):
        split_hashes(bytes(33))
    with pytest.raises(ValueError, match="not in the tree"):
        inclusion_spans(3, 3)
    with pytest.raises(ValueError, match="not a part"):
        consistency_spans(0, 3)
    with pytest.raises(ValueError, match="not in the tree"):
        needed([Span(4, 5)], 3)


@given(st.integers(0, 300))
def test_folding_a_row_gives_the_root(size: int) -> None:
    assert fold(LEAVES[:size]) == root_of(LEAVES[:size])


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_gives_back_its_entries(entries: list[bytes]) -> None:
    data = bundle(entries)
    assert unbundle(data) == entries
    assert leaf_hashes(data) == [leaf_hash(entry) for entry in entries]


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5), st.data())
def test_a_bundle_that_was_cut_is_refused_or_shorter(
    entries: list[bytes], data: st.DataObject
) -> None:
    whole = bundle(entries)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    for read in (unbundle, leaf_hashes):
        try:
            found = read(cut)
        except Malformed:
            continue
        assert len(found) < len(entries)


def test_the_longest_entry_fits_and_one_byte_more_does_not() -> None:
    assert unbundle(bundle([bytes(65_535)])) == [bytes(65_535)]
    with pytest.raises(Malformed):
        bundle([bytes(65_536)])
