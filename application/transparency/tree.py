"""Merkle trees over a log's records: hashes, roots, proofs and their verification. Pure.

Sources: RFC 6962 2.1 (hashes, roots, proofs), RFC 9162 2.1.3.2 and 2.1.4.2 (verification).

A node (level, index) is the hash over the 2**level leaves from index * 2**level on. `Node` gives
such a hash and is only asked for nodes whose leaves all stand in the tree.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256

HASH_BYTES = 32

Node = Callable[[int, int], bytes]

EMPTY_ROOT = sha256(b"").digest()


class WrongProof(Exception):
    """A proof does not prove what it should; the message says in which way."""


def leaf_hash(entry: bytes) -> bytes:
    """Returns the hash of a leaf: SHA-256(0x00 || entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Returns the hash of an inner node: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def folded(hashes: Sequence[bytes]) -> bytes:
    """Returns the root over hashes of one level. Requires a power of two of them."""
    row = hashes
    while len(row) > 1:
        row = [
            sha256(b"\x01" + left + right).digest()
            for left, right in zip(row[::2], row[1::2], strict=True)
        ]
    return row[0]


def range_root(start: int, end: int, node: Node) -> bytes:
    """Returns the hash over the leaves from `start` up to `end`.

    Requires start < end, and start a multiple of the smallest power of two that holds the range.
    """
    peaks = []
    while start < end:
        level = (end - start).bit_length() - 1
        peaks.append(node(level, start >> level))
        start += 1 << level
    root = peaks.pop()
    while peaks:
        root = node_hash(peaks.pop(), root)
    return root


def tree_root(size: int, node: Node) -> bytes:
    """Returns the root of the tree over the first `size` leaves."""
    return range_root(0, size, node) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """Returns the audit path of a leaf, the lowest hash first. Requires 0 <= index < size."""
    assert 0 <= index < size
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_root(middle, end, node))
            end = middle
        else:
            path.append(range_root(start, middle, node))
            start = middle
    return path[::-1]


def joint_proof(indexes: Sequence[int], size: int, node: Node) -> list[bytes]:
    """Returns what the root over `size` leaves takes beside the leaves at `indexes`: the hash of
    each largest subtree that holds none of them, from left to right.

    Requires indexes in rising order, each below `size`. Of one leaf they are its audit path, in
    another order.
    """
    if not indexes:
        return [tree_root(size, node)]
    return _beside(indexes, 0, size, node)


def _beside(indexes: Sequence[int], start: int, end: int, node: Node) -> list[bytes]:
    if not indexes:
        return [range_root(start, end, node)]
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    cut = bisect_left(indexes, middle)
    left = _beside(indexes[:cut], start, middle, node)
    return left + _beside(indexes[cut:], middle, end, node)


def check_joint_proof(
    *, leaves: Mapping[int, bytes], size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Checks that the leaves with these hashes stand at their indexes of the tree, by what
    `joint_proof` gave. Raises WrongProof."""
    indexes = sorted(leaves)
    if not indexes or not 0 <= indexes[0] <= indexes[-1] < size:
        raise WrongProof(f"A tree of {size} leaves does not have all of these.")
    # Of other lengths, they could be joined to the same bytes in other ways.
    if any(len(hash) != HASH_BYTES for hash in (*leaves.values(), *proof)):
        raise WrongProof(f"A hash has not {HASH_BYTES} bytes.")
    left = iter(proof)
    found = _joined(indexes, leaves, 0, size, left)
    if next(left, None) is not None:
        raise WrongProof("The proof is too long.")
    if found != root:
        raise WrongProof("The proof leads to another root.")


def _joined(
    indexes: Sequence[int],
    leaves: Mapping[int, bytes],
    start: int,
    end: int,
    proof: Iterator[bytes],
) -> bytes:
    if not indexes:
        hash = next(proof, None)
        if hash is None:
            raise WrongProof("The proof is too short.")
        return hash
    if end - start == 1:
        return leaves[start]
    middle = start + _split(end - start)
    cut = bisect_left(indexes, middle)
    left = _joined(indexes[:cut], leaves, start, middle, proof)
    return node_hash(left, _joined(indexes[cut:], leaves, middle, end, proof))


def consistency_proof(old_size: int, new_size: int, node: Node) -> list[bytes]:
    """Returns the proof that the older tree is the beginning of the newer one.

    Requires 0 < old_size <= new_size. Empty where both are the same.
    """
    assert 0 < old_size <= new_size
    path = []
    start, end = 0, new_size
    complete = True  # the old tree's root is a node of the new one so far
    while end != old_size:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(range_root(middle, end, node))
            end = middle
        else:
            path.append(range_root(start, middle, node))
            start = middle
            complete = False
    if not complete:
        path.append(range_root(start, end, node))
    return path[::-1]


def check_inclusion(
    *, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Checks that the leaf with this hash stands at `index` of the tree. Raises WrongProof."""
    if not 0 <= index < size:
        raise WrongProof(f"A tree of {size} leaves has no leaf {index}.")
    at, last, found = index, size - 1, leaf
    for hash in proof:
        if last == 0:
            raise WrongProof("The proof is too long.")
        if at & 1 or at == last:
            found = node_hash(hash, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, hash)
        at, last = at >> 1, last >> 1
    if last:
        raise WrongProof("The proof is too short.")
    if found != root:
        raise WrongProof("The proof leads to another root.")


def check_consistency(
    *, old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Checks that the new tree begins with all leaves of the old one. Raises WrongProof."""
    if not 0 <= old_size <= new_size:
        raise WrongProof(f"A tree can't shrink from {old_size} to {new_size} leaves.")
    if old_size in (0, new_size):
        if proof:
            raise WrongProof("There is nothing to prove, and a proof.")
        if old_size == new_size and old_root != new_root:
            raise WrongProof("Two roots of one size differ.")
        return
    old, new = _roots_of(old_size, new_size, old_root, proof)
    if old != old_root:
        raise WrongProof("The proof does not begin at the old root.")
    if new != new_root:
        raise WrongProof("The proof does not lead to the new root.")


def _roots_of(
    old_size: int, new_size: int, old_root: bytes, proof: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """The two roots that a consistency proof leads to."""
    hashes = list(proof)
    if old_size & (old_size - 1) == 0:
        hashes.insert(0, old_root)
    if not hashes:
        raise WrongProof("The proof is empty.")
    at, last = old_size - 1, new_size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = hashes[0]
    for hash in hashes[1:]:
        if last == 0:
            raise WrongProof("The proof is too long.")
        if at & 1 or at == last:
            old, new = node_hash(hash, old), node_hash(hash, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, hash)
        at, last = at >> 1, last >> 1
    if last:
        raise WrongProof("The proof is too short.")
    return old, new


def _split(size: int) -> int:
    """The largest power of two below `size`. Requires size > 1."""
    return 1 << ((size - 1).bit_length() - 1)
