"""A household's ledger of four years, written by `bean-example`, arrives over HTTP as it was.

The mapping is checked by a naive reading of its commands, against the rules of the contract and
against beancount; then the service takes them, and its balances are compared with beancount's.
"""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal

import httpx
import pytest
from beancount import loader
from beanquery.query import run_query

from interface.importing.lines import Body
from tests.interface.household import (
    CONVERSIONS,
    Balances,
    Household,
    Told,
    Untold,
    assert_keeps_the_rules,
    computed_by_beancount,
    folded,
    loaded,
    without_conversions,
    worth,
    written,
)
from tests.patience import PATIENCE_SECONDS, wait_until
from tests.service import Service

COMMANDS_A_BATCH = 500
YEARS = range(2018, 2022)


@pytest.fixture(scope="module")
def household(tmp_path_factory: pytest.TempPathFactory) -> Household:
    path = tmp_path_factory.mktemp("beancount") / "household.beancount"
    # In a process of its own, since it seeds the interpreter's one source of random numbers.
    code = "from beancount.scripts.example import main; main()"
    arguments = ["--seed", "7", "--date-birth", "1984-05-12", "--output", str(path)]
    arguments += ["--date-begin", "2018-01-01", "--date-end", "2021-12-31"]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True)
    return loaded(*loader.load_file(str(path)))


def test_the_household_is_real_enough(household: Household) -> None:
    transactions = household.transactions
    postings = [posting for entry in transactions for posting in entry.postings]
    assert len(transactions) > 1_000
    assert len({entry.date.year for entry in transactions}) >= 4
    assert {"USD", "VACHR"} < {posting.units.currency for posting in postings}
    assert any(posting.cost and posting.units.number < 0 for posting in postings), "shares sold"
    assert {asset["kind"] for asset in household.told.assets} >= {"security", "unit"}


def test_every_transaction_that_moves_anything_has_its_command(household: Household) -> None:
    moving = [
        entry
        for entry in household.transactions
        if any(posting.units.number for posting in entry.postings)
    ]
    told = household.told.commands
    assert [command["effective_on"] for command in told] == [str(entry.date) for entry in moving]
    assert len({command["key"] for command in told}) == len(told)
    assert max(entry.date for entry in moving) < date(2022, 1, 1)


def test_commands_keep_the_rules(household: Household) -> None:
    assert_keeps_the_rules(household.told)


def test_commands_add_up_to_what_beancount_computes(household: Household) -> None:
    balances = folded(household.told.commands)
    assert without_conversions(balances) == computed_by_beancount(household.entries)
    assert any(code == CONVERSIONS for code, _ in balances)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            """
            2018-02-01 * "A pad fills what the assertion lacks"
              Assets:Bank    25.00 USD
              Income:Pay    -25.00 USD
            2018-02-02 pad Assets:Bank Equity:Opening-Balances
            2018-02-03 balance Assets:Bank 100.00 USD
            """,
            id="pad",
        ),
        pytest.param(
            """
            2018-02-01 * "Bought in two lots"
              Assets:Shares  3 ACME {10.01 USD}
              Assets:Shares  7 ACME {11.00 USD}
              Assets:Bank
            2018-02-02 * "One lot leaves, as many shares come in at another cost"
              Assets:Shares -3 ACME {10.01 USD}
              Assets:Old     3 ACME {12.50 USD}
              Assets:Bank
            """,
            id="same_number_at_another_cost",
        ),
        pytest.param(
            """
            2018-02-01 price EUR 1.11111 USD
            2018-02-01 * "Francs bought with euros, all worth something in dollars"
              Assets:Bank   30.00 CHF @ 0.9 EUR
              Assets:Old   -13.50 EUR
              Assets:Shares -13.50 EUR
            2018-02-02 * "Halves of a euro's worth round like the whole"
              Assets:Old     0.03 EUR
              Assets:Shares  0.03 EUR
              Assets:Bank   -0.06 EUR
            """,
            id="currencies_through_the_market",
        ),
        pytest.param(
            """
            2018-02-01 * "What beancount tolerates"
              Assets:Shares  10.889 ACME {44.08 USD}
              Assets:Bank  -479.99 USD
            2018-02-02 * "A cost of nothing, and a posting of nothing"
              Assets:Shares  5 ACME {0 USD}
              Assets:Bank    0.00 USD
            """,
            id="tolerance_and_zero",
        ),
        pytest.param(
            """
            2018-02-01 * "Days of holiday have no price"
              Assets:Bank   100.00 USD
              Income:Pay   -100.00 USD
              Assets:Old      2.5 DAYS
              Income:Pay     -2.5 DAYS
            """,
            id="unpriced",
        ),
    ],
)
def test_what_the_household_does_not_have(text: str) -> None:
    ledger = written(text)
    assert_keeps_the_rules(ledger.told)
    balances = folded(ledger.told.commands)
    assert without_conversions(balances) == computed_by_beancount(ledger.entries)


