"""RFC 6962 2.1 written down as it stands there: slow, and only to check the fast one."""

from collections.abc import Sequence
from hashlib import sha256


def mth(entries: Sequence[bytes]) -> bytes:
    """MTH(D[n])."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\0" + entries[0]).digest()
    k = split(len(entries))
    return sha256(b"\1" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def beside(wanted: Sequence[int], entries: Sequence[bytes]) -> list[bytes]:
    """What MTH(D[n]) takes beside the leaves at some indexes: each largest subtree without any."""
    if not wanted:
        return [mth(entries)]
    if len(entries) == 1:
        return []
    k = split(len(entries))
    left = beside([m for m in wanted if m < k], entries[:k])
    return [*left, *beside([m - k for m in wanted if m >= k], entries[k:])]


def proof(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """PROOF(m, D[n])."""
    return subproof(m, entries, complete=True)


def subproof(m: int, entries: Sequence[bytes], *, complete: bool) -> list[bytes]:
    if m == len(entries):
        return [] if complete else [mth(entries)]
    k = split(len(entries))
    if m <= k:
        return [*subproof(m, entries[:k], complete=complete), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], complete=False), mth(entries[:k])]


def tile(level: int, number: int, entries: Sequence[bytes]) -> bytes:
    """The n-th tile at level l by the formula of C2SP tlog-tiles."""
    span = 256**level
    hashes = []
    for i in range(256):
        start = (number * 256 + i) * span
        if start + span > len(entries):
            break
        hashes.append(mth(entries[start : start + span]))
    return b"".join(hashes)


def split(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k
