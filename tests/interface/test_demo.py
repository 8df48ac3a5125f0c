"""The demonstration's commands: what they are, and that they do what the story says."""

from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.accounts import OpenAccount
from domain.balances import available, posted
from domain.entries import EntryPosted
from domain.money import format_amount, minor_units
from domain.pages import EMPTY
from domain.refusals import Refusal
from interface.demo.chart import (
    CASH,
    CLEARING,
    CLIENT_MONEY,
    CLIENTS,
    EUROS,
    FEES,
    HOUSING,
    HOUSING_PAYABLE,
    INTERCHANGE,
    OFFICE,
    SERVICES,
    UNALLOCATED,
    ledger_body,
    setup,
)
from interface.demo.days import (
    days_of_the_year,
    is_business_day,
    is_month_end,
    last_business_day,
)
from interface.demo.entries import Body
from interface.demo.firm import closing_rates
from interface.demo.housing import COST_CENTRES, baselines, people
from interface.demo.numbers import Numbers
from interface.demo.story import REFUSALS, REPLAYED, commands
from interface.http.loading import Loader
from interface.http.parsing import Element
from interface.http.schemas import (
    CreateLedgerBody,
    OpenAccountBody,
    OpenJournalBody,
    RegisterAssetBody,
)
from interface.http.schemas_baselines import SetBaselineBody
from interface.http.schemas_rates import RecordRateBody
from interface.http.units import load_command
from tests.domain.harness import World
from tests.interface.demo_model import Model

BODIES = {
    "ledger": CreateLedgerBody,
    "asset": RegisterAssetBody,
    "journal": OpenJournalBody,
    "account": OpenAccountBody,
    "baseline": SetBaselineBody,
    "rate": RecordRateBody,
}

PAGE = Path(__file__).parents[2] / "docs" / "demonstration.md"
WALLETS = "liabilities:clients:wallets:"


@pytest.fixture(scope="module")
def year() -> list[Body]:
    return list(commands())


@pytest.fixture(scope="module")
def model(year: list[Body]) -> Model:
    model = Model(REFUSALS)
    for command in year:
        model.do(command)
    return model


@pytest.fixture(scope="module")
def world(year: list[Body]) -> tuple[World, dict[str, str]]:
    """The domain after the year, and the codes of what it refused."""
    world = World()
    approved = (("baseline", body) for body in baselines())
    known = (("rate", body) for body in closing_rates())
    for kind, body in (("ledger", ledger_body()), *setup(), *approved, *known):
        name = body.get("code") or body.get("dimension") or body.get("effective_on")
        world.do(Loader(BODIES[kind]).load(msgspec.json.encode(body)), f"{kind}:{name}")
    refused = {}
    done = set()
    for command in year:
        if command["key"] in done:
            continue
        done.add(command["key"])
        element = load_command(msgspec.json.encode(command))
        assert isinstance(element, Element), element
        try:
            world.do(element.command, command["key"])
        except Refusal as refusal:
            refused[command["key"]] = refusal.code
    return world, refused


def test_every_run_tells_the_same_story(year: list[Body]) -> None:
    assert year == list(commands())
    assert list(setup()) == list(setup())


