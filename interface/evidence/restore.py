"""A bundle restored as a ledger: verified on the way, all or nothing."""

from collections.abc import Callable
from pathlib import Path

from psycopg.rows import dict_row

from application.ledgers import Ledgers
from application.restoring import Restoration, Sealed
from interface.evidence.divergence import Divergence
from interface.evidence.read_bundle import Bundle, begin, end
from interface.evidence.rows import check_rows
from interface.evidence.verification import Stored, Verification

TILES_AT_ONCE = 256

Advance = Callable[[int], None]


class Unimportable(Exception):
    """The bundle does not hold all of a ledger; the message says what is missing."""


def restore_bundle(ledgers: Ledgers, directory: Path, *, advance: Advance) -> Verification:
    """Writes the ledger of a bundle as it was: the same positions, the same root.

    Nothing stays where the bundle does not verify, or where the rows that the service folds from
    its records are not those of the second fold. Raises Divergence, Unimportable,
    application.restoring.LedgerExists.
    """
    bundle, texts = Bundle(directory), Bundle(directory)
    verification = begin(bundle, against=None)
    with ledgers.restoring(bundle.manifest.ledger) as restoration:
        for batch in bundle.records():
            before = verification.size
            verification.take(batch)
            _check_texts(bundle, batch)
            found = texts.texts(before, verification.size) or {}
            restoration.take(
                [one.state for one in batch],
                {position: (text.salt, text.body) for position, text in found.items()},
            )
            advance(verification.size)
        end(verification, bundle)
        _keep_log(restoration, bundle)
        connection = restoration.connection
        connection.row_factory = dict_row
        check_rows(connection, verification.fold)
    return verification


def _check_texts(bundle: Bundle, batch: list[Stored]) -> None:
    if not bundle.manifest.texts and any(b'"private":"' in one.state for one in batch):
        raise Unimportable(
            "The bundle was exported without the texts that its records have: export --texts."
        )


def _keep_log(restoration: Restoration, bundle: Bundle) -> None:
    """The signed tree and its checkpoint, as the bundle has them."""
    size, incarnation = bundle.manifest.size, bundle.manifest.incarnation
    level = 0
    while count := -(-(size >> (8 * level)) // 256):
        for start in range(0, count, TILES_AT_ONCE):
            wanted = [(level, n) for n in range(start, min(count, start + TILES_AT_ONCE))]
            tiles = bundle.tiles(wanted)
            if len(tiles) < len(wanted):
                raise Divergence("a tile is missing")
            restoration.keep_tiles(tiles, incarnation=incarnation)
        level += 1
    restoration.end(Sealed(incarnation, size, bundle.checkpoint.root, bundle.note))
