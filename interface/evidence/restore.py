"""A bundle restored as a ledger: verified on the way, all or nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg.rows import dict_row

from application.ledgers import Ledgers
from application.restoring import Restoration, Sealed
from domain.refusals import CorruptLog
from interface.evidence.divergence import UNREADABLE, Divergence
from interface.evidence.read_bundle import Bundle, begin, end
from interface.evidence.rows import check_rows
from interface.evidence.verification import Verification

TILES_AT_ONCE = 256

Advance = Callable[[int], None]


class Unimportable(Exception):
    """The bundle does not hold all of a ledger; the message says what is missing."""


class Terms(NamedTuple):
    """On which terms a bundle is taken. `without_texts`: also where it has not the texts that its
    records came with. `digest_secret`: the original's, so that its commands are known again."""

    without_texts: bool = False
    digest_secret: bytes | None = None


AS_IT_IS = Terms()


def restore_bundle(
    ledgers: Ledgers, directory: Path, *, advance: Advance, terms: Terms = AS_IT_IS
) -> Verification:
    """Writes the ledger of a bundle as it was: the same positions, the same root.

    Nothing stays where the bundle does not verify, or where the rows that the service folds from
    its records are not those of the second fold. Raises Divergence, Unimportable,
    application.restoring.LedgerExists.
    """
    bundle, texts = Bundle(directory), Bundle(directory)
    verification = begin(bundle, against=None)
    if not bundle.manifest.texts and not terms.without_texts:
        _refuse_texts(bundle)
    with ledgers.restoring(bundle.manifest.ledger) as restoration:
        for batch in bundle.records():
            before = verification.size
            verification.take(batch)
            found = texts.texts(before, verification.size) or {}
            try:
                restoration.take(
                    [one.state for one in batch],
                    {position: (text.salt, text.body) for position, text in found.items()},
                )
            except (CorruptLog, psycopg.DataError, psycopg.IntegrityError, *UNREADABLE) as error:
                # The service reads more of a record than who verifies it.
                raise Divergence(
                    f"of positions {before + 1} to {verification.size} one can't be restored:"
                    f" {error}"
                ) from error
            advance(verification.size)
        end(verification, bundle)
        _keep_log(restoration, bundle)
        _keep_terms(restoration, bundle, terms)
        connection = restoration.connection
        connection.row_factory = dict_row
        check_rows(connection, verification.fold)
    return verification


def _refuse_texts(bundle: Bundle) -> None:
    for batch in bundle.records():
        if any(b'"private":"' in one.state for one in batch):
            raise Unimportable(
                "The bundle was exported without the texts that its records have: export --texts,"
                " or import --without-texts."
            )


def _keep_terms(restoration: Restoration, bundle: Bundle, terms: Terms) -> None:
    through = bundle.manifest.texts_withheld_through
    restoration.withhold_texts(through if bundle.manifest.texts else bundle.manifest.size)
    if terms.digest_secret is not None:
        restoration.keep_digest_secret(terms.digest_secret)


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
