"""Chains of corrections: what an entry was at first, what took it back, and what stands now.

An entry is reversed, or reversed and replaced; the replacement may be corrected in turn. From
whichever entry of a chain one comes, all of it is found: every correction names what it corrects,
and every corrected entry's stream says by what.
"""

from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from domain.entries import EntryAdjusted, EntryPosted, EntryReversed
from interface.http.streams import Stored, read_stream

CHAIN_MAX = 100
"""So many corrections, to either side of the entry that is asked for, are followed."""

Link = dict[str, Any]


def read_chain(connection: Connection[DictRow], stored: list[Stored]) -> list[Link]:
    """Returns the links of the chain that an entry stands in, first to last; itself alone where
    nothing was corrected. Requires its records."""
    first = stored
    for _ in range(CHAIN_MAX):
        corrected = _posted(first).corrects
        if corrected is None:
            break
        first = read_stream(connection, corrected)
    links = [_link(first)]
    for _ in range(2 * CHAIN_MAX):
        mark = correction_of(first)
        if mark is None:
            break
        links.append(_link(read_stream(connection, mark.reversal)))
        if isinstance(mark, EntryReversed):
            break
        first = read_stream(connection, mark.replacement)
        links.append(_link(first))
    return links


def correction_of(stored: list[Stored]) -> EntryReversed | EntryAdjusted | None:
    """Returns the mark of what took an entry back, None while it stands. Requires its records."""
    for record, _ in stored[1:]:
        if isinstance(record.payload, EntryReversed | EntryAdjusted):
            return record.payload
    return None


def _posted(stored: list[Stored]) -> EntryPosted:
    posted = stored[0].record.payload
    assert isinstance(posted, EntryPosted), "a correction names an entry"
    return posted


def _link(stored: list[Stored]) -> Link:
    record, posted, mark = stored[0].record, _posted(stored), correction_of(stored)
    return {
        "id": record.stream,
        "correction": posted.correction,
        "corrects": posted.corrects,
        "effective_on": posted.effective_on,
        "position": record.position,
        "recorded_at": record.recorded_at,
        "actor": record.actor,
        "reason": record.reason,
        "stands": mark is None and posted.correction != "reversal",
    }
