"""hledger's own JSON as a journal. HLEDGER is what `hledger print -O json` of 1.25 says, without
what nobody reads."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from interface.importing.chart import account_code
from interface.importing.hledger import journal_of, read_hledger
from interface.importing.lines import Line, Refused, Unreadable
from interface.importing.plain_text import PlainText

TYPED = [
    "Assets:My Bank      ; type: C",
    "expenses:food       ; type: X",
    "equity:opening      ; type: E",
    "budget:x            ; type: ",
]

BANK = f"Assets:{account_code('My Bank')}"


def amount(number: str, commodity: str, **more: Any) -> dict[str, Any]:
    decimal = Decimal(number)
    places = -int(decimal.as_tuple().exponent)
    quantity = {"decimalMantissa": int(decimal.scaleb(places)), "decimalPlaces": places}
    return {"acommodity": commodity, "aquantity": quantity, "aprice": None, **more}


def posting(account: str, *amounts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "paccount": account,
        "pamount": list(amounts),
        "pcomment": "",
        "ptags": [],
        "ptype": "RegularPosting",
        **more,
    }


def transaction(*postings: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "tcode": "",
        "tcomment": "",
        "tdate": "2025-01-02",
        "tdescription": "Shop | groceries",
        "tindex": 1,
        "tpostings": list(postings),
        "tsourcepos": [{"sourceLine": 6, "sourceName": "/home/ann/books.journal"}],
        "ttags": [],
        **more,
    }


def told(*transactions: dict[str, Any], mapping: tuple[str, ...] = ()) -> PlainText:
    journal = journal_of(transactions, TYPED, mapping=mapping)
    return PlainText(journal, functional="USD", scales={"USD": 2})


def commands(text: PlainText) -> list[dict[str, Any]]:
    return [line.command for line in text.lines() if isinstance(line, Line)]


def test_a_transaction_is_a_post() -> None:
    text = told(
        transaction(
            posting("expenses:food", amount("10.00", "$"), pcomment="p:x\n"),
            posting("Assets:My Bank", amount("-10.00", "$")),
            tcode="c1",
        )
    )
    (command,) = commands(text)
    assert command == {
        "do": "post",
        "key": "hledger-1",
        "effective_on": "2025-01-02",
        "legs": [
            {
                "account": "expenses:food",
                "side": "debit",
                "amount": "10.00",
                "asset": "USD",
                "narrative": "p:x",
            },
            {
                "account": BANK,
                "side": "credit",
                "amount": "10.00",
                "asset": "USD",
            },
        ],
        "source": {"system": "hledger", "file": "books.journal", "line": 6},
        "narrative": "Shop | groceries",
        "metadata": {"code": "c1"},
    }
    kinds = {body["code"]: body["type"] for kind, body in text.setup() if kind == "account"}
    assert kinds == {
        "expenses:food": "expense",
        BANK: "asset",
        "equity:conversion": "equity",
    }


@pytest.mark.parametrize("member", ["aprice", "acost"])
@pytest.mark.parametrize(
    ("tag", "price"), [("UnitPrice", "1.12"), ("TotalPrice", "112.00"), ("UnitCost", "1.12")]
)
def test_a_price_is_worth_and_is_mirrored(member: str, tag: str, price: str) -> None:
    told_price = {"tag": tag, "contents": amount(price, "$")}
    (command,) = commands(
        told(
            transaction(
                posting("Assets:My Bank", amount("100", "€", **{member: told_price})),
                posting("equity:opening", amount("-112.00", "$")),
            )
        )
    )
    legs = [(leg["account"], leg["side"], leg["amount"], leg["asset"]) for leg in command["legs"]]
    assert legs[2:] == [
        ("equity:conversion", "debit", "112.00", "USD"),
        ("equity:conversion", "credit", "100.00", "EUR"),
    ]
    assert {leg.get("functional_amount") for leg in command["legs"]} == {None, "112.00"}


def test_several_amounts_of_a_posting_and_virtual_ones() -> None:
    text = told(
        transaction(
            posting("Assets:My Bank", amount("1.00", "$"), amount("2", "CHF")),
            posting("equity:opening", amount("-1.00", "$"), amount("-2", "CHF")),
            posting("budget:x", amount("5.00", "$"), ptype="VirtualPosting"),
            tindex=7,
        )
    )
    (command,) = commands(text)
    assert len(command["legs"]) == 4
    assert command["key"] == "hledger-7"
    assert "virtual_posting" in {remark.code for remark in text.remarks()}


@pytest.mark.parametrize(
    ("bad", "mapping", "said"),
    [
        (posting("expenses:food", amount("1", "")), (), "--map =CODE"),
        (posting("expenses:food", amount("1", "kg x")), (), "--map kg x=CODE"),
        (posting("expenses:food", amount("1", "usd"), amount("1", "$")), (), "both be USD"),
        (posting("expenses:food", amount("1", "$")), ("dollars",), "--map dollars"),
        (posting("strange", amount("1", "$")), (), "no type of the account strange"),
    ],
)
def test_what_cannot_be_read_is_said(
    bad: dict[str, Any], mapping: tuple[str, ...], said: str
) -> None:
    with pytest.raises(Unreadable, match=said.replace("$", r"\$")):
        told(transaction(bad), mapping=mapping)


def test_commodities_can_be_named() -> None:
    (command,) = commands(
        told(
            transaction(
                posting("expenses:food", amount("1", ""), amount("1", "$")),
                posting("equity:opening", amount("-1", ""), amount("-1", "$")),
            ),
            mapping=("=POINTS", "$=CAD"),
        )
    )
    assert {leg["asset"] for leg in command["legs"]} == {"POINTS", "CAD"}


def test_too_many_legs_are_refused_and_the_rest_goes_on() -> None:
    many = [posting("expenses:food", amount("1.00", "$")) for _ in range(100)]
    text = told(
        transaction(*many, posting("equity:opening", amount("-100.00", "$"))),
        transaction(
            posting("expenses:food", amount("1.00", "$")),
            posting("equity:opening", amount("-1.00", "$")),
            tindex=2,
        ),
    )
    refused, line = text.lines()
    assert isinstance(refused, Refused)
    assert refused.code == "too_many_legs"
    assert isinstance(line, Line)


def test_without_the_program_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unreadable, match="needs the program hledger"):
        read_hledger(tmp_path)
