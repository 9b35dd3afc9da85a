"""The tree against known answers, against the definition, and against whoever lies."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proof import merkle
from gateway.proof.merkle import Frontier, consistency, consistent, includes, inclusion, leaf_hash
from gateway.proof.tiles import HEIGHT, WIDTH, Edge, complete, subtree_of

# The tree of eight leaves with which RFC 6962's first implementations were tested.
INPUTS = [
    bytes.fromhex(one)
    for one in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(n).encode()) for n in range(count)]


def defined(hashes: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, word by word."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    middle = 1
    while middle * 2 < len(hashes):
        middle *= 2
    return merkle.node_hash(defined(hashes[:middle]), defined(hashes[middle:]))


@cache
def root(count: int) -> bytes:
    return defined(leaves(count))


def subtree(level: int, index: int) -> bytes:
    return defined(leaves((index + 1) << level)[index << level :])


def test_known_answers() -> None:
    assert merkle.EMPTY.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    tree = Frontier()
    for entry, expected in zip(INPUTS, ROOTS, strict=True):
        tree.add(leaf_hash(entry))
        assert tree.root().hex() == expected


def test_proofs_with_known_answers() -> None:
    hashes = [leaf_hash(entry) for entry in INPUTS]

    def known(level: int, index: int) -> bytes:
        return defined(hashes[index << level : (index + 1) << level])

    assert [one.hex() for one in inclusion(known, 5, 8)] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [one.hex() for one in consistency(known, 6, 8)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [one.hex() for one in consistency(known, 2, 5)] == [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]


@pytest.mark.parametrize("size", range(1, 34))
def test_each_leaf_of_each_small_tree_is_proven_and_no_other(size: int) -> None:
    for index in range(size):
        proof = inclusion(subtree, index, size)
        leaf = leaves(size)[index]
        assert includes(root(size), size, index, leaf, proof)
        for other in range(size + 1):
            if other != index:
                assert not includes(root(size), size, other, leaf, proof)
        assert not includes(root(size), size, index, leaf_hash(b"another"), proof)
        assert not includes(root(size), size, index, leaf, [*proof, bytes(32)])
        for at in range(len(proof)):
            assert not includes(root(size), size, index, leaf, proof[:at] + proof[at + 1 :])
            wrong = [*proof[:at], bytes(32), *proof[at + 1 :]]
            assert not includes(root(size), size, index, leaf, wrong)


@pytest.mark.parametrize("size", range(1, 34))
def test_each_growth_of_a_small_tree_is_proven_and_no_other(size: int) -> None:
    for old in range(size + 1):
        proof = consistency(subtree, old, size)
        assert consistent(root(old), old, root(size), size, proof)
        if old:
            assert not consistent(bytes(32), old, root(size), size, proof)
        if 0 < old < size:
            assert not consistent(root(old), old, bytes(32), size, proof)
        assert not consistent(root(old), old, root(size), size, [*proof, bytes(32)])
        for at in range(len(proof)):
            assert not consistent(root(old), old, root(size), size, proof[:at] + proof[at + 1 :])
            wrong = [*proof[:at], bytes(32), *proof[at + 1 :]]
            assert not consistent(root(old), old, root(size), size, wrong)


@pytest.mark.parametrize(
    ("size", "index"), [(0, 0), (5, 5), (5, -1), (2**63, 2**63 - 1), (2**64, 1), (-1, 0)]
)
def test_a_size_or_index_that_can_not_be_is_refused(size: int, index: int) -> None:
    assert not includes(bytes(32), size, index, bytes(32), [])
    assert not consistent(bytes(32), index, bytes(31) + b"x", size, [])
    if index >= size or index < 0:
        with pytest.raises(ValueError, match="has no leaf"):
            inclusion(subtree, index, size)


def test_a_smaller_tree_does_not_grow_from_a_larger() -> None:
    assert not consistent(root(5), 5, root(3), 3, [])
    with pytest.raises(ValueError, match="does not grow"):
        consistency(subtree, 5, 3)


@given(
    st.binary(max_size=32),
    st.lists(st.binary(max_size=40), max_size=80),
    st.integers(),
    st.integers(),
)
def test_nothing_that_a_stranger_sends_raises(
    some: bytes, proof: list[bytes], index: int, size: int
) -> None:
    assert includes(some, size, index, some, proof) in {True, False}
    assert consistent(some, index, some, size, proof) in {True, False}


def test_a_tree_goes_on_from_its_frontier() -> None:
    first = Frontier()
    for leaf in leaves(11):
        first.add(leaf)
    again = Frontier(first.size, first.roots)
    again.add(leaf_hash(b"11"))
    assert again.root() == root(12)
    with pytest.raises(ValueError, match="complete subtrees"):
        Frontier(11, first.roots[1:])


class Tiles:
    """A tree kept as tiles: the full ones stored, the rest at its edge."""

    def __init__(self, count: int) -> None:
        self.edge = Edge()
        self.full: dict[tuple[int, int], bytes] = {}
        for leaf in leaves(count):
            self.full |= {(level, index): data for level, index, data in self.edge.add(leaf)}

    def __call__(self, level: int, index: int) -> bytes:
        return self.full.get((level, index)) or self.edge.tile(level, index) or b""


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 1000, WIDTH * 3])
def test_tiles_give_the_same_root_and_proofs(size: int) -> None:
    tiles = Tiles(size)
    assert tiles.edge.root() == merkle.root_of(leaves(size))
    for index in {0, size // 2, size - 1}:
        proof = inclusion(subtree_of(tiles), index, size)
        assert includes(tiles.edge.root(), size, index, leaves(size)[index], proof)
    for old in {1, size // 2, max(1, size - 1)}:
        proof = consistency(subtree_of(tiles), old, size)
        assert consistent(merkle.root_of(leaves(old)), old, tiles.edge.root(), size, proof)


def test_a_full_tile_fills_the_one_above() -> None:
    tiles = Tiles(WIDTH * WIDTH + 3)
    assert (1, 0) in tiles.full
    assert tiles.full[1, 0][:32] == complete(tiles.full[0, 0])
    assert tiles.edge.tile(2, 0) == complete(tiles.full[1, 0])
    assert tiles.edge.tile(0, WIDTH) == b"".join(leaves(WIDTH * WIDTH + 3)[-3:])
    assert tiles.edge.tile(0, 0) is None
    assert HEIGHT == 8


def test_an_edge_is_found_again_and_a_wrong_one_refused() -> None:
    tiles = Tiles(600)
    rows = [
        [tiles(0, 2)[at : at + 32] for at in range(0, 88 * 32, 32)],
        [complete(tiles(0, 0)), complete(tiles(0, 1))],
    ]
    again = Edge(600, rows)
    assert again.root() == tiles.edge.root()
    with pytest.raises(ValueError, match="do not belong"):
        Edge(601, rows)


def test_a_tile_that_is_cut_short_gives_no_proof() -> None:
    tiles = Tiles(256)
    tiles.full[0, 0] = tiles.full[0, 0][:-32]
    with pytest.raises(LookupError):
        inclusion(subtree_of(tiles), 3, 256)
