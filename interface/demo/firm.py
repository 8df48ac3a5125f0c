"""The firm's own books: its opening, its customers, payroll, hosting, depreciation, the audit."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta

from interface.demo.chart import (
    ACCRUALS,
    AUDIT,
    CAPITAL,
    CASH,
    CONVERSION,
    DEPRECIATION,
    DEPRECIATION_EXPENSE,
    EQUIPMENT,
    EUROS,
    HOSTING,
    RETAINED,
    SALARIES,
    SERVICES,
    TRADE_RECEIVABLE,
)
from interface.demo.days import YEAR, business_day_on_or_after, is_month_end, last_business_day
from interface.demo.entries import Body, credit, debit, post
from interface.demo.housing import COST_CENTRES, people
from interface.demo.numbers import amount

SALARY_CENTS = 5_400_00
HOSTING_EURO_CENTS = 3_200_00
EUROS_BOUGHT_CENTS = 40_000_00
DOLLARS_PER_HUNDRED_EUROS = 104
# Dollars for a euro at the end of each month, January first.
CLOSING_RATES = (
    "1.0393", "1.0401", "1.0815", "1.1373", "1.1339", "1.1720",
    "1.1446", "1.1687", "1.1741", "1.1554", "1.1566", "1.1750",
)  # fmt: skip
# Firms whose books Harbor Lane keeps, and what it asks of each for a month.
CUSTOMERS = (
    ("aldergate-freight", 112_000_00),
    ("birch-and-sound", 96_500_00),
    ("copperfield-clinics", 87_250_00),
)
AUDIT_QUARTER_CENTS = 12_000_00
DEPRECIATION_CENTS = 3_000_00


def on(day: date) -> Iterator[Body]:
    """Yields what the firm books for itself on a day."""
    if day == date(YEAR, 1, 1):
        yield _opening(day)
    if day == date(YEAR, 1, 6):
        yield _buy_euros(day)
    if day == business_day_on_or_after(day.replace(day=8)):
        yield _hosting(day)
    if day == last_business_day(day.month):
        yield _salaries(day)
        yield from _invoices(day)
    if day == business_day_on_or_after(day.replace(day=20)) and day.month > 1:
        yield from _receipts(day)
    if is_month_end(day):
        yield post(
            f"depreciation:{day:%m}",
            day,
            debit(DEPRECIATION_EXPENSE, DEPRECIATION_CENTS),
            credit(DEPRECIATION, DEPRECIATION_CENTS),
            **{"class": "adjusting"},
        )
    yield from _audit(day)


def closing_rates() -> Iterator[Body]:
    """Yields the rates by which month ends are revalued: without them no month could be closed."""
    for month, rate in enumerate(CLOSING_RATES, start=1):
        last = date(YEAR, month, monthrange(YEAR, month)[1])
        yield {
            "base": "EUR",
            "quote": "USD",
            "kind": "closing",
            "effective_on": last.isoformat(),
            "rate": rate,
        }


def _opening(day: date) -> Body:
    return post(
        "opening:firm",
        day,
        debit(CASH, 900_000_00),
        debit(EQUIPMENT, 180_000_00),
        credit(DEPRECIATION, 60_000_00),
        credit(CAPITAL, 800_000_00),
        credit(RETAINED, 220_000_00),
        narrative="Balances brought forward",
        **{"class": "opening"},
    )


def _euro(account: str, side: str, cents: int) -> Body:
    return {
        "account": account,
        "side": side,
        "amount": amount(cents),
        "asset": "EUR",
        "functional_amount": amount(cents * DOLLARS_PER_HUNDRED_EUROS // 100),
    }


def _buy_euros(day: date) -> Body:
    dollars = EUROS_BOUGHT_CENTS * DOLLARS_PER_HUNDRED_EUROS // 100
    return post(
        "euros",
        day,
        _euro(EUROS, "debit", EUROS_BOUGHT_CENTS),
        _euro(CONVERSION, "credit", EUROS_BOUGHT_CENTS),
        debit(CONVERSION, dollars),
        credit(CASH, dollars),
        journal="BANK",
        narrative="Euros for the hosting contract, at 1.04",
    )


def _hosting(day: date) -> Body:
    return post(
        f"hosting:{day:%m}",
        day,
        _euro(HOSTING, "debit", HOSTING_EURO_CENTS),
        _euro(EUROS, "credit", HOSTING_EURO_CENTS),
        journal="BANK",
        narrative="Hosting, Dublin",
        document={"type": "invoice", "number": f"DUB-{day:%Y%m}"},
    )


def _salaries(day: date) -> Body:
    legs = []
    total = 0
    for centre in COST_CENTRES:
        cents = (len(people(centre, day.month)) + centre.places) * SALARY_CENTS
        legs.append(debit(SALARIES, cents, dimensions={"cost_centre": centre.name}))
        total += cents
    return post(f"salaries:{day:%m}", day, *legs, credit(CASH, total), journal="PAY")


def _invoices(day: date) -> Iterator[Body]:
    for customer, cents in CUSTOMERS:
        number = f"{customer}-{day:%Y-%m}"
        due_on = f"{day.year + day.month // 12}-{day.month % 12 + 1:02}-20"
        yield post(
            f"invoice:{day:%m}:{customer}",
            day,
            debit(TRADE_RECEIVABLE, cents, party=customer, due_on=due_on),
            credit(SERVICES, cents, party=customer),
            reference=number,
            document={"type": "invoice", "number": number, "date": day.isoformat()},
        )


def _receipts(day: date) -> Iterator[Body]:
    for customer, cents in CUSTOMERS:
        yield post(
            f"invoice:{day.month - 1:02}:{customer}:received",
            day,
            debit(CASH, cents),
            credit(TRADE_RECEIVABLE, cents, party=customer),
            journal="BANK",
            reference=f"{customer}-{day.year}-{day.month - 1:02}",
        )


def _audit(day: date) -> Iterator[Body]:
    """A quarter's audit is estimated, taken back the day after, and booked as invoiced."""
    begun = day + timedelta(days=1)
    if begun.day == 1 and begun.month in (1, 4, 7, 10):
        yield post(
            f"audit:{day:%m}",
            day,
            debit(AUDIT, AUDIT_QUARTER_CENTS),
            credit(ACCRUALS, AUDIT_QUARTER_CENTS),
            **{"class": "adjusting"},
        )
    if day.day == 1 and day.month in (4, 7, 10):
        yield post(
            f"audit:{day:%m}:reversing",
            day,
            debit(ACCRUALS, AUDIT_QUARTER_CENTS),
            credit(AUDIT, AUDIT_QUARTER_CENTS),
            **{"class": "reversing"},
        )
    if day == business_day_on_or_after(day.replace(day=15)) and day.month in (4, 7, 10):
        invoiced = AUDIT_QUARTER_CENTS + day.month * 10_00
        yield post(f"audit:{day:%m}:paid", day, debit(AUDIT, invoiced), credit(CASH, invoiced))
    if day == date(YEAR, 4, 15):
        # A line was forgotten: the entry is turned down, and posted whole under another key.
        yield post("unbalanced", day, debit(AUDIT, 75_00), credit(CASH, 70_00))
        yield post("unbalanced:right", day, debit(AUDIT, 75_00), credit(CASH, 75_00))