def test_shares_are_worth_their_cost_and_the_tolerated_rest_lies_on_conversions() -> None:
    ledger = written("""
        2018-02-01 * "Broker" "Buy" #plan ^order-1
          Assets:Shares  3 ACME {3.335 USD}
          Assets:Bank  -10.01 USD
    """)
    (command,) = ledger.told.commands
    legs = [
        (leg["account"], leg["side"], leg["amount"], leg["asset"], worth(leg))
        for leg in command["legs"]
    ]
    assert legs == [
        ("Assets:Shares", "debit", "3", "ACME", Decimal("10.00")),
        ("Assets:Bank", "credit", "10.01", "USD", Decimal("10.01")),
        (CONVERSIONS, "debit", "10.01", "USD", Decimal("10.01")),
        (CONVERSIONS, "credit", "3", "ACME", Decimal("10.00")),
    ]
    assert command["legs"][0]["narrative"] == "{3.335 USD, 2018-02-01}"
    assert command["narrative"] == "Buy"
    assert command["metadata"] == {"payee": "Broker", "tags": "plan", "links": "order-1"}


def test_a_transaction_of_zeros_has_no_command() -> None:
    ledger = written("""
        2018-02-01 * "A dividend of nothing"
          Assets:Bank  0.00 USD
          Income:Pay   0.00 USD
    """)
    assert ledger.told.commands == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2018-02-01 open Assets:A:B:C:D:E:F:G:H", id="account_code"),
        pytest.param(f"2018-02-01 open {CONVERSIONS}", id="account_taken"),
        pytest.param(
            """
            2018-02-01 * "Finer than a cent"
              Assets:Bank   0.001 USD
              Income:Pay   -0.001 USD
            """,
            id="scale",
        ),
        pytest.param(
            '2018-02-01 * "Many legs"'
            + "\n  Assets:Bank  1 USD" * 100
            + "\n  Income:Pay  -100 USD",
            id="legs",
        ),
    ],
)
def test_what_the_contract_cannot_take_is_said(text: str) -> None:
    with pytest.raises(Untold):
        written(text)


class Door:
    """One ledger of a service, as the household's clerk sees it."""

    def __init__(self, service: Service, ledger: str) -> None:
        self._keys = service.keys
        self._path = f"/v1/ledgers/{ledger}"
        self._client = httpx.Client(base_url=service.url, timeout=PATIENCE_SECONDS)

    def close(self) -> None:
        self._client.close()

    def post(self, route: str, body: Body, *, role: str) -> Body:
        """Returns the answer; anything but success is an error, with what the service said."""
        headers = {"Authorization": f"Bearer {self._keys[role]}"}
        path = "/v1/ledgers" if route == "" else f"{self._path}{route}"
        answer = self._client.post(path, json=body, headers=headers)
        assert answer.status_code in {200, 201}, answer.text
        return dict(answer.json())

    def batches(self, commands: list[Body], *, expected: str) -> None:
        for start in range(0, len(commands), COMMANDS_A_BATCH):
            batch = commands[start : start + COMMANDS_A_BATCH]
            results = self.post("/batch", {"commands": batch}, role="clerk")["results"]
            assert len(results) == len(batch)
            failed = [
                (command, result)
                for command, result in zip(batch, results, strict=True)
                if result["status"] != expected
            ]
            assert failed == []

    def report(self, name: str, **query: str) -> list[Body]:
        """Returns the lines of a report that shows all that was posted."""
        headers = {"Authorization": f"Bearer {self._keys['auditor']}"}
        head = self._client.get(self._path, headers=headers).json()["position"]
        asked = {**query, "min_position": str(head)}
        path = f"{self._path}/reports/{name}"
        # Whoever waits longer than the service does asks again.
        wait_until(
            lambda: self._client.get(path, params=asked, headers=headers).status_code != 503,
            "the views",
        )
        answer = self._client.get(path, params=asked, headers=headers)
        assert answer.status_code == 200, answer.text
        return [row for row in answer.json()["rows"] if row["kind"] == "line"]

    def balances(self, accounts: list[Body]) -> Balances:
        """Returns debits less credits by account and asset, as the service has them."""
        headers = {"Authorization": f"Bearer {self._keys['clerk']}"}
        balances: Balances = {}
        for account in accounts:
            code = account["code"]
            answer = self._client.get(f"{self._path}/accounts/{code}/balances", headers=headers)
            assert answer.status_code == 200, answer.text
            sign = 1 if account["type"] in {"asset", "expense"} else -1
            for item in answer.json()["items"]:
                # Positive on the account's normal side.
                balances[code, item["asset"]] = sign * Decimal(item["posted"]["balance"])
        return {key: number for key, number in balances.items() if number}


