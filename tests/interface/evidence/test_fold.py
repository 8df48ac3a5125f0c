"""The second fold has a rule for every event, or says so."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from domain.catalogue import EVENTS
from interface.backoffice_verify import Books, Wrong
from interface.evidence.divergence import Divergence
from interface.evidence.fold import Fold
from interface.evidence.shapes import Envelope, decode_envelope
from tests.application.transparency.archive import Archive


@pytest.mark.parametrize("name", sorted(event.__name__ for event in EVENTS))
def test_every_event_has_a_rule_in_the_second_fold(name: str) -> None:
    assert name in Fold("acme").known, (
        f"{name} is new: say in interface/evidence/fold.py (or chart.py, holds.py, passbook.py)"
        " what follows from it, in interface/evidence/rows.py which rows it changes, and in"
        " docs/evidence-format.md what its members mean to a verifier"
    )


def test_the_fold_has_no_rules_for_events_that_there_are_not() -> None:
    assert Fold("acme").known == {event.__name__ for event in EVENTS}


def test_an_unknown_event_is_no_quiet_matter() -> None:
    record = Envelope(1, "acme", 1, 1, "s", 1, "Teleported", "", None, msgspec.Raw(b"{}"))
    with pytest.raises(Divergence, match="Teleported"):
        Fold("acme").apply(record)


@pytest.mark.parametrize(
    ("member", "change"),
    [
        ("lines", lambda lines: lines + 1),
        ("lines", lambda lines: lines - 1),
        ("balance", lambda balance: f"1{balance}"),
        ("balance", lambda balance: balance[:-1]),
        ("asset", lambda _: "EUR"),
        ("account", lambda _: "bank:eur"),
    ],
)
def test_a_statement_that_does_not_follow_is_found(
    busy: Archive, member: str, change: Callable[[Any], Any]
) -> None:
    """By both verifiers, right there."""
    fold, books = Fold(busy.ledger), Books()
    for state in busy.states():
        record = json.loads(state)
        if record["type"] == "AccountStated" and record["payload"]["lines"]:
            record["payload"][member] = change(record["payload"][member])
            with pytest.raises(Divergence):
                fold.apply(decode_envelope(json.dumps(record).encode()))
            with pytest.raises((Wrong, KeyError)):
                books.apply(record, busy.ledger)
            return
        fold.apply(decode_envelope(state))
        books.apply(record, busy.ledger)
    pytest.fail("nothing was stated")
