"""When an entry counts: ids, open days, fiscal years and the numbers of vouchers."""

from datetime import date, timedelta

import pytest

from domain.accounts import (
    AccountIsClosed,
    CloseAccount,
)
from domain.calendar import EffectiveInFuture, PeriodIsClosed
from domain.entries import EntryExists, Post
from domain.journals import OpenJournal
from domain.ledgers import CreateLedger, LockBooks
from domain.legs import (
    Unbalanced,
)
from tests.domain.harness import (
    CHART,
    LEDGER,
    TODAY,
    Given,
    account,
    credit,
    debit,
    fund,
    given,
    ledger,
    transfer,
)

YESTERDAY = TODAY - timedelta(days=1)


def test_a_clients_id_names_the_entry_once() -> None:
    mine = transfer("cash", "income", "1.00", id="mine")
    assert ledger.when(mine).events[0][0] == "mine"
    ledger.given(mine).when(mine).then(EntryExists(id="mine"))
    ledger.given(fund("wallet", "1.00")).when(
        transfer("cash", "income", "1.00", id=f"g{len(CHART) + 1}")
    ).then(EntryExists)


def on(day: date) -> Post:
    return transfer("cash", "income", "1.00", effective_on=day)


def test_the_lock_day_itself_is_closed_and_the_next_day_open() -> None:
    locked = ledger.given(LockBooks(through=YESTERDAY))
    locked.when(on(YESTERDAY)).then(PeriodIsClosed(locked_through=YESTERDAY.isoformat()))
    assert locked.when(on(TODAY)).code is None
    ledger.given(LockBooks(through=TODAY)).when(on(TODAY)).then(PeriodIsClosed)


def test_today_is_open_and_tomorrow_is_not_yet() -> None:
    assert ledger.when(on(TODAY)).code is None
    ledger.when(on(TODAY + timedelta(days=1))).then(EffectiveInFuture(today=TODAY.isoformat()))


def test_every_day_is_open_until_it_is_locked() -> None:
    assert ledger.when(on(date(1970, 1, 1))).only().fiscal_year == 1970


@pytest.mark.parametrize(
    ("start", "day", "year"),
    [
        ("01-01", date(2025, 1, 1), 2025),
        ("01-01", date(2025, 12, 31), 2025),
        ("04-01", date(2025, 3, 31), 2025),
        ("04-01", date(2025, 4, 1), 2026),
        ("04-01", date(2026, 1, 1), 2026),
        ("01-02", date(2026, 1, 1), 2026),
        ("01-02", date(2025, 1, 2), 2026),
        ("12-31", date(2025, 12, 30), 2025),
        ("12-31", date(2025, 12, 31), 2026),
        ("03-01", date(2024, 2, 29), 2024),
        ("02-29", date(2025, 3, 1), 2026),
        ("02-29", date(2025, 2, 28), 2025),
    ],
)
def test_a_fiscal_year_is_named_by_the_year_in_which_it_ends(
    start: str, day: date, year: int
) -> None:
    world = given(starting(start), account("cash"), account("income", "revenue"))
    assert world.when(on(day)).only().fiscal_year == year


def starting(start: str) -> CreateLedger:
    return CreateLedger(
        id="acme", name="A", functional_asset="USD", timezone="UTC", fiscal_year_start=start
    )


def test_vouchers_are_numbered_by_journal_and_fiscal_year_and_not_by_refusals() -> None:
    def numbers(world: Given, day: date, journal: str | None = None) -> tuple[str, int, int]:
        post = transfer("cash", "income", "1.00", effective_on=day, journal=journal)
        event = world.when(post).only()
        return event.journal, event.fiscal_year, event.voucher_no

    world = given(starting("04-01"), account("cash"), account("income", "revenue"))
    world = world.given(OpenJournal(code="SALES", name="Sales"))
    march, april = date(2025, 3, 31), date(2025, 4, 1)
    assert numbers(world, march) == ("GEN", 2025, 1)
    world = world.given(on(march), on(march))
    assert numbers(world, march) == ("GEN", 2025, 3)
    assert numbers(world, april) == ("GEN", 2026, 1)
    assert numbers(world, april, "SALES") == ("SALES", 2026, 1)
    world = world.given(on(april))
    assert numbers(world, april) == ("GEN", 2026, 2)
    assert numbers(world, march) == ("GEN", 2025, 3)

    refused = world.world()
    with pytest.raises(Unbalanced):
        refused.do(Post(legs=[debit("cash", "1"), credit("cash", "2")], effective_on=march), "no")
    assert refused.do(on(march), "next")[0][1].voucher_no == 3  # type: ignore[attr-defined]


def test_a_closed_account_takes_nothing() -> None:
    closed = ledger.given(CloseAccount(account="merchant"))
    closed.when(transfer("cash", "merchant", "1.00")).then(AccountIsClosed(account="merchant"))


def test_a_ledger_in_yen_has_no_decimals() -> None:
    world = given(
        CreateLedger(id="jp", name="J", functional_asset="JPY", timezone="Asia/Tokyo"),
        account("cash", asset="JPY"),
        account("income", "revenue", asset="JPY"),
    )
    event = world.when(Post(legs=[debit("cash", "150", "JPY"), credit("income", "150", "JPY")]))
    assert event.only().legs[0].amount == "150"


def test_the_first_events_of_a_ledger_stand_before_any_other() -> None:
    streams = [stream for stream, _ in given().when(LEDGER).events]
    assert streams == ["new", "new.1", "new.2", "new.3"]
