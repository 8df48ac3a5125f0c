"""Ledgers, assets and journals as answers show them."""

from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from domain.assets import Asset, AssetRegistered
from domain.journals import Journal, JournalOpened
from domain.ledgers import Ledger, LedgerCreated

_decode_ledger = msgspec.json.Decoder(Ledger).decode
_decode_asset = msgspec.json.Decoder(Asset).decode
_decode_journal = msgspec.json.Decoder(Journal).decode


def ledger_shown(ledger: Ledger | LedgerCreated) -> dict[str, Any]:
    """Returns a ledger, from its state or from the event that made it."""
    return {
        "id": ledger.id,
        "name": ledger.name,
        "functional_asset": ledger.functional_asset,
        "timezone": ledger.timezone,
        "fiscal_year_start": ledger.fiscal_year_start,
        "entity": ledger.entity,
        "locked_through": getattr(ledger, "locked_through", None),
        "closed_through": getattr(ledger, "closed_through", None),
    }


def asset_shown(asset: Asset | AssetRegistered) -> dict[str, Any]:
    """Returns an asset, from its state or from the event that made it."""
    return {"code": asset.code, "scale": asset.scale, "kind": asset.kind}


def journal_shown(journal: Journal | JournalOpened) -> dict[str, Any]:
    """Returns a journal, from its state or from the event that made it."""
    return {"code": journal.code, "name": journal.name}


def read_ledger(connection: Connection[DictRow]) -> dict[str, Any]:
    """Returns the ledger itself, with the position of its last event."""
    row = connection.execute(
        "SELECT l.document, h.position FROM ledger AS l CROSS JOIN head AS h"
    ).fetchone()
    assert row is not None, "a listed ledger was created"
    return {**ledger_shown(_decode_ledger(row["document"])), "position": row["position"]}


def decode_asset(document: bytes) -> dict[str, Any]:
    """Returns the asset of a write-side row as it is shown."""
    return asset_shown(_decode_asset(document))


def decode_journal(document: bytes) -> dict[str, Any]:
    """Returns the journal of a write-side row as it is shown."""
    return journal_shown(_decode_journal(document))
