"""Plain-text journals as opening books: what was exported comes back, and so do others' files."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.ledgers import CreateLedger
from interface.exporting import beancount, hledger
from interface.exporting.extract import Extract
from interface.http.viewing import read_asset_states
from interface.importing.beancount import read_beancount
from interface.importing.lines import Unreadable
from interface.importing.plain_text import PlainText
from projections.status import read_shown
from tests.application.office import OPERATOR, Office
from tests.interface.exporting.balances import Balances, trial_balance_of
from tests.interface.exporting.books import Books
from tests.interface.exporting.terminal import Terminal
from tests.projections.conftest import Worker

needs_hledger = pytest.mark.skipif(
    shutil.which("hledger") is None, reason="hledger is not installed"
)
Write = Callable[[Extract], Iterator[str]]


@pytest.fixture
def terminal(books: Books, tmp_path: Path) -> Terminal:
    return Terminal(books.office.database, tmp_path)


def new_ledger(books: Books, ledger: str) -> Office:
    office = Office(books.office.database, ledger=ledger)
    created = office.ledgers.create(
        CreateLedger(id=ledger, name="Back", functional_asset="EUR", timezone="Europe/Paris"),
        key=f"create-{ledger}",
        by=OPERATOR,
    )
    assert created.status == "done", created.detail
    return office


def both_balances(books: Books) -> tuple[Balances, Balances]:
    with books.extract() as extract:
        return trial_balance_of(extract), trial_balance_of(extract, functional=True)


def shown(office: Office) -> Books:
    worker = Worker(office)
    worker.catch_up()
    last = read_shown(worker.connection, "lines", "entries")
    worker.connection.close()
    return Books(office, 0, last, "", "", "")


@pytest.mark.parametrize(
    ("name", "write"),
    [
        pytest.param("back.beancount", beancount.write, id="beancount"),
        pytest.param("back.journal", hledger.write, id="hledger", marks=needs_hledger),
    ],
)
def test_an_export_comes_back_to_the_same_balances(
    books: Books, terminal: Terminal, tmp_path: Path, name: str, write: Write
) -> None:
    file = tmp_path / name
    with books.extract() as extract:
        file.write_text("".join(write(extract)), newline="")
    ledger = f"back_{file.suffix.removeprefix('.')}"
    office = new_ledger(books, ledger)
    taken = terminal.json("import", str(file), "--ledger", ledger)
    assert (taken["refused"], taken["done"]) == (0, 16)
    assert both_balances(shown(office)) == both_balances(books)
    with office.ledgers.reader(ledger) as connection:
        scales = {code: one.scale for code, one in read_asset_states(connection).items()}
    assert scales == {"EUR": 2, "USD": 2, "JPY": 0, "X-": 3, "AC.1": 4 - (write is hledger.write)}
    again = terminal.json("import", str(file), "--ledger", ledger)
    assert (again["done"], again["already_done"], again["opened"]) == (0, 16, 0)
    assert again["refused"] == 0
    office.close()


HOUSEHOLD = """\
option "operating_currency" "EUR"
2025-01-01 open Assets:Bank
2025-01-01 open Assets:Käse
2025-01-01 open Expenses:Food
2025-01-02 * "Shop" "Groceries" #weekly
  Expenses:Food  12.50 EUR
  Assets:Bank
2025-01-03 * "Finer than a cent"
  Expenses:Food  0.001 EUR
  Assets:Bank
2025-01-04 * "Dollars"
  Assets:Käse  10.00 USD @ 0.90 EUR
  Assets:Bank  -9.00 EUR
"""


def test_others_files_are_taken_and_what_cannot_be_is_listed(
    books: Books, terminal: Terminal, tmp_path: Path
) -> None:
    office = new_ledger(books, "household")
    file, report = tmp_path / "home.beancount", tmp_path / "report.csv"
    file.write_text(HOUSEHOLD)
    command = ["import", str(file), "--ledger", "household", "--report", str(report)]
    taken = terminal.json(*command, status=1)
    assert (taken["done"], taken["refused"], taken["noticed"]) == (2, 1, 1)
    said = report.read_text()
    assert "home.beancount,8,2,refused,amount_too_fine" in said
    assert "noticed,account_code,account Assets:Käse is Assets:Kase.x" in said
    balances, _ = both_balances(shown(office))
    assert {str(balance) for balance in balances.values()} >= {"12.50", "-21.50", "10.00"}
    # Another system's transactions are other ones, though they are numbered alike.
    file.write_text(HOUSEHOLD.replace("0.001", "0.01"))
    other = terminal.json("import", str(file), "--ledger", "household", "--system", "second")
    assert (other["done"], other["refused"]) == (3, 0)
    office.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param('plugin "os"\n', "it would run the program os", id="plugin"),
        pytest.param(
            "2025-01-01 open Assets:Bank\n  2025 nonsense\n", "beancount finds 2 errors", id="error"
        ),
        pytest.param(
            "2025-01-01 open Equity:Conversions:Current\n", "Equity:Conversions:Current", id="taken"
        ),
        pytest.param(
            '2025-01-01 open Assets:A\n  code: "x"\n2025-01-01 open Assets:B\n  code: "x"\n',
            "the same code",
            id="codes",
        ),
    ],
)
def test_a_file_that_makes_no_sense_is_not_taken(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "bad.beancount"
    file.write_text(text)
    with pytest.raises(Unreadable, match=said):
        PlainText(read_beancount(file), functional="EUR", scales={"EUR": 2})


def test_and_nothing_of_it_is_imported(books: Books, terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "bad.beancount"
    file.write_text('plugin "os"\n')
    done = terminal.run("import", str(file), "--ledger", books.office.ledger, status=1)
    assert done.stderr.startswith("Error: Nothing was imported. it would run the program os")


@pytest.mark.parametrize(
    "arguments",
    [
        ["x.beancount", "--decimal", ","],
        ["x.beancount", "--map", "A=B"],
        ["x.journal", "--open-accounts", "asset"],
    ],
)
def test_options_that_a_journal_does_not_take(
    books: Books, terminal: Terminal, tmp_path: Path, arguments: list[str]
) -> None:
    name, *options = arguments
    (tmp_path / name).touch()
    terminal.run(
        "import", str(tmp_path / name), "--ledger", books.office.ledger, *options, status=2
    )
