"""An hledger journal: read by hledger itself where it is installed."""

import json
import re
import shutil
import subprocess
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from interface.exporting import hledger
from projections.report import Span
from tests.interface.exporting.balances import Balances, trial_balance_of
from tests.interface.exporting.books import EVERYTHING, HOSTILE, HOSTILE_LEG, LAST_DAY, Books

HLEDGER = shutil.which("hledger")
needs_hledger = pytest.mark.skipif(HLEDGER is None, reason="hledger is not installed")


def run(path: Path, *arguments: str) -> str:
    assert HLEDGER is not None
    done = subprocess.run(
        [HLEDGER, "-f", str(path), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def number(amount: dict[str, Any]) -> Decimal:
    quantity = amount["aquantity"]
    return Decimal(quantity["decimalMantissa"]).scaleb(-quantity["decimalPlaces"])


def printed(path: Path) -> list[Any]:
    return list(json.loads(run(path, "print", "-O", "json")))


@pytest.fixture
def journal(books: Books, tmp_path: Path) -> Path:
    path = tmp_path / "books.journal"
    with books.extract() as extract:
        path.write_text("".join(hledger.write(extract)), newline="")
    return path


@needs_hledger
@pytest.mark.parametrize(
    "span",
    [
        pytest.param(EVERYTHING, id="everything"),
        pytest.param(Span(date(2025, 6, 30), date(2026, 1, 15)), id="some_days_with_opening"),
        pytest.param(Span(date(2126, 1, 1), date.max), id="days_that_have_not_come"),
    ],
)
def test_hledger_takes_it_and_adds_up_to_the_trial_balance(
    books: Books, tmp_path: Path, span: Span
) -> None:
    path = tmp_path / "books.journal"
    with books.extract(span) as extract:
        path.write_text("".join(hledger.write(extract)), newline="")
        expected = trial_balance_of(extract)
    run(path, "check", "--strict")
    if span.from_ < LAST_DAY:
        assert "P 2026-01-15 USD 0.91 EUR" in run(path, "prices")
    found: Balances = defaultdict(Decimal)
    for transaction in printed(path):
        for posting in transaction["tpostings"]:
            for amount in posting["pamount"]:
                found[posting["paccount"], amount["acommodity"]] += number(amount)
    assert {key: balance for key, balance in found.items() if balance} == expected


@needs_hledger
def test_entries_keep_what_they_say(books: Books, journal: Path) -> None:
    entries = printed(journal)
    hostile = next(one for one in entries if one["tcode"] == "SAL/2025/1")
    tags = dict(hostile["ttags"])
    assert json.loads(tags["narrative"]) == HOSTILE
    assert json.loads(tags["document"]) == "invoice F\t2025-1"
    assert json.loads(tags["reference"]) == "=1+2"
    assert hostile["tdescription"].startswith("=HYPERLINK")
    assert hostile["tdate"] == "2025-06-30"
    legs = [dict(leg["ptags"]) for one in entries for leg in one["tpostings"]]
    (narrative,) = (tags["narrative"] for tags in legs if "narrative" in tags)
    assert json.loads(narrative) == HOSTILE_LEG
    assert not any(leg["pdate"] for one in entries for leg in one["tpostings"])
    by_id = {tags["id"]: tags for one in entries if (tags := dict(one["ttags"])).get("id")}
    assert by_id[books.reversed]["reversed-by"] == books.reversal


def test_nothing_hostile_is_left_where_hledger_would_act_on_it(books: Books) -> None:
    with books.extract() as extract:
        text = "".join(hledger.write(extract))
    assert not re.search("[^\n\x20-\x7e\u00a1-\uffff]", text)
    for line in text.split("\n"):
        assert line.count(";") <= 1
        assert "[" not in line or line.startswith("20")
    said = hledger.tag_value(HOSTILE)
    assert not set(said) & set(",:;[]")
    assert json.loads(said) == HOSTILE


def test_texts_are_left_out_unless_they_are_asked_for(books: Books) -> None:
    with books.extract(with_texts=False) as extract:
        text = "".join(hledger.write(extract))
    assert "HYPERLINK" not in text
    assert "broker" not in text
