"""Tiles: the tree's hashes in pieces of 256, and records in bundles of as many. Pure.

Source: C2SP tlog-tiles. A tile (level, number) holds the nodes (8 * level, 256 * number + i). What
was a partial tile once is the beginning of the full one: only the longest form is kept.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256

from application.transparency.tree import HASH_BYTES, folded

TILE_WIDTH = 256
LEVELS_A_TILE = 8
MAX_LEVEL = 63

TileAt = tuple[int, int]
"""(level, number) of a tile."""

Tiles = Callable[[int, int], bytes]
"""Gives a tile's hashes, joined, the rightmost tile as far as the tree goes."""

_NUMBER = re.compile(r"(x[0-9]{3}/)*[0-9]{3}")
_LEADING_NOTHING = re.compile(r"x000/")


def number_path(number: int) -> str:
    """Returns a tile's number as its path has it: `1234067 -> "x001/x234/067"`."""
    groups = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        groups.append(f"x{number % 1000:03d}")
    return "/".join(reversed(groups))


def parse_number(path: str) -> int | None:
    """Returns the number that a path names, None where it is none."""
    if _NUMBER.fullmatch(path) is None or _LEADING_NOTHING.match(path):
        return None
    return int(path.replace("/", "").replace("x", ""))


def tile_width(at: TileAt, size: int) -> int:
    """Returns how many hashes a tile has in a tree of this size: 0 to 256."""
    level, number = at
    return min(TILE_WIDTH, max(0, (size >> (LEVELS_A_TILE * level)) - TILE_WIDTH * number))


def edge_of(size: int) -> list[TileAt]:
    """Returns the rightmost tile of each level, the lowest first; at a level that just filled its
    last tile the next one, which is empty."""
    edge = []
    level = 0
    while size >> (LEVELS_A_TILE * level):
        edge.append((level, size >> (LEVELS_A_TILE * (level + 1))))
        level += 1
    return edge


class TileNodes:
    """The tree's nodes, folded from its tiles. Keeps what it read: for one use."""

    def __init__(self, tiles: Tiles) -> None:
        self._tiles = tiles
        self._read: dict[TileAt, bytes] = {}
        self._nodes: dict[TileAt, bytes] = {}

    def __call__(self, level: int, index: int) -> bytes:
        """Returns a node. Requires that its leaves stand in the tree."""
        key = (level, index)
        if key not in self._nodes:
            tile_level, inside = divmod(level, LEVELS_A_TILE)
            number, offset = divmod(index << inside, TILE_WIDTH)
            hashes = self._tile(tile_level, number)[
                HASH_BYTES * offset : HASH_BYTES * (offset + (1 << inside))
            ]
            assert len(hashes) == HASH_BYTES << inside, "a node beyond the tree was asked for"
            self._nodes[key] = folded(split_hashes(hashes))
        return self._nodes[key]

    def _tile(self, level: int, number: int) -> bytes:
        if (level, number) not in self._read:
            self._read[level, number] = self._tiles(level, number)
        return self._read[level, number]


def extended(
    size: int, edge: Mapping[TileAt, bytes], leaves: Sequence[bytes]
) -> dict[TileAt, bytes]:
    """Returns the tiles that are new or longer after these leaf hashes, in their longest form.

    `edge` has the tiles of `edge_of(size)` that are not empty, as wide as the tree of that size
    has them.
    """
    grown: dict[TileAt, bytes] = {}
    level, added, start = 0, list(leaves), size
    while added:
        higher = []
        number, offset = divmod(start, TILE_WIDTH)
        hashes = split_hashes(edge.get((level, number), b""))
        assert len(hashes) == offset, "the edge does not fit the size"
        for first in range(-offset, len(added), TILE_WIDTH):
            hashes += added[max(0, first) : first + TILE_WIDTH]
            grown[level, number] = b"".join(hashes)
            if len(hashes) == TILE_WIDTH:
                higher.append(folded(hashes))
            hashes, number = [], number + 1
        level, added, start = level + 1, higher, start // TILE_WIDTH
    return grown


def split_hashes(joined: bytes) -> list[bytes]:
    """Returns the hashes of a tile, one by one."""
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]


def leaf_hashes(records: Iterable[bytes]) -> list[bytes]:
    """Returns the leaf hash of each record."""
    # Not by `leaf_hash`: a call for each of millions.
    return [sha256(b"\x00" + record).digest() for record in records]


def bundle(records: Iterable[bytes]) -> bytes:
    """Returns an entry bundle: each record behind its length in two bytes, big-endian."""
    return b"".join([len(record).to_bytes(2, "big") + record for record in records])
