"""The tables of the Audit Data Standards: what is in them, and the same balances when they come
back through an import."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from application.outcomes import Caller
from domain.assets import RegisterAsset
from domain.ledgers import CreateLedger
from interface.cli.import_file import LedgerImport
from interface.cli.import_sources import GlOptions
from interface.cli.refusals import opened_report
from interface.exporting import ads
from interface.exporting.extract import period_of
from projections.report import Span
from projections.status import read_shown
from tests.application.office import OPERATOR, Office
from tests.interface.exporting.balances import Balances, trial_balance_of
from tests.interface.exporting.books import CREATE, HOSTILE, HOSTILE_LEG, Books
from tests.projections.conftest import Worker

Row = dict[str, str]
BACK = "export_back"


class Tables:
    def __init__(self, files: list[Path]) -> None:
        self.files = {path.name.rsplit("_", 2)[0]: path for path in files}

    def rows(self, name: str) -> list[Row]:
        with self.files[name].open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def tables(books: Books, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    with books.extract() as extract:
        return Tables(ads.write(extract, tmp_path_factory.mktemp("ads") / "made"))


def signed(row: Row, column: str) -> Decimal:
    amount = Decimal(row[column])
    return amount if row["Amount_Credit_Debit_Indicator"] == "D" else -amount


def test_the_files_are_called_as_in_the_standard(tables: Tables) -> None:
    names = sorted(path.name for path in tables.files["GL_Detail"].parent.iterdir())
    assert names == [
        f"{name}_20250102_20260331.csv"
        for name in sorted(
            ("GL_Detail", "Trial_Balance", "Chart_Of_Accounts", "User_Listing", "Segment_Listing")
        )
    ]


@pytest.mark.parametrize(
    ("day", "start", "period"),
    [
        ("2025-04-05", "04-06", (2025, 12)),
        ("2025-04-06", "04-06", (2026, 1)),
        # A year that starts on the 31st has months that begin on their last day.
        ("2025-02-27", "01-31", (2026, 1)),
        ("2025-02-28", "01-31", (2026, 2)),
        ("2026-01-30", "01-31", (2026, 12)),
        ("2024-12-31", "12-31", (2025, 1)),
    ],
)
def test_periods_are_the_months_that_are_closed(
    day: str, start: str, period: tuple[int, int]
) -> None:
    assert period_of(date.fromisoformat(day), start=start) == period


def test_rows_add_up_to_both_trial_balances(books: Books, tables: Tables) -> None:
    numbers = {
        row["GL_Account_Number"]: row["Account_Code"] for row in tables.rows("Chart_Of_Accounts")
    }
    local: Balances = defaultdict(Decimal)
    functional: Balances = defaultdict(Decimal)
    for row in tables.rows("GL_Detail"):
        key = numbers[row["GL_Account_Number"]], row["Local_Amount_Currency"]
        local[key] += signed(row, "Local_Amount")
        functional[key] += signed(row, "Amount")
        assert row["Amount_Currency"] == "EUR"
    stated = {
        (numbers[row["GL_Account_Number"]], row["Local_Amount_Currency"]): (
            Decimal(row["Local_Amount_Ending"]),
            Decimal(row["Amount_Ending"]),
        )
        for row in tables.rows("Trial_Balance")
    }
    assert stated == {key: (local[key], functional[key]) for key in local}
    with books.extract() as extract:
        assert {key: one for key, one in local.items() if one} == trial_balance_of(extract)
        assert {key: one for key, one in functional.items() if one} == trial_balance_of(
            extract, functional=True
        )


def test_a_span_begins_with_balances(books: Books, tmp_path: Path) -> None:
    with books.extract(Span(date(2026, 1, 1), date(2026, 1, 15))) as extract:
        made = Tables(ads.write(extract, tmp_path))
    bank = next(row for row in made.rows("Trial_Balance") if row["GL_Account_Number"] == "512")
    assert (bank["Amount_Beginning"], bank["Amount_Ending"]) == ("101234.53", "100334.53")
    assert (bank["Fiscal_Year"], bank["Period"]) == ("2026", "1")
    assert len({row["Journal_ID"] for row in made.rows("GL_Detail")}) == 1


def test_rows_say_who_when_and_what_they_correct(books: Books, tables: Tables) -> None:
    rows = {row["Journal_ID"]: row for row in tables.rows("GL_Detail")}
    wrong, reversal = rows[books.reversed], rows[books.reversal]
    assert (wrong["Reversal_Indicator"], wrong["Reversal_Journal_ID"]) == ("1", books.reversal)
    assert (reversal["Reversal_Indicator"], reversal["Reversal_Journal_ID"]) == (
        "2",
        books.reversed,
    )
    replacement = rows[books.replacement]
    assert replacement["Reversal_Indicator"] == ""
    replaced = rows[replacement["Corrected_Journal_ID"]]
    assert (replaced["Reversal_Indicator"], replacement["Correction"]) == ("1", "replacement")
    assert (reversal["Corrected_Journal_ID"], reversal["Correction"]) == (
        books.reversed,
        "reversal",
    )
    assert (reversal["Reason"], replacement["Reason"]) == ("duplicate", "wrong_amount")
    assert wrong["Entered_By"] == "carla"
    assert (wrong["Entered_Date"], wrong["Entered_Time"]) == ("2026-03-31", "14:00:00")
    users = {row["User_ID"]: row for row in tables.rows("User_Listing")}
    assert "carla" in users
    assert users["carla"]["User_Active_Status"] == "Inactive", "she holds no key"


def test_no_text_is_a_formula(tables: Tables) -> None:
    for name in tables.files:
        for row in tables.rows(name):
            assert not [cell for cell in row.values() if cell.startswith(("=", "+", "@", "\t"))]
    rows = tables.rows("GL_Detail")
    assert f"'{HOSTILE}" in {row["JE_Header_Description"] for row in rows}
    assert f"'{HOSTILE_LEG}" in {row["JE_Line_Description"] for row in rows}
    assert [row["Segment01"] for row in rows if row["Segment01"]] == ["x;y"]
    assert tables.rows("Segment_Listing") == [{"Segment": "Segment01", "Dimension": "Größe, m"}]


@pytest.fixture
def empty(books: Books) -> Iterator[Office]:
    """Another ledger beside the books, with the same assets."""
    office = Office(books.office.database, ledger=BACK)
    created = office.ledgers.create(
        CreateLedger(id=BACK, name="Back", functional_asset="EUR", timezone=CREATE.timezone),
        key="create-back",
        by=OPERATOR,
    )
    assert created.status == "done"
    office.done(RegisterAsset(code="AC.1", scale=4, kind="security"))
    office.done(RegisterAsset(code="X-", scale=3, kind="unit"))
    yield office
    office.close()


def test_an_export_comes_back_to_the_same_balances(
    books: Books, tables: Tables, empty: Office, tmp_path: Path
) -> None:
    caller = Caller("ivan", None, frozenset({"controller"}), "import")
    options = GlOptions(
        mapping=(
            "Amount=Local_Amount",
            "Amount_Currency=Local_Amount_Currency",
            "Functional_Amount=Amount",
        ),
        open_accounts=str(tables.files["Chart_Of_Accounts"]),
        date_format=None,
        decimal=None,
        delimiter=None,
        encoding=None,
        system=None,
        journal=None,
    )
    with opened_report(tmp_path / "report.csv") as remarks:
        taken = LedgerImport(empty.ledgers, BACK, caller)
        source = taken.open_source(tables.files["GL_Detail"], options)
        intake, _ = taken.take(source, "GL_Detail.csv", remarks)
    assert (tmp_path / "report.csv").read_text().count("refused") == 0
    assert intake.done == len({row["Journal_ID"] for row in tables.rows("GL_Detail")})
    worker = Worker(empty)
    worker.catch_up()
    back = Books(empty, 0, read_shown(worker.connection, "lines", "entries"), "", "", "")
    worker.connection.close()
    with books.extract() as before, back.extract() as after:
        for functional in (False, True):
            numbers = ads.account_numbers(before.source.accounts)
            assert trial_balance_of(after, functional=functional) == {
                (numbers[account], asset): balance
                for (account, asset), balance in trial_balance_of(
                    before, functional=functional
                ).items()
            }
