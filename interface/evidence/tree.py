"""The tree over the records as they pass by: every leaf, every tile, the root at any size."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from application.transparency.tiles import TileAt, TileNodes, edge_of, extended, leaf_hashes
from application.transparency.tree import tree_root

Compare = Callable[[TileAt, bytes], None]


class GrowingTree:
    """Holds the right edge only. `compare` sees each tile, in its longest form so far."""

    def __init__(self, compare: Compare | None = None) -> None:
        self.size = 0
        self._compare = compare
        self.edge: dict[TileAt, bytes] = {}

    def add(self, records: Sequence[bytes]) -> None:
        """Takes in the records that follow."""
        self.add_leaves(leaf_hashes(records))

    def add_leaves(self, leaves: Sequence[bytes]) -> None:
        """Takes in the leaf hashes that follow."""
        grown = extended(self.size, self.edge, leaves)
        self.size += len(leaves)
        wanted = edge_of(self.size)
        known = self.edge | grown
        self.edge = {at: known[at] for at in wanted if at in known}
        if self._compare is not None:
            for at, hashes in grown.items():
                self._compare(at, hashes)

    def root(self) -> bytes:
        """Returns the root over all records so far."""
        return tree_root(self.size, TileNodes(lambda *at: self.edge[at]))


def split_at(start: int, count: int, sizes: Iterable[int]) -> list[tuple[int, int]]:
    """Returns the stretches (from, to) of a batch, cut at the sizes that fall into it."""
    cuts = sorted({size - start for size in sizes if start < size < start + count} | {0, count})
    return list(pairwise(cuts))