def bean_query(household: Household, where: str) -> Balances:
    """Returns units by account and currency, zeros left out, as bean-query adds them up."""
    asked = f"SELECT account, currency, sum(number) WHERE {where} GROUP BY account, currency"
    options = loader.load_string("")[2]
    _, rows = run_query(household.entries, options, asked)  # type: ignore[no-untyped-call]
    return {(account, currency): number for account, currency, number in rows if number}


def in_dollars_only(balances: Balances) -> dict[str, Decimal]:
    """Returns the accounts that hold nothing else: what these are worth is no question."""
    others = {account for account, asset in balances if asset != "USD"}
    return {account: n for (account, _), n in balances.items() if account not in others}


def assert_year_is_as_bean_query_has_it(door: Door, household: Household, year: int) -> None:
    last = f"{year}-12-31"
    through = bean_query(household, f"date <= {last}")
    lines = door.report("trial-balance", effective_on=last)
    assert (
        without_conversions(
            {
                (row["account"], row["asset"]): Decimal(row["debit"]) - Decimal(row["credit"])
                for row in lines
            }
        )
        == through
    )
    sheet = {
        row["account"]: Decimal(row["amount"])
        for row in door.report("balance-sheet", effective_on=last)
    }
    signs = {"Assets": 1, "Liabilities": -1, "Income": -1, "Expenses": 1}
    expected = {
        account: signs[kind] * number
        for account, number in in_dollars_only(through).items()
        if (kind := account.partition(":")[0]) in ("Assets", "Liabilities")
    }
    assert expected
    assert {account: sheet.get(account) for account in expected} == expected
    result = {
        row["account"]: Decimal(row["amount"])
        for row in door.report("income-statement", **{"from": f"{year}-01-01", "to": last})
    }
    moved = bean_query(household, f"year = {year} AND account ~ '^(Income|Expenses)'")
    of_year = {
        account: signs[account.partition(":")[0]] * number
        for account, number in in_dollars_only(moved).items()
    }
    assert len(of_year) > 10
    assert {account: result.get(account) for account in of_year} == of_year


@contextmanager
def opened(service: Service, told: Told) -> Iterator[Door]:
    """Makes a ledger of dollars with the household's assets and accounts."""
    ledger = f"household_{uuid.uuid4().hex[:12]}"
    door = Door(service, ledger)
    try:
        body = {"id": ledger, "name": "A household", "timezone": "America/New_York"}
        door.post("", body | {"functional_asset": "USD"}, role="operator")
        for asset in told.assets:
            door.post("/assets", asset, role="controller")
        for account in told.accounts:
            door.post("/accounts", account, role="controller")
        yield door
    finally:
        door.close()


def test_the_service_has_the_balances_that_beancount_computes(
    service: Service, household: Household
) -> None:
    told = household.told
    with opened(service, told) as door:
        door.batches(told.commands, expected="done")
        balances = door.balances(told.accounts)
        assert without_conversions(balances) == computed_by_beancount(household.entries)
        assert balances == folded(told.commands)
        for year in YEARS:
            assert_year_is_as_bean_query_has_it(door, household, year)

        door.batches(told.commands, expected="replayed")
        assert door.balances(told.accounts) == balances
