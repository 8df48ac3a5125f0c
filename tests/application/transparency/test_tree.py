"""Trees, proofs and tiles against published examples and against RFC 6962 read literally."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.transparency.tiles import (
    TileNodes,
    bundle,
    edge_of,
    extended,
    leaf_hashes,
    number_path,
    parse_number,
    split_hashes,
    tile_width,
)
from application.transparency.tree import (
    EMPTY_ROOT,
    WrongProof,
    check_consistency,
    check_inclusion,
    check_joint_proof,
    consistency_proof,
    folded,
    inclusion_proof,
    joint_proof,
    leaf_hash,
    tree_root,
)
from tests.application.transparency import naive

# The examples of the Certificate Transparency reference implementation.
ENTRIES = [
    bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")
] + [bytes.fromhex("606162636465666768696a6b6c6d6e6f")]
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
INCLUSION_OF_5_IN_8 = [
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]
CONSISTENCY_OF_6_AND_8 = [
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]

Node = Callable[[int, int], bytes]


def nodes_of(entries: Sequence[bytes]) -> Node:
    hashes = leaf_hashes(entries)
    return lambda level, index: folded(hashes[index << level : (index + 1) << level])


def tiles_of(entries: Sequence[bytes], steps: Sequence[int]) -> dict[tuple[int, int], bytes]:
    """The tiles as they grow when the tree is extended step by step."""
    stored: dict[tuple[int, int], bytes] = {}
    size = 0
    for step in steps:
        edge = {at: stored[at] for at in edge_of(size) if at in stored}
        for at, hashes in extended(size, edge, leaf_hashes(entries[size : size + step])).items():
            assert hashes.startswith(stored.get(at, b"")), "a tile only grows"
            stored[at] = hashes
        size += step
    return stored


def test_roots_are_those_of_the_examples() -> None:
    assert tree_root(0, nodes_of([])) == EMPTY_ROOT
    found = [tree_root(size, nodes_of(ENTRIES)).hex() for size in range(1, 9)]
    assert found == ROOTS


def test_proofs_are_those_of_the_examples() -> None:
    node = nodes_of(ENTRIES)
    assert [hash.hex() for hash in inclusion_proof(5, 8, node)] == INCLUSION_OF_5_IN_8
    assert [hash.hex() for hash in consistency_proof(6, 8, node)] == CONSISTENCY_OF_6_AND_8
    assert consistency_proof(8, 8, node) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.data())
def test_fast_is_naive(size: int, data: st.DataObject) -> None:
    entries = [bytes([number]) * (number % 3) for number in range(size)]
    node = nodes_of(entries)
    root = tree_root(size, node)
    assert root == naive.mth(entries)

    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, node)
    assert proof == naive.path(index, entries)
    check_inclusion(index=index, size=size, leaf=leaf_hash(entries[index]), proof=proof, root=root)

    indexes = sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1)))
    proof = joint_proof(indexes, size, node)
    assert proof == naive.beside(indexes, entries)
    leaves = {index: leaf_hash(entries[index]) for index in indexes}
    check_joint_proof(leaves=leaves, size=size, proof=proof, root=root)

    old = data.draw(st.integers(1, size))
    proof = consistency_proof(old, size, node)
    assert proof == naive.proof(old, entries)
    check_consistency(
        old_size=old,
        new_size=size,
        old_root=naive.mth(entries[:old]),
        new_root=root,
        proof=proof,
    )


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 40), st.data())
def test_a_proof_with_one_wrong_byte_or_hash_proves_nothing(size: int, data: st.DataObject) -> None:
    entries = [bytes([number]) for number in range(size)]
    node = nodes_of(entries)
    root = tree_root(size, node)
    index = data.draw(st.integers(0, size - 1))
    proof = _spoilt(inclusion_proof(index, size, node), data)
    with pytest.raises(WrongProof):
        check_inclusion(
            index=index, size=size, leaf=leaf_hash(entries[index]), proof=proof, root=root
        )
    indexes = sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1)))
    leaves = {index: leaf_hash(entries[index]) for index in indexes}
    proof = _spoilt(joint_proof(indexes, size, node), data)
    with pytest.raises(WrongProof):
        check_joint_proof(leaves=leaves, size=size, proof=proof, root=root)
    old = data.draw(st.integers(1, size))
    proof = _spoilt(consistency_proof(old, size, node), data)
    with pytest.raises(WrongProof):
        check_consistency(
            old_size=old,
            new_size=size,
            old_root=naive.mth(entries[:old]),
            new_root=root,
            proof=proof,
        )


def _spoilt(proof: list[bytes], data: st.DataObject) -> list[bytes]:
    at = data.draw(st.integers(0, len(proof)))
    if at == len(proof) or data.draw(st.booleans()):
        return [*proof[:at], bytes(32), *proof[at:]]
    if data.draw(st.booleans()):
        return proof[:at] + proof[at + 1 :]
    byte = data.draw(st.integers(0, 31))
    wrong = bytearray(proof[at])
    wrong[byte] ^= 1 << data.draw(st.integers(0, 7))
    return [*proof[:at], bytes(wrong), *proof[at + 1 :]]


@pytest.mark.parametrize("old", [0, 9])
def test_sizes_that_no_proof_can_join(old: int) -> None:
    if old == 0:
        check_consistency(old_size=0, new_size=8, old_root=EMPTY_ROOT, new_root=bytes(32), proof=[])
        return
    with pytest.raises(WrongProof):
        check_consistency(
            old_size=old, new_size=8, old_root=bytes(32), new_root=bytes(32), proof=[]
        )


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 70_000])
def test_tiles_are_those_of_the_formula_however_they_grew(size: int) -> None:
    entries = [number.to_bytes(4, "big") for number in range(size)]
    quarter = size // 4
    steps = [quarter, 0, size - quarter - min(3, quarter), min(3, quarter)]
    stored = tiles_of(entries, [step for step in steps if step])
    assert {at: len(hashes) // 32 for at, hashes in stored.items()} == {
        (level, number): tile_width((level, number), size)
        for level in range(3)
        for number in range(300)
        if tile_width((level, number), size)
    }
    for at in edge_of(size):
        assert stored.get(at, b"") == naive.tile(*at, entries)
    nodes = TileNodes(lambda level, number: stored[level, number])
    assert tree_root(size, nodes) == naive.mth(entries)
    index = size * 2 // 3
    assert inclusion_proof(index, size, nodes) == naive.path(index, entries)


def test_the_widths_of_the_specification() -> None:
    widths = {
        (level, number): tile_width((level, number), 70_000)
        for level, number in ((0, 272), (0, 273), (0, 274), (1, 0), (1, 1), (2, 0), (3, 0))
    }
    assert list(widths.values()) == [256, 112, 0, 256, 17, 1, 0]
    assert [tile_width(at, 256) for at in ((0, 0), (0, 1), (1, 0))] == [256, 0, 1]


def test_numbers_in_paths() -> None:
    for number in (0, 5, 999, 1000, 1_234_067, 10**9, 10**12 - 1):
        assert parse_number(number_path(number)) == number
    assert number_path(1_234_067) == "x001/x234/067"
    for wrong in ("", "1", "0001", "x001", "001/002", "x000/001", "X001/002", "x001/x02/003"):
        assert parse_number(wrong) is None


def test_a_bundle_has_each_record_behind_its_length() -> None:
    assert bundle([b"", b"ab", b"\0" * 258]) == b"\0\0" + b"\0\2ab" + b"\1\2" + b"\0" * 258
    assert split_hashes(b"a" * 32 + b"b" * 32) == [b"a" * 32, b"b" * 32]
