"""Charts of accounts, and how account numbers become codes."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interface.importing.chart import Account, UnknownType, account_code, account_type, read_chart
from interface.importing.columns import UnknownColumns
from interface.importing.lines import Noticed, Refused

CODE = re.compile(r"[A-Za-z0-9._-]+(:[A-Za-z0-9._-]+){0,7}")


@pytest.mark.parametrize("number", ["1000", "60002-01", "assets:cash:operating", "a.b_c-d", "1:2"])
def test_a_number_that_is_a_code_stays(number: str) -> None:
    assert account_code(number) == number


@pytest.mark.parametrize(
    ("number", "readable"),
    [
        ("1000/20", "1000-20.x"),
        ("Receivables & Other", "Receivables-Other.x"),
        ("Účet 311", "Ucet-311.x"),
        ("現金", "account.x"),
        ("a::b", "a-b.x"),
        ("x" * 121, "x" * 100 + ".x"),
        (":".join("123456789"), "1-2-3-4-5-6-7-8-9.x"),
    ],
)
def test_another_number_becomes_a_code_that_can_be_read(number: str, readable: str) -> None:
    code = account_code(number)
    assert code.startswith(readable)
    assert re.fullmatch("[0-9a-f]{10}", code.removeprefix(readable))
    assert code == account_code(f" {number} ")


@given(st.lists(st.text(min_size=1, max_size=200).map(str.strip).filter(bool), unique=True))
def test_every_code_fits_the_grammar_and_no_two_numbers_share_one(numbers: list[str]) -> None:
    codes = [account_code(number) for number in numbers]
    assert all(CODE.fullmatch(code) and len(code) <= 120 for code in codes)
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Assets", "asset"),
        ("Current Assets", "asset"),
        ("Property, plant & equipment (asset)", "asset"),
        ("Accounts Receivable", "asset"),
        ("LIABILITIES", "liability"),
        ("Long-term debt", "liability"),
        ("Unearned revenue liability", "liability"),
        ("Equity", "equity"),
        ("Stockholders' Equity", "equity"),
        ("Retained earnings", "equity"),
        ("Net Assets", "equity"),
        ("Revenue", "revenue"),
        ("Other Income", "revenue"),
        ("Expenses", "expense"),
        ("Cost of sales", "expense"),
        ("COGS", "expense"),
        ("Income tax expense", "expense"),
    ],
)
def test_a_word_for_a_type_is_understood(words: str, expected: str) -> None:
    assert account_type(words) == (expected, False)


def test_a_contra_account_is_understood() -> None:
    assert account_type("Contra Asset") == ("asset", True)


@pytest.mark.parametrize(
    "words", ["", "Balance sheet", "P&L", "E", "Income/Expense", "Income and expense", "4"]
)
def test_a_word_that_means_none_or_two_is_not(words: str) -> None:
    with pytest.raises(UnknownType):
        account_type(words)


def test_a_chart_becomes_accounts(tmp_path: Path) -> None:
    path = tmp_path / "chart.csv"
    path.write_text(
        "GL_Account_Number|GL_Account_Name|Account_Type|Account_Subtype|FS_Caption|Extra\n"
        "1010|Cash at bank|Assets|Current Assets|Cash and cash equivalents|x\n"
        "1590|Accumulated depreciation|Contra Asset|Non-current assets||\n"
        "\n"
        "4000|\"Fees\nof clients\"|Revenue||Revenue|\n"
        "9999|Memo|Statistical|||\n"
        "|Nameless|Asset|||\n"
        "1010|Cash at bank|Assets|Current Assets|Cash and cash equivalents|y\n"
        "1010|Cash in hand|Assets||Cash|\n"
        "20/1||Liabilities|||\n",
        encoding="utf-8",
    )  # fmt: skip
    code = account_code("20/1")
    assert list(read_chart(path)) == [
        Account(2, {"code": "1010", "type": "asset", "name": "Cash at bank", "number": "1010",
                    "statement_line": "Cash and cash equivalents", "current": True}),
        Account(3, {"code": "1590", "type": "asset", "name": "Accumulated depreciation",
                    "number": "1590", "contra": True, "current": False}),
        Account(5, {"code": "4000", "type": "revenue", "name": "Fees\nof clients",
                    "number": "4000", "statement_line": "Revenue"}),
        Refused(7, None, "invalid_request", "account 9999: Account_Type 'Statistical' is none of "
                "asset, liability, equity, revenue, expense"),
        Refused(8, None, "invalid_request", "the row has no GL_Account_Number"),
        Noticed(10, None, "already_exists",
                "account 1010 stands in the chart before, otherwise; the first counts"),
        Noticed(11, None, "account_code", f"account 20/1 is {code} here"),
        Account(11, {"code": code, "type": "liability", "name": "20/1", "number": "20/1"}),
    ]  # fmt: skip


def test_a_chart_s_columns_can_be_mapped(tmp_path: Path) -> None:
    path = tmp_path / "chart.csv"
    path.write_text("konto;art\n1000;Assets\n")
    mapping = ["GL_Account_Number=konto", "Account_Type=art"]
    body = {"code": "1000", "type": "asset", "name": "1000", "number": "1000"}
    assert list(read_chart(path, mapping=mapping)) == [Account(2, body)]
    with pytest.raises(UnknownColumns, match="GL_Account_Number"):
        list(read_chart(path))


def test_short_headings_do_where_the_standard_s_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "chart.csv"
    path.write_text("number,name,type\n1000,Cash,Assets\n")
    body = {"code": "1000", "type": "asset", "name": "Cash", "number": "1000"}
    assert list(read_chart(path)) == [Account(2, body)]
    path.write_text("Number,GL_Account_Number,Name,Account Type,type\n1,1000,Cash,Assets,x\n")
    assert list(read_chart(path)) == [Account(2, body)]