def test_numbers_are_splitmix64() -> None:
    # The first outputs for seed 1234567, as published with the reference implementation.
    numbers = Numbers(1234567)
    assert [numbers.below(1 << 64) for _ in range(3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


def test_bank_days() -> None:
    assert sum(is_business_day(day) for day in days_of_the_year()) == 250
    assert [last_business_day(month).day for month in range(1, 13)] == [
        31, 28, 31, 30, 30, 30, 31, 29, 30, 31, 28, 31,
    ]  # fmt: skip


def test_the_story_is_of_a_size_that_loads_in_a_moment(year: list[Body]) -> None:
    assert 15_000 <= len(year) <= 25_000


def test_every_command_has_a_key_of_its_own_but_for_what_comes_twice(year: list[Body]) -> None:
    keys = Counter(command["key"] for command in year)
    assert {key for key, count in keys.items() if count > 1} == REPLAYED
    assert max(keys.values()) == 2
    by_key: dict[str, Body] = {}
    for command in year:
        assert by_key.setdefault(command["key"], command) == command
    ids = [command["id"] for command in by_key.values() if "id" in command]
    assert len(set(ids)) == len(ids)


def test_every_day_is_of_the_year(year: list[Body]) -> None:
    def days(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [
                day
                for name, member in value.items()
                for day in ([member] if name.endswith("effective_on") else days(member))
            ]
        return [day for member in value for day in days(member)] if isinstance(value, list) else []

    told = days(year)
    assert {date.fromisoformat(day).year for day in told} == {2025}
    assert (min(told), max(told)) == ("2025-01-01", "2025-12-31")


def test_the_domain_refuses_what_is_listed_and_nothing_else(
    world: tuple[World, dict[str, str]],
) -> None:
    assert world[1] == REFUSALS


def test_the_domain_and_a_naive_model_come_to_the_same_balances(
    world: tuple[World, dict[str, str]], model: Model
) -> None:
    books = world[0].books
    opened = {body["code"]: body for kind, body in setup() if kind == "account"}
    for (code, asset), value in model.balances.items():
        account = books.accounts.get(code)
        balance = books.balances.get((code, asset)) or EMPTY
        assert account is not None
        sign = 1 if account.debit_normal else -1
        assert Decimal(format_amount(posted(account, balance), 2)) == sign * value, code
        if opened[code].get("floor"):
            assert available(account, balance) >= 0, code
    assert {account for account, _ in model.balances} == opened.keys()


def test_the_books_balance(model: Model) -> None:
    for asset in ("USD", "EUR"):
        assert not sum(value for (_, kind), value in model.balances.items() if kind == asset)


def test_client_money_is_what_is_owed_for_clients_at_every_month_end(year: list[Body]) -> None:
    model = Model(REFUSALS)
    ends = 0
    for command in year:
        model.do(command)
        # The transfer of the fees is the last that touches clients' money in a month.
        if command["key"].startswith("demo:fee:") and command["key"].endswith(":transfer"):
            ends += 1
            owed = sum(map(model.balance, (WALLETS, UNALLOCATED, CLEARING)))
            assert model.balance(CLIENT_MONEY) == owed > 0
    assert ends == 12


def test_the_firm_never_runs_out_of_money(year: list[Body]) -> None:
    model = Model(REFUSALS)
    for command in year:
        model.do(command)
        assert model.balances[CASH, "USD"] >= 0
        assert model.balances[EUROS, "EUR"] >= 0
        assert model.balances[CLIENT_MONEY, "USD"] >= 0


def test_each_accountant_at_home_costs_half_of_a_place(model: Model) -> None:
    assert model.balance(HOUSING_PAYABLE) == 0
    for centre in COST_CENTRES:
        months = person_months(centre)
        assert model.centres[HOUSING, centre.name] == 500 * months
        assert model.centres[OFFICE, centre.name] == 1000 * 12 * centre.places
    assert sum(map(person_months, COST_CENTRES)) == 347
    expected = [body["units"] for body in baselines()]
    assert sum(int(units) for months in expected for units in months.values()) == 347


def test_housing_is_booked_every_month_by_cost_centre_and_person(year: list[Body]) -> None:
    for month in range(1, 13):
        for centre in COST_CENTRES:
            command = next(c for c in year if c["key"] == f"demo:housing:{month:02}:{centre.name}")
            shares = [leg for leg in command["legs"] if leg["side"] == "debit"]
            assert {leg["party"] for leg in shares} >= set(people(centre, month))
            assert command["effective_on"] == last_business_day(month).isoformat()


def test_every_reason_is_given_for_some_correction(year: list[Body]) -> None:
    reasons = Counter(c["reason"] for c in year if c["do"] in ("adjust", "reverse"))
    assert reasons.keys() == {
        "data_entry", "wrong_account", "wrong_amount", "wrong_period",
        "duplicate", "counterparty", "regulatory", "other",
    }  # fmt: skip
    assert all(c.get("narrative") for c in year if c.get("reason") == "other")


def test_cards_are_used_in_every_way(year: list[Body], world: tuple[World, dict[str, str]]) -> None:
    settlements = Counter(
        c["authorization"] for c in year if c["do"] == "settle" and c["key"] not in REFUSALS
    )
    assert set(settlements.values()) == {1, 2, 3}
    holds = [
        hold
        for c in year
        if c["do"] == "authorize"
        if (hold := world[0].books.authorizations.get(c["id"])) is not None
    ]
    ends = Counter(hold.closed_as for hold in holds)
    assert all(ends[end] > 100 for end in ("final", "voided", "released"))
    assert ends[None] > 10, "some are still open when the year ends"
    assert any(Decimal(hold.settled) > Decimal(hold.authorized) for hold in holds)
    assert any(Decimal(hold.settled) < Decimal(hold.authorized) for hold in holds)


def test_the_chart_says_what_its_accounts_are_for() -> None:
    accounts = [msgspec.convert(body, OpenAccount) for kind, body in setup() if kind == "account"]
    assert {account.type for account in accounts} == {
        "asset", "liability", "equity", "revenue", "expense",
    }  # fmt: skip
    purposes = {account.purpose for account in accounts}
    assert purposes >= {"bank", "client_money", "control", "conversion", "retained_earnings"}
    wallets = [account for account in accounts if account.code.startswith(WALLETS)]
    assert len(wallets) == CLIENTS
    assert all(wallet.floor == "0.00" and wallet.asset == "USD" for wallet in wallets)


def test_assets_are_liabilities_equity_and_results_on_every_day(
    world: tuple[World, dict[str, str]],
) -> None:
    """In dollars, at the end of each day on which anything counts."""
    of_day: dict[date, Counter[str]] = {}
    for _, event in world[0].log:
        if isinstance(event, EntryPosted):
            sums = of_day.setdefault(event.effective_on, Counter())
            for leg in event.legs:
                account = world[0].books.accounts.get(leg.account)
                assert account is not None
                minor = minor_units(leg.functional_amount or leg.amount)
                sums[account.type] += minor if leg.side == "debit" else -minor
    totals: Counter[str] = Counter()
    for day in sorted(of_day):
        totals.update(of_day[day])
        result = -totals["revenue"] - totals["expense"]
        assert totals["asset"] == -totals["liability"] - totals["equity"] + result, day
    assert len(of_day) > 250
    assert totals["asset"] > 0


def person_months(centre: Any) -> int:
    return sum(len(people(centre, month)) for month in range(1, 13))


def dollars(value: Decimal | int) -> str:
    return f"{value:,.2f}"


def housing_rows(model: Model) -> list[str]:
    rows = []
    totals = [Decimal(0)] * 4
    for centre in COST_CENTRES:
        subsidy = model.centres[HOUSING, centre.name]
        office = model.centres[OFFICE, centre.name]
        cells = [Decimal(person_months(centre)), subsidy, 2 * subsidy, office]
        totals = [total + cell for total, cell in zip(totals, cells, strict=True)]
        rows.append(row(centre.name, f"{cells[0]}", *map(dollars, cells[1:])))
    rows.append(row("**all**", f"{totals[0]}", *map(dollars, totals[1:])))
    return rows


def balance_rows(model: Model) -> list[str]:
    held = sum(model.held.values(), start=Decimal(0))
    return [
        row("owed to clients (wallets)", dollars(model.balance(WALLETS))),
        row("of which held for card purchases", dollars(held)),
        row("owed to the card network", dollars(model.balance(CLEARING))),
        row("segregated bank account", dollars(model.balance(CLIENT_MONEY))),
        row("operating bank account", dollars(model.balance(CASH))),
        row("revenue: bookkeeping for customers", dollars(model.balance(SERVICES))),
        row("revenue: interchange", dollars(model.balance(INTERCHANGE))),
        row("revenue: wallet fees", dollars(model.balance(FEES))),
    ]


def command_rows(year: list[Body]) -> list[str]:
    counts = Counter(command["do"] for command in year)
    refusals = Counter(REFUSALS.values())
    return [
        *(row(f"`{do}`", f"{count:,}") for do, count in counts.most_common()),
        row("**all**", f"{len(year):,}"),
        row("of which come twice", f"{len(REPLAYED)}"),
        *(row(f"of which `{code}`", f"{count}") for code, count in refusals.most_common()),
    ]


def row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


@pytest.mark.parametrize("told", ["housing", "balances", "commands"])
def test_the_page_says_what_the_commands_come_to(told: str, model: Model, year: list[Body]) -> None:
    rows: dict[str, Callable[[], list[str]]] = {
        "housing": lambda: housing_rows(model),
        "balances": lambda: balance_rows(model),
        "commands": lambda: command_rows(year),
    }
    expected = "\n".join(rows[told]())
    assert expected in PAGE.read_text(), f"the page should have:\n{expected}"


def test_the_page_counts_corrections_and_refusals(year: list[Body]) -> None:
    corrections = {c["key"] for c in year if c["do"] in ("adjust", "reverse")} - REFUSALS.keys()
    page = PAGE.read_text()
    assert f": {len(corrections)} corrections (" in page
    assert f": {len(REFUSALS)} refusals," in page


def test_month_ends_are_the_last_days_of_months() -> None:
    assert sum(map(is_month_end, days_of_the_year())) == 12
