"""The second fold has a rule for every event, or says so."""

import copy
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from domain.catalogue import EVENTS
from interface.backoffice_verify import Books, Wrong
from interface.evidence import shapes
from interface.evidence.chart import Account, Chart
from interface.evidence.comparison import full_state_of
from interface.evidence.divergence import Divergence
from interface.evidence.fold import Fold
from interface.evidence.passbook import Passbook, Totals
from interface.evidence.plain import TRIED_AGAIN_AFTER, EntryDecoder, PlainEntry
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


def test_plain_entries_are_judged_as_any_others(busy: Archive) -> None:
    """What is checked in less time comes to the same, and misses nothing."""
    plain, general = Fold(busy.ledger), Fold(busy.ledger)
    general.passbook._decode = msgspec.json.Decoder(shapes.Entry).decode  # type: ignore[assignment]
    pairs = 0
    for state in busy.states():
        for fold in (plain, general):
            fold.apply(decode_envelope(state))
        pairs += isinstance(plain.entry, PlainEntry)
        if plain.entry is not None and general.entry is not None:
            legs = [
                [(*_named(totals), *moved) for totals, *moved in fold.passbook.legs]
                for fold in (plain, general)
            ]
            assert legs[0] == legs[1]
    assert pairs > 100
    assert full_state_of(plain) == full_state_of(general)


LEGS = [
    {"account": account, "side": side, "amount": "1.00", "asset": "USD", "line": 1}
    | {"balance": "1.00"}
    for account, side in (("a", "debit"), ("b", "credit"))
]
PAIR = {
    "journal": "GEN",
    "voucher_no": 1,
    "fiscal_year": 2026,
    "effective_on": "2026-03-31",
    "legs": LEGS,
}


@pytest.mark.parametrize(
    ("at", "change"),
    [
        (0, {"amount": "2.00"}),
        (0, {"amount": "1.0"}),
        (0, {"amount": "-1.00"}),
        (0, {"side": "credit"}),
        (1, {"side": "left"}),
        (1, {"line": 2}),
        (1, {"balance": "1.01"}),
        (1, {"balance": "-1.00"}),
        (0, {"account": "c"}),
        (1, {"asset": "EUR"}),
        (None, {"voucher_no": 2}),
        (None, {"fiscal_year": 2025}),
        (None, {"journal": "SAL"}),
        (None, {"effective_on": "2026-02-31"}),
    ],
)
def test_a_plain_entry_that_does_not_follow_is_found(
    at: int | None, change: dict[str, Any]
) -> None:
    for payload in (PAIR, PAIR | {"class": "ordinary"}):
        spoilt: Any = copy.deepcopy(payload)
        if at is None:
            spoilt |= change
        else:
            spoilt["legs"][at] |= change
        _book().post(_posted(payload))
        with pytest.raises(Divergence):
            _book().post(_posted(spoilt))


@pytest.mark.parametrize(
    ("more", "is_plain"),
    [
        ({"reference": "INV-1", "authorization": "a", "private": "00"}, True),
        ({"source": {"system": "old", "line": 3}, "document": {"number": "7"}}, True),
        ({"movement": {"kind": "settlement", "amount": "1.00"}, "value_on": "2026-03-31"}, True),
        ({"original": {"entered_by": "E"}, "links": [], "attachments": [{}]}, True),
        ({"legs": [leg | {"party": "p-1", "due_on": "2026-04-30"} for leg in LEGS]}, True),
        ({"legs": [LEGS[0], LEGS[1] | {"matches": "m", "dimensions": {"floor": "2"}}]}, True),
        ({"legs": [LEGS[0] | {"functional_amount": "1.00"}, LEGS[1]]}, False),
        ({"class": "closing"}, False),
        ({"corrects": "e", "correction": "reversal"}, False),
        ({"limits": []}, False),
        ({"reverse_on": "2026-04-01"}, False),
        ({"relates_to": "2026-01-15"}, False),
    ],
)
def test_entries_are_plain_unless_they_say_what_is_checked_apart(
    more: dict[str, Any], is_plain: bool
) -> None:
    posted = _book().post(_posted(PAIR | more))
    assert isinstance(posted, PlainEntry) is is_plain
    general = msgspec.convert(PAIR | more, shapes.Entry)
    for name in shapes.Entry.__struct_fields__:
        if name != "legs":
            said, meant = getattr(posted, name), getattr(general, name)
            assert msgspec.to_builtins(said) == msgspec.to_builtins(meant)
    for name in shapes.Leg.__struct_fields__:
        legs: Any = posted.legs
        assert [getattr(leg, name) for leg in legs] == [getattr(leg, name) for leg in general.legs]


def test_plain_entries_are_looked_for_again_soon() -> None:
    """One among many that is not plain lets the next ones be; many in a row are not all tried."""
    decode = EntryDecoder().decode
    plain, other = _posted(PAIR).payload, _posted(PAIR | {"class": "ordinary"}).payload
    assert not isinstance(decode(other), PlainEntry)
    assert isinstance(decode(plain), PlainEntry)
    for _ in range(100):
        assert not isinstance(decode(other), PlainEntry)
    tried = [isinstance(decode(plain), PlainEntry) for _ in range(2 * TRIED_AGAIN_AFTER)]
    assert sorted(tried) == tried
    assert sum(tried) >= TRIED_AGAIN_AFTER


def _book() -> Passbook:
    chart = Chart()
    chart.functional_asset, chart.scales, chart.journals = "USD", {"USD": 2, "EUR": 2}, {"GEN": {}}
    for code, type in (("a", "asset"), ("b", "liability")):
        opened = shapes.AccountOpened(code=code, type=type, name=code, asset="USD")
        chart.accounts[code] = Account(code, opened)
    return Passbook(chart)


def _posted(payload: dict[str, Any]) -> Envelope:
    raw = msgspec.Raw(json.dumps(payload).encode())
    return Envelope(1, "acme", 1, 1, "s", 1, "EntryPosted", "", None, raw)


def _named(totals: Totals) -> tuple[str, str]:
    return totals.account.code, totals.asset
