"""The tree is RFC 6962's: by its published vectors, and by its definition on any tree."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_log.merkle import (
    EMPTY_ROOT,
    CompactRange,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# The vectors of Certificate Transparency, as every implementation since has repeated them.
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
_96A2 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
_5F08 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
_6B47 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
_0EBC = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
_CA85 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
_D37E = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
_BC1A = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
LEAVES = [leaf_hash(data) for data in INPUTS]


def as_hex(hashes: list[bytes]) -> list[str]:
    return [item.hex() for item in hashes]


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(naive_root(leaves[:split]), naive_root(leaves[split:]))


def naive_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962 section 2.1.1."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*naive_path(index, leaves[:split]), naive_root(leaves[split:])]
    return [*naive_path(index - split, leaves[split:]), naive_root(leaves[:split])]


def naive_proof(old: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """RFC 6962 section 2.1.2."""
    if old == len(leaves):
        return [] if whole else [naive_root(leaves)]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if old <= split:
        return [*naive_proof(old, leaves[:split], whole=whole), naive_root(leaves[split:])]
    return [*naive_proof(old - split, leaves[split:], whole=False), naive_root(leaves[:split])]


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_the_published_ones(size: int) -> None:
    assert root_of(LEAVES[:size]).hex() == ROOTS[size]


def test_the_empty_tree_has_the_hash_of_nothing_as_its_root() -> None:
    assert EMPTY_ROOT.hex() == ROOTS[0]


@pytest.mark.parametrize(
    ("index", "size", "proof"),
    [
        (0, 1, []),
        (0, 8, [_96A2, _5F08, _6B47]),
        (5, 8, [_BC1A, _CA85, _D37E]),
        (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    ],
)
def test_the_inclusion_proofs_are_the_published_ones(
    index: int, size: int, proof: list[str]
) -> None:
    assert as_hex(inclusion_proof(LEAVES[:size], index)) == proof


@pytest.mark.parametrize(
    ("old", "new", "proof"),
    [
        (1, 1, []),
        (1, 8, [_96A2, _5F08, _6B47]),
        (6, 8, [_0EBC, _CA85, _D37E]),
        (2, 5, [_5F08, _BC1A]),
    ],
)
def test_the_consistency_proofs_are_the_published_ones(
    old: int, new: int, proof: list[str]
) -> None:
    assert as_hex(consistency_proof(LEAVES[:new], old)) == proof


trees = st.integers(1, 70).map(lambda n: [leaf_hash(bytes([i])) for i in range(n)])


@given(leaves=trees, data=st.data())
def test_every_proof_is_the_definition_s_and_is_accepted(
    leaves: list[bytes], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    old = data.draw(st.integers(1, len(leaves)))
    included, consistent = inclusion_proof(leaves, index), consistency_proof(leaves, old)
    assert included == naive_path(index, leaves)
    assert consistent == naive_proof(old, leaves)
    root, old_root = naive_root(leaves), naive_root(leaves[:old])
    assert verify_inclusion(leaves[index], index, len(leaves), included, root)
    assert verify_consistency(old, len(leaves), old_root, root, consistent)


@given(leaves=trees, data=st.data())
def test_a_proof_with_one_bit_changed_is_refused(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    old = data.draw(st.integers(1, len(leaves)))
    root, old_root = naive_root(leaves), naive_root(leaves[:old])

    def bent(hashes: list[bytes]) -> list[bytes]:
        at = data.draw(st.integers(0, len(hashes) - 1))
        bit = data.draw(st.integers(0, 255))
        number = int.from_bytes(hashes[at], "big") ^ (1 << bit)
        return [*hashes[:at], number.to_bytes(32, "big"), *hashes[at + 1 :]]

    proof = inclusion_proof(leaves, index)
    if proof:
        assert not verify_inclusion(leaves[index], index, len(leaves), bent(proof), root)
    assert not verify_inclusion(bent([leaves[index]])[0], index, len(leaves), proof, root)
    consistent = consistency_proof(leaves, old)
    if consistent:
        bad = bent(consistent)
        assert not verify_consistency(old, len(leaves), old_root, root, bad)
    bad_root = bent([old_root])[0]
    assert not verify_consistency(old, len(leaves), bad_root, root, consistent)


@given(leaves=trees, data=st.data())
def test_a_proof_is_not_good_for_another_place_or_size(
    leaves: list[bytes], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    other = data.draw(st.integers(0, len(leaves) - 1).filter(lambda i: i != index or i == 0))
    root, proof = naive_root(leaves), inclusion_proof(leaves, index)
    if other != index:
        assert not verify_inclusion(leaves[index], other, len(leaves), proof, root)
    assert not verify_inclusion(leaves[index], index, len(leaves), [*proof, root], root)
    assert not verify_inclusion(leaves[index], len(leaves), len(leaves), proof, root)


@given(st.integers(0, 300))
def test_a_compact_range_goes_on_where_it_was_stored(size: int) -> None:
    leaves = [leaf_hash(str(number).encode()) for number in range(size)]
    tree = CompactRange()
    for leaf in leaves:
        tree = CompactRange.from_bytes(tree.size, tree.to_bytes())
        tree.append(leaf)
    assert tree.root() == naive_root(leaves)
    assert len(tree.to_bytes()) == 32 * size.bit_count()


def test_hashes_of_another_length_are_never_accepted() -> None:
    assert not verify_inclusion(b"short", 0, 1, [], b"short")
    assert not verify_consistency(1, 1, b"short", b"short", [])
    assert not verify_consistency(0, 1, EMPTY_ROOT, LEAVES[0], [])


def test_what_is_not_in_the_tree_has_no_proof() -> None:
    with pytest.raises(ValueError, match="not in the tree"):
        inclusion_proof(LEAVES, 8)
    with pytest.raises(ValueError, match="not a part"):
        consistency_proof(LEAVES, 9)
    with pytest.raises(ValueError, match="one hash for each bit"):
        CompactRange(3, [EMPTY_ROOT])
    with pytest.raises(ValueError, match="32 bytes"):
        CompactRange.from_bytes(1, b"short")


def test_a_consistency_proof_of_the_wrong_length_is_refused() -> None:
    old, new = root_of(LEAVES[:3]), root_of(LEAVES)
    proof = consistency_proof(LEAVES, 3)
    assert verify_consistency(3, 8, old, new, proof)
    assert not verify_consistency(3, 8, old, new, [])
    assert not verify_consistency(3, 8, old, new, proof[:-1])
    assert not verify_consistency(3, 8, old, new, [*proof, new])
    assert not verify_consistency(8, 8, new, new, proof)
