"""A beancount file: read by beancount itself, and held against the trial balance."""

from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from beancount import loader
from beancount.core import data
from beanquery.query import run_query

from domain.accounts import Account
from interface.exporting import beancount
from projections.report import Span
from tests.interface.exporting.balances import Balances, trial_balance_of
from tests.interface.exporting.books import EVERYTHING, HOSTILE, HOSTILE_LEG, Books

Loaded = list[Any]


def loaded_with_options(text: str) -> tuple[Loaded, dict[str, Any]]:
    """The directives, which must be without an error (what bean-check asks for)."""
    entries, errors, options = loader.load_string(text)
    assert [error.message for error in errors] == []
    return list(entries), options


def loaded(text: str) -> Loaded:
    return loaded_with_options(text)[0]


def transactions(entries: Loaded) -> list[Any]:
    return [entry for entry in entries if isinstance(entry, data.Transaction)]


def codes(entries: Loaded, kind: Any, name: str) -> dict[str, str]:
    """Our codes by beancount's names, as the file tells them."""
    return {
        getattr(entry, name): entry.meta["code"] for entry in entries if isinstance(entry, kind)
    }


def balances(entries: Loaded, options: dict[str, Any]) -> Balances:
    """What bean-query says of every account, under our codes."""
    accounts = codes(entries, data.Open, "account")
    assets = codes(entries, data.Commodity, "currency")
    query = "SELECT account, sum(position) AS balance GROUP BY account"
    _, rows = run_query(entries, options, query)  # type: ignore[no-untyped-call]
    return {
        (accounts[account], assets[one.units.currency]): one.units.number
        for account, inventory in rows
        for one in inventory
    }


@pytest.mark.parametrize(
    "span",
    [
        pytest.param(EVERYTHING, id="everything"),
        pytest.param(Span(date(2026, 1, 1), date.max), id="a_year_that_opens_with_balances"),
        pytest.param(Span(date(2025, 6, 30), date(2026, 1, 15)), id="some_days"),
        pytest.param(Span(date.min, date(2024, 12, 31)), id="nothing"),
    ],
)
def test_beancount_takes_it_and_adds_up_to_the_trial_balance(books: Books, span: Span) -> None:
    with books.extract(span) as extract:
        entries, options = loaded_with_options("".join(beancount.write(extract)))
        assert balances(entries, options) == trial_balance_of(extract)
        asserted = [entry for entry in entries if isinstance(entry, data.Balance)]
        assert len(asserted) == len(extract.closing())


def test_what_was_known_earlier(books: Books) -> None:
    with books.extract(known=books.midway) as extract:
        entries, options = loaded_with_options("".join(beancount.write(extract)))
        assert balances(entries, options) == trial_balance_of(extract)
        last = max(entry.meta["position"] for entry in transactions(entries))
        assert last == books.midway
    with books.extract() as extract:
        assert len(transactions(loaded("".join(beancount.write(extract))))) > len(
            transactions(entries)
        )


def test_entries_keep_what_they_say(books: Books) -> None:
    with books.extract() as extract:
        entries = transactions(loaded("".join(beancount.write(extract))))
    by_id = {entry.meta["id"]: entry for entry in entries}
    hostile = next(entry for entry in entries if entry.narration == HOSTILE)
    assert hostile.meta["voucher"] == "SAL/2025/1"
    assert hostile.meta["reference"] == "=1+2"
    assert hostile.meta["document"] == "invoice F\t2025-1"
    assert [posting.meta.get("party") for posting in hostile.postings] == ["client 1", None]
    assert by_id[books.reversed].meta["reversed-by"] == books.reversal
    assert by_id[books.reversal].meta["corrects"] == books.reversed
    assert by_id[books.replacement].meta["correction"] == "replacement"
    legs = [posting for entry in entries for posting in entry.postings]
    assert [leg.meta["narrative"] for leg in legs if "narrative" in leg.meta] == [HOSTILE_LEG]
    (dimensions,) = (leg.meta["dimensions"] for leg in legs if "dimensions" in leg.meta)
    assert msgspec.json.decode(dimensions) == {"Größe, m": "x;y"}
    worth = sum(
        leg.meta["functional"].number * (-1 if leg.units.number < 0 else 1)
        for leg in legs
        if "functional" in leg.meta
    )
    assert worth == 0
    dollars = next(leg for leg in legs if leg.units.currency == "USD")
    assert str(dollars.meta["functional"]) == "900.00 EUR"


def test_rates_are_prices_one_a_day(books: Books) -> None:
    with books.extract() as extract:
        entries = loaded("".join(beancount.write(extract)))
    assets = codes(entries, data.Commodity, "currency")
    assert [
        (one.date, assets[one.currency], str(one.amount))
        for one in entries
        if isinstance(one, data.Price)
    ] == [(date(2026, 1, 15), "USD", "0.91 EUR"), (date(2026, 2, 1), "X-", "16 EUR")]
    with books.extract(Span(date.min, date(2025, 12, 31))) as extract:
        assert extract.prices() == []


def test_texts_are_left_out_unless_they_are_asked_for(books: Books) -> None:
    with books.extract(with_texts=False) as extract:
        text = "".join(beancount.write(extract))
    assert "HYPERLINK" not in text
    assert "leg" not in text
    assert "broker" not in text
    loaded(text)


def test_a_file_is_what_bean_check_accepts(books: Books, tmp_path: Path) -> None:
    path = tmp_path / "books.beancount"
    with books.extract() as extract:
        path.write_text("".join(beancount.write(extract)), newline="")
    _, errors, _ = loader.load_file(str(path))
    assert errors == []


def account(code: str, kind: Any = "asset") -> Account:
    return Account(stream="", version=1, code=code, type=kind, name=code)


@pytest.mark.parametrize(
    ("code", "kind", "name"),
    [
        ("assets:cash:operating", "asset", "Assets:Cash:Operating"),
        ("Assets:Cash", "asset", "Assets:Cash"),
        ("cash", "asset", "Assets:Cash"),
        ("assets", "asset", "Assets:Assets"),
        ("income:fees", "revenue", "Income:Fees"),
        ("revenue:fees", "revenue", "Income:Fees"),
        ("liabilities:x", "asset", "Assets:Liabilities:X"),
        ("4-1000.a", "expense", "Expenses:4-1000-a"),
        ("a:-b:_c", "equity", "Equity:A:X-b:X-c"),
    ],
)
def test_names_of_accounts(code: str, kind: Any, name: str) -> None:
    assert beancount.account_names([account(code, kind)]) == {code: name}


def test_names_of_accounts_are_never_shared() -> None:
    chart = ["assets:a_b", "assets:a-b", "Assets:A-b", "a.b", "assets:c"]
    names = beancount.account_names([account(code) for code in chart])
    assert len(set(names.values())) == len(chart)
    assert names["Assets:A-b"] == "Assets:A-b"
    assert names["assets:c"] == "Assets:C"
    assert names["assets:a_b"].startswith("Assets:A-b-")


def test_names_of_assets() -> None:
    names = beancount.commodity_names(["EUR", "AC.1", "TRUE", "X-", "A_"])
    assert (names["EUR"], names["AC.1"]) == ("EUR", "AC.1")
    text = "".join(f"2026-01-01 commodity {name}\n" for name in names.values())
    assert len(loaded(text)) == len(names)
