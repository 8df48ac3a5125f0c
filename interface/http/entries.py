"""Entries as answers show them."""

from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from domain.entries import EntryAdjusted, EntryNotFound, EntryPosted
from interface.http.chains import correction_of, read_chain
from interface.http.errors import Problem
from interface.http.streams import (
    NO_TEXT,
    Stored,
    happened,
    is_erased,
    read_stream,
    read_texts,
    receipt,
)


def entry_shown(posted: Stored) -> dict[str, Any]:
    """Returns a posted entry. Requires the record of an EntryPosted."""
    event: EntryPosted = posted.record.payload
    return {
        "id": posted.record.stream,
        "journal": event.journal,
        "voucher_no": event.voucher_no,
        "fiscal_year": event.fiscal_year,
        "class": event.class_,
        "effective_on": event.effective_on,
        "legs": event.legs,
        "value_on": event.value_on,
        "reference": event.reference,
        "document": event.document,
        "source": event.source,
        "original": event.original,
        "links": event.links,
        "attachments": event.attachments,
        "authorization": event.authorization,
        "movement": event.movement,
        "corrects": event.corrects,
        "correction": event.correction,
        "relates_to": event.relates_to,
        "prior_period": event.prior_period,
        "reverse_on": event.reverse_on,
    }


def read_entry(connection: Connection[DictRow], entry: str) -> dict[str, Any]:
    """Returns an entry with its texts, what took it back, and its events.

    Raises Problem (entry_not_found).
    """
    stored = read_stream(connection, entry)
    if not stored or not isinstance(stored[0].record.payload, EntryPosted):
        raise Problem.of(EntryNotFound(entry=entry))
    record = stored[0].record
    mark = correction_of(stored)
    texts = read_texts(connection, stored[:1]).get(record.position, NO_TEXT)
    shown = entry_shown(stored[0])
    legs: list[dict[str, Any]] = msgspec.to_builtins(shown["legs"])
    for leg, narrative in zip(legs, texts.legs or (), strict=False):
        if narrative is not None:
            leg["narrative"] = narrative
    return {
        **shown,
        "legs": legs,
        "narrative": texts.narrative,
        "metadata": texts.metadata,
        "texts_erased": is_erased(record, texts),
        "actor": record.actor,
        "on_behalf_of": record.on_behalf_of,
        "reason": record.reason,
        "correlation_id": record.correlation_id,
        "reversed_by": None if mark is None else mark.reversal,
        "adjusted_by": mark.replacement if isinstance(mark, EntryAdjusted) else None,
        "chain": read_chain(connection, stored),
        "events": [happened(one) for one in stored],
        **receipt(stored[0]),
    }
