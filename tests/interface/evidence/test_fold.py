"""The second fold has a rule for every event, or says so."""

import copy
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from domain.catalogue import EVENTS
from interface import backoffice_verify
from interface.backoffice_verify import Books, Wrong
from interface.evidence import shapes
from interface.evidence.chart import Account, Chart
from interface.evidence.comparison import full_state_of
from interface.evidence.divergence import Divergence
from interface.evidence.fold import NEWEST, Fold
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


def test_both_verifiers_know_the_versions_that_there_are() -> None:
    newest = {event.__name__: version for event, version in EVENTS.items()}
    assert {name: NEWEST.get(name, 1) for name in newest} == newest
    assert {name: backoffice_verify.NEWEST.get(name, 1) for name in newest} == newest


def test_an_unknown_event_is_no_quiet_matter() -> None:
    record = _record("Teleported", msgspec.Raw(b"{}"))
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


def _legs(payload: Any, change: Callable[[Any], None]) -> None:
    for leg in payload["legs"]:
        change(leg)


def _is_valued(record: Any) -> bool:
    legs = record["payload"].get("legs", ())
    return len({leg["asset"] for leg in legs}) > 1 and "functional_amount" in str(legs)


def _worth_more(payload: Any) -> None:
    next(leg for leg in payload["legs"] if leg["asset"] == "USD")["functional_amount"] = "77.00"


def _worth_nothing(payload: Any) -> None:
    _legs(payload, lambda leg: leg.pop("functional_amount", None))


def _nothing(payload: Any) -> None:
    _legs(payload, lambda leg: leg.update(amount="0.00"))


SPOILT: dict[str, tuple[str | Callable[[Any], bool], Callable[[Any], Any], str]] = {
    "a version to come": (
        "EntryPosted",
        lambda record: record.update(schema_version=5),
        "version 5 of EntryPosted",
    ),
    "a version that never was": (
        "LimitSet",
        lambda record: record.update(schema_version=0),
        "version 0 of LimitSet",
    ),
    "an asset a second time": (
        lambda record: record["payload"].get("code") == "JPY",
        lambda record: record["payload"].update(code="USD", scale=3),
        "registered twice",
    ),
    "an asset of too many decimals": (
        "AssetRegistered",
        lambda record: record["payload"].update(scale=1 << 40),
        "registered twice|decimals",
    ),
    "an entry without legs": (
        "EntryPosted",
        lambda record: record["payload"].update(legs=[]),
        "less than two legs",
    ),
    "an entry of no amount": (
        "EntryPosted",
        lambda record: _nothing(record["payload"]),
        r"0\.00",
    ),
    "a journal that was never opened": (
        "EntryPosted",
        lambda record: record["payload"].update(journal="XXX", voucher_no=1),
        "XXX was never opened",
    ),
    "an exchange without its worth": (
        _is_valued,
        lambda record: _worth_nothing(record["payload"]),
        "no value in USD|balance in the functional",
    ),
    "a worth unlike its amount": (
        _is_valued,
        lambda record: _worth_more(record["payload"]),
        "unlike its own|worth 77",
    ),
    "another kind of account with lines": (
        "AccountFrozen",
        lambda record: record.update(
            type="AccountAmended",
            payload={"account": record["payload"]["account"], "type": "expense"},
        ),
        "an account of another kind",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_no_service_writes_is_found_by_both(busy: Archive, name: str) -> None:
    wanted, spoil, said = SPOILT[name]
    fold, books = Fold(busy.ledger), Books()
    for state in busy.states():
        record = json.loads(state)
        if record["type"] == wanted if isinstance(wanted, str) else wanted(record):
            spoil(record)
            with pytest.raises(Divergence, match=said):
                fold.apply(decode_envelope(json.dumps(record).encode()))
            with pytest.raises(Wrong, match=said):
                books.apply(record, busy.ledger)
            return
        fold.apply(decode_envelope(state))
        books.apply(record, busy.ledger)
    pytest.fail("there is no such record")


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
    return _record("EntryPosted", raw)


def _record(type: str, payload: msgspec.Raw) -> Envelope:
    return Envelope(1, "acme", 1, 1, "s", 1, type, 1, "", "", None, "http", None, None, payload)


def _named(totals: Totals) -> tuple[str, str]:
    return totals.account.code, totals.asset
