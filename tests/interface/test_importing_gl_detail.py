"""What becomes of the journals of a general ledger file: commands, or refusals by line."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interface.importing import journals
from interface.importing.chart import account_code
from interface.importing.gl_detail import read_gl_detail
from interface.importing.lines import Line, Noticed, Refused
from interface.importing.posts import command_key
from tests.interface.general_ledgers import PLAIN, Found, commands, legs, read, refusals, written

SAP = """\
Journal_ID,Journal_ID_Line_Number,JE_Line_Description,Business_Unit_Code,Effective_Date,\
Fiscal_Year,GL_Account_Number,Amount,Amount_Credit_Debit_Indicator,Amount_Currency,\
JE_Header_ Description,Source,Entered_By,Document_Date,Entered_Date,Entered_Time,Period
4711,1,Postage,9900,20070122,2007,473000,9770.50,S,USD,,SA,MILLER,20070101,20070122,101205,1
4711,2,,,20070122,2007,113100,9770.5,H,USD,,SA,MILLER,20070101,20070122,101205,1
4712,1,,9900,20070122,2007,474210,26664.0,S,USD,Travel,SA,MILLER,20070101,20070122,84733,1
4712,2,,,20070122,2007,113100,26664.1,H,USD,Travel,SA,MILLER,20070101,20070122,84733,1
4713,1,,7000,20070122,2007,474211,1,S,USD,,SA,MILLER,20070101,20070122,101207,1
4713,2,,7000,20070122,2007,474212,2,S,USD,,SA,MILLER,20070101,20070122,101207,1
4713,3,,,20070122,2007,113100,3.00,H,USD,,SA,MILLER,20070101,20070122,101207,1
"""


def test_a_journal_becomes_a_post_with_its_source_and_origin(tmp_path: Path) -> None:
    detail = read_gl_detail(written(tmp_path, SAP), mapping=["debit=S", "credit=H"])
    first, refused, third = detail.lines()
    assert first == Line(
        2,
        {
            "do": "post",
            "key": "ads:4711",
            "effective_on": "2007-01-22",
            "legs": [
                {"account": "473000", "side": "debit", "amount": "9770.5", "asset": "USD",
                 "narrative": "Postage", "dimensions": {"business_unit": "9900"}},
                {"account": "113100", "side": "credit", "amount": "9770.5", "asset": "USD"},
            ],
            "source": {"file": "gl.csv", "sha256": detail.sha256, "line": 2},
            "reference": "4711",
            "original": {"entered_by": "MILLER", "entered_at": "2007-01-22T10:12:05Z"},
            "document": {"type": "SA", "date": "2007-01-01"},
        },
        "4711",
    )  # fmt: skip
    assert refused == Refused(4, "4712", "unbalanced", "debits less credits are -0.1 USD")
    assert isinstance(third, Line)
    assert third.number == 6
    assert [leg["amount"] for leg in third.command["legs"]] == ["1", "2", "3"]
    assert detail.rows == 7
    assert detail.ignored == ("Fiscal_Year", "Period")
    assert detail.assets == {"USD"}
    assert list(detail.lines()) == [first, refused, third]


def test_who_and_what_else_the_header_says_is_kept(tmp_path: Path) -> None:
    text = (
        "Journal ID;Effective Date;GL Account Number;Amount;Approved By;Approved Date;"
        "Document Number;Reversal Indicator;Reversal Journal ID;Last Modified By;"
        "Last Modified Date;JE Header Description;Entered_Date\n"
        "7;31.03.2026;1;12,50;;;R-9;1;6;ann;2026-04-01;;#N/A\n"
        "7;31.03.2026;2;-12,50;zoe;02.04.2026;R-9;1;6;ann;2026-04-01; Rent ;\n"
    )
    [command] = commands(read(tmp_path, text, timezone="Europe/Berlin", date_format="DD.MM.YYYY"))
    assert command["narrative"] == "Rent"
    assert command["original"] == {"approved_by": "zoe", "approved_at": "2026-04-01T22:00:00Z"}
    assert command["document"] == {"number": "R-9"}
    assert command["metadata"] == {
        "reversal_indicator": "1", "reversal_journal_id": "6",
        "last_modified_by": "ann", "last_modified_date": "2026-04-01",
    }  # fmt: skip
    assert command["legs"] == legs(("1", "debit", "12.5"), ("2", "credit", "12.5"))


def test_what_of_the_origin_can_not_be_read_is_kept_as_it_is(tmp_path: Path) -> None:
    text = (
        "Journal_ID,Effective_Date,GL_Account_Number,Amount,Entered_Date,Entered_Time,Document_Date\n"
        "1,2026-03-31,a,5,2026-02-30,10:00,yesterday\n1,2026-03-31,b,-5,,,\n"
    )
    found = read(tmp_path, text)
    assert [(one.line, one.code) for one in found if isinstance(one, Noticed)] == [
        (2, "not_understood"), (2, "not_understood"),
    ]  # fmt: skip
    [command] = commands(found)
    assert command["metadata"] == {
        "entered_at": "2026-02-30 10:00", "document_date": "yesterday"
    }  # fmt: skip
    assert "original" not in command
    assert "document" not in command


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # The standard's form.
        (["100,D", "100,C"], [("debit", "100"), ("credit", "100")]),
        # A negative amount stands on the other side.
        (["-100,C", "100,C"], [("debit", "100"), ("credit", "100")]),
        (["-100,D", "100,D"], [("credit", "100"), ("debit", "100")]),
        (["-100,D", "-100,C"], [("credit", "100"), ("debit", "100")]),
        # Every credit is negative and no debit is: the sign only repeats the indicator.
        (["100,D", "-100,C"], [("debit", "100"), ("credit", "100")]),
        (["100,D", "0.00,C", "-100,C"], [("debit", "100"), ("credit", "100")]),
        # Spelled out.
        (["100,DR", "100,credit"], [("debit", "100"), ("credit", "100")]),
    ],
)
def test_indicator_and_sign_tell_the_side(tmp_path: Path, rows: list[str], expected: Any) -> None:
    text = PLAIN + "\n" + "".join(f"1,2026-03-31,a,{row}\n" for row in rows)
    [command] = commands(read(tmp_path, text))
    assert [(leg["side"], leg["amount"]) for leg in command["legs"]] == expected


def test_two_columns_tell_the_side(tmp_path: Path) -> None:
    text = (
        "Journal_ID,Effective_Date,GL_Account_Number,Soll,Haben\n"
        '1,2026-03-31,a,"1.000,50",\n1,2026-03-31,b,"0,00","1.000,50"\n'
        "2,2026-03-31,a,5,5\n3,2026-03-31,a,,\n4,2026-03-31,a,-5,\n4,2026-03-31,a,5,0\n"
    )
    found = read(tmp_path, text, mapping=["Debit_Amount=Soll", "Credit_Amount=Haben"])
    first, second = commands(found)
    assert first["legs"] == legs(("a", "debit", "1000.5"), ("b", "credit", "1000.5"))
    assert second["legs"] == legs(("a", "credit", "5"), ("a", "debit", "5"))
    assert refusals(found) == [(4, "2", "invalid_request"), (5, "3", "invalid_request")]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["1,2026-03-31,a,5,D", "1,2026-03-31,b,6,C"], (2, "1", "unbalanced")),
        (["1,2026-03-31,a,5,D"], (2, "1", "unbalanced")),
        (["1,2026-03-31,a,0,D", "1,2026-03-31,b,0.0,C"], (2, "1", "amount_not_positive")),
        (["1,2026-03-31,a,5,D", "1,2026-03-31,b,five,C"], (3, "1", "invalid_request")),
        (["1,2026-03-31,a,5,D", "1,2026-03-31,b,5,X"], (3, "1", "invalid_request")),
        (["1,2026-03-31,a,5,D", "1,2026-03-31, ,5,C"], (3, "1", "invalid_request")),
        (["1,2026-03-31,a,5,D", "1,2026-03-31,b,5"], (3, "1", "invalid_request")),
        (["1,,a,5,D", "1,,b,5,C"], (2, "1", "invalid_request")),
        (["1,2026-02-30,a,5,D", "1,2026-02-30,b,5,C"], (2, "1", "invalid_request")),
        (["1,2026-03-31,a,0.0000000000001,D"], (2, "1", "amount_too_fine")),
        (["1,2026-03-31,a," + "9" * 32 + ",D"], (2, "1", "amount_too_large")),
    ],
)
def test_a_journal_is_refused_whole_by_line_and_the_rest_goes_in(
    tmp_path: Path, rows: list[str], expected: Any
) -> None:
    good = "9,2026-03-31,a,7,D\n9,2026-03-31,b,7,C\n"
    found = read(tmp_path, PLAIN + "\n" + "\n".join(rows) + "\n" + good)
    assert expected in refusals(found)
    assert [command["reference"] for command in commands(found)] == ["9"]
    # Alone, without anything that shows a form or a side, it is refused just the same.
    assert {journal_id for _, journal_id, _ in refusals(found)} == {"1"}


@pytest.mark.parametrize("count", [2, 100, 101, journals.ROWS_KEPT, journals.ROWS_KEPT + 3])
def test_a_journal_has_up_to_a_hundred_legs(tmp_path: Path, count: int) -> None:
    rows = [f"1,2026-03-31,a,1,{'DC'[n % 2]}" for n in range(count - count % 2)]
    rows += ["1,2026-03-31,a,1,D", "1,2026-03-31,a,1,C"] if count % 2 else []
    found = read(tmp_path, "\n".join([PLAIN, *rows]))
    if count <= 100:
        assert len(commands(found)[0]["legs"]) == count
    else:
        assert refusals(found) == [(2, "1", "too_many_legs")]


def test_a_row_of_nothing_is_left_out_and_noticed(tmp_path: Path) -> None:
    text = f"{PLAIN}\n1,2026-03-31,a,5,D\n1,2026-03-31,c,0.00,D\n1,2026-03-31,b,5,C\n"
    noticed, line = read(tmp_path, text)
    assert noticed == Noticed(
        3, "1", "amount_not_positive", "line 3: c moves 0 USD and is left out"
    )
    assert line.command["legs"] == legs(("a", "debit", "5"), ("b", "credit", "5"))


def test_rows_of_different_days_take_the_first_and_are_noticed(tmp_path: Path) -> None:
    text = f"{PLAIN}\n1,,a,5,D\n1,2026-03-31,a,1,D\n1,2026-03-30,b,6,C\n"
    noticed, line = read(tmp_path, text)
    assert (noticed.line, noticed.code) == (2, "effective_dates")
    assert "2026-03-30, 2026-03-31" in noticed.detail
    assert line.command["effective_on"] == "2026-03-31"


def test_a_line_number_that_comes_again_shows_two_journals_under_one_id(tmp_path: Path) -> None:
    heading = "Company,Journal_ID,Journal_ID_Line_Number,Effective_Date,GL_Account_Number,Amount"
    rows = ["A,1,1,2026-03-31,a,5", "A,1,2,2026-03-31,b,-5"]
    rows += [row.replace("A", "B") for row in rows]
    text = "\n".join([heading, *rows])
    [refused] = read(tmp_path, text)
    assert (refused.line, refused.code) == (4, "invalid_request")
    assert "--map" in refused.detail
    found = commands(read(tmp_path, text, mapping=["Journal_ID=Company+Journal_ID"]))
    assert [command["key"] for command in found] == ["ads:A-1", "ads:B-1"]
    [merged] = commands(read(tmp_path, text, mapping=["Journal_ID_Line_Number="]))
    assert len(merged["legs"]) == 4


def test_a_row_unlike_the_headings_takes_its_whole_journal_with_it(tmp_path: Path) -> None:
    # The four rows that are left of journal 1 would balance.
    text = (
        f"{PLAIN}\n1,2026-03-31,a,5,D\n1,2026-03-31,b,5,C\n1,2026-03-31,c\n"
        "2,2026-03-31,a,5,D,,\n2,2026-03-31,b,5,C\n1,2026-03-31,d,6,C,surplus\n"
        "\n,,,,\n,2026-03-31,a,5,D\n3\n"
    )
    found = read(tmp_path, text)
    assert [command["reference"] for command in commands(found)] == ["2"]
    assert sorted(refusals(found), key=str) == sorted(
        [
            (2, "1", "invalid_request"),
            (4, "1", "invalid_request"),
            (7, "1", "invalid_request"),
            (10, None, "invalid_request"),
            (11, "3", "invalid_request"),
        ],
        key=str,
    )


def test_currencies_balance_each_by_itself(tmp_path: Path) -> None:
    text = (
        "Journal_ID,Effective_Date,GL_Account_Number,Amount,Amount_Currency\n"
        "1,2026-03-31,a,5,usd\n1,2026-03-31,b,-5,USD\n1,2026-03-31,c,7,EUR\n1,2026-03-31,d,-7,EUR\n"
        "2,2026-03-31,a,5,USD\n2,2026-03-31,b,-5,EUR\n3,2026-03-31,a,5,\n3,2026-03-31,a,-5,GBP\n"
    )
    detail = read_gl_detail(written(tmp_path, text), functional_asset="GBP")
    found: list[Found] = list(detail.lines())
    assert [leg["asset"] for leg in commands(found)[0]["legs"]] == ["USD", "USD", "EUR", "EUR"]
    assert [leg["asset"] for leg in commands(found)[1]["legs"]] == ["GBP", "GBP"]
    assert refusals(found) == [(6, "2", "unbalanced")]
    assert found[1].detail == "debits less credits are 5 USD, -5 EUR"
    assert detail.assets == {"USD", "EUR", "GBP"}


def test_the_worth_of_a_leg_is_taken_where_it_is_in_another_currency(tmp_path: Path) -> None:
    text = (
        "Journal_ID,Effective_Date,GL_Account_Number,Amount,Amount_Currency,Local_Amount,"
        "Local_Amount_Currency,Party\n"
        "1,2026-03-31,a,110,USD,100,EUR,C-7\n1,2026-03-31,b,-110,USD,-100,EUR,\n"
        "2,2026-03-31,a,110,USD,110,USD,\n2,2026-03-31,b,-110,USD,-110,USD,\n"
    )
    mapping = [
        "Amount=Local_Amount", "Amount_Currency=Local_Amount_Currency", "Functional_Amount=Amount",
    ]  # fmt: skip
    first, second = commands(read(tmp_path, text, mapping=mapping))
    assert first["legs"] == [
        {"account": "a", "side": "debit", "amount": "100", "asset": "EUR", "party": "C-7",
         "functional_amount": "110"},
        {"account": "b", "side": "credit", "amount": "100", "asset": "EUR",
         "functional_amount": "110"},
    ]  # fmt: skip
    assert all("functional_amount" not in leg for leg in second["legs"])


def test_every_account_can_be_opened_as_one_type(tmp_path: Path) -> None:
    detail = read_gl_detail(
        written(
            tmp_path,
            f"{PLAIN}\n1,2026-03-31, b ,5,D\n1,2026-03-31,a/1,5,C\n1,2026-03-31,c,1,C"
        ),
        open_accounts="asset",
        account_codes={"c": "assets:cash"},
    )  # fmt: skip
    code = account_code("a/1")
    assert detail.setup == (
        ("account", {"code": code, "type": "asset", "name": "a/1", "number": "a/1"}),
        ("account", {"code": "b", "type": "asset", "name": "b", "number": "b"}),
    )
    assert detail.remarks == (Noticed(1, None, "account_code", f"account a/1 is {code} here"),)


def test_accounts_that_the_ledger_has_are_found_by_their_number(tmp_path: Path) -> None:
    text = f"{PLAIN}\n1,2026-03-31,1010,5,D\n1,2026-03-31,2010,5,C\n"
    detail = read_gl_detail(
        written(tmp_path, text), account_codes={"1010": "assets:cash", "77": "x"}
    )
    line: Found
    [line] = detail.lines()
    assert [leg["account"] for leg in line.command["legs"]] == ["assets:cash", "2010"]
    assert (detail.setup, detail.remarks) == ((), ())


def test_accounts_can_be_opened_from_a_chart(tmp_path: Path) -> None:
    chart = written(
        tmp_path, "acct,GL_Account_Name,Type\n1,One,Assets\n2,Two,Odd\n3,Three,Equity\n", name="c"
    )
    text = "Journal_ID,Effective_Date,acct,Amount\n1,2026-03-31,1,5\n1,2026-03-31,2,-5\n"
    mapping = ["GL_Account_Number=acct", "chart.GL_Account_Number=acct", "Account_Type=Type"]
    detail = read_gl_detail(
        written(tmp_path, text), mapping=mapping, open_accounts=chart, account_codes={"3": "e:3"}
    )
    assert detail.setup == (
        ("account", {"code": "1", "type": "asset", "name": "One", "number": "1"}),
    )
    assert [(remark.line, remark.code) for remark in detail.remarks] == [(3, "invalid_request")]


def test_the_key_follows_from_system_and_journal_id_alone(tmp_path: Path) -> None:
    text = f"{PLAIN}\n1,2026-03-31,a,5,D\n1,2026-03-31,b,5,C\n"
    changed = text.replace(",5,", ",6,")
    [one] = commands(read(tmp_path, text))
    [again] = commands(read(tmp_path, text))
    [other] = commands(read(tmp_path, changed))
    assert one == again
    assert (one["key"], one["legs"]) != (other["key"], other["legs"])
    assert one["key"] == other["key"] == "ads:1"
    [labelled] = commands(read(tmp_path, text, system="sap", journal="IMP"))
    assert (labelled["key"], labelled["journal"]) == ("ads/sap:1", "IMP")
    assert labelled["source"]["system"] == "sap"


@given(st.text(min_size=1), st.one_of(st.none(), st.just("s" * 64)))
def test_every_key_is_visible_ascii_and_short_enough(journal_id: str, system: str | None) -> None:
    key = command_key(journal_id, system=system)
    assert len(key) <= 255
    assert all("!" <= sign <= "~" for sign in key)
    assert key == command_key(journal_id, system=system)
    assert key != command_key(journal_id + "x", system=system)


def test_a_journal_id_too_long_for_a_reference_still_has_a_key(tmp_path: Path) -> None:
    name = "J" * 300
    [command] = commands(
        read(tmp_path, f"{PLAIN}\n{name},2026-03-31,a,5,D\n{name},2026-03-31,b,5,C\n")
    )
    assert "reference" not in command
    assert command["key"].startswith("ads:sha256:")
