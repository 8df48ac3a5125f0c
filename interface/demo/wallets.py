"""Wallets: what clients pay in and take out, and what clerks get wrong about it.

The balances kept here are what the commands will have done, so that each of them succeeds.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from interface.demo.chart import (
    CASH,
    CLIENT_MONEY,
    CLIENTS,
    FEES,
    UNALLOCATED,
    owner,
    wallet,
)
from interface.demo.days import YEAR, is_month_end
from interface.demo.entries import Body, credit, debit, post, verb
from interface.demo.numbers import Numbers, stable_id

FEE_CENTS = 1_50
WITHDRAWN_FROM_CENTS = 450_00
KEPT_CENTS = 200_00
PAY_IN_EVERY_DAYS = 14
OPENINGS = 2
"""Entries that the opening is told in: one has up to 100 legs."""

# What goes wrong with the first pay-in of these days.
MISTAKES = {
    date(YEAR, 1, 14): "wrong_account",
    date(YEAR, 1, 23): "wrong_amount",
    date(YEAR, 2, 11): "duplicate",
    date(YEAR, 3, 1): "wrong_period",
    date(YEAR, 3, 19): "data_entry",
    date(YEAR, 4, 9): "wrong_amount",
    date(YEAR, 5, 6): "counterparty",
    date(YEAR, 5, 22): "wrong_account",
    date(YEAR, 6, 17): "duplicate",
    date(YEAR, 7, 8): "regulatory",
    date(YEAR, 8, 5): "wrong_account",
    date(YEAR, 8, 26): "other",
    date(YEAR, 9, 12): "wrong_amount",
    date(YEAR, 10, 1): "wrong_period",
    date(YEAR, 10, 21): "duplicate",
    date(YEAR, 11, 18): "data_entry",
    date(YEAR, 12, 9): "wrong_account",
}


class Wallets:
    """Every client's available balance in cents, by client from 1, and the year's pay-ins."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self.available = dict.fromkeys(range(1, CLIENTS + 1), 0)

    def on(self, day: date) -> Iterator[Body]:
        """Yields what is paid in and out on a day."""
        if day == date(YEAR, 1, 1):
            yield from self._opening(day)
        mistake = MISTAKES.get(day)
        for client in range(1, CLIENTS + 1):
            first = client % PAY_IN_EVERY_DAYS + 1
            if day.day in (first, first + PAY_IN_EVERY_DAYS):
                cents = (40 + client % 9 * 15) * 100 + self._numbers.below(60_00)
                if mistake is None:
                    yield self._pay_in(f"payin:{day:%m%d}:{client:03}", day, client, cents)
                else:
                    yield from self._pay_in_wrongly(day, client, cents, mistake)
                    mistake = None
        if day.day == 5:
            yield from self._receive_unallocated(day)
        if day.day == 8:
            yield from self._allocate(day)
        if day.day == 20:
            yield from self._withdraw(day)

    def fees_on(self, day: date) -> Iterator[Body]:
        """Yields the month's fees at its end, and the transfer of their total to the firm."""
        if not is_month_end(day):
            return
        total = 0
        for client, available in self.available.items():
            if available < FEE_CENTS:
                continue
            self.available[client] -= FEE_CENTS
            total += FEE_CENTS
            yield post(
                f"fee:{day:%m}:{client:03}",
                day,
                debit(wallet(client), FEE_CENTS, party=owner(client)),
                credit(FEES, FEE_CENTS),
                journal="CLIENTS",
            )
        yield post(
            f"fee:{day:%m}:transfer",
            day,
            debit(CASH, total),
            credit(CLIENT_MONEY, total),
            journal="BANK",
            narrative="Fees leave the clients' money",
        )

    def _opening(self, day: date) -> Iterator[Body]:
        size = CLIENTS // OPENINGS
        for number in range(OPENINGS):
            legs, total = [], 0
            for client in range(number * size + 1, (number + 1) * size + 1):
                cents = 80_00 + self._numbers.below(320_00)
                self.available[client] += cents
                total += cents
                legs.append(credit(wallet(client), cents, party=owner(client)))
            yield post(
                f"opening:wallets:{number + 1}",
                day,
                debit(CLIENT_MONEY, total),
                *legs,
                **{"class": "opening"},
            )

    def _pay_in(self, name: str, day: date, client: int, cents: int) -> Body:
        self.available[client] += cents
        return post(
            name,
            day,
            *_pay_in_legs(client, cents),
            id=stable_id(name),
            journal="CLIENTS",
            reference=f"IN-{day:%m%d}-{client:03}",
        )

    def _pay_in_wrongly(self, day: date, client: int, cents: int, mistake: str) -> Iterator[Body]:
        """Yields a pay-in with a mistake, and its correction."""
        name = f"payin:{day:%m%d}:{client:03}"
        right = _pay_in_legs(client, cents)
        if mistake == "duplicate":
            yield self._pay_in(name, day, client, cents)
            yield self._pay_in(f"{name}:again", day, client, cents)
            yield self._take_back(f"{name}:again", client, cents, mistake)
            if day == date(YEAR, 2, 11):
                # Another clerk has the same thought: turned down, and on record.
                yield _correction("reverse", f"{name}:again", suffix=":twice", reason=mistake)
        elif mistake in ("counterparty", "regulatory"):
            yield self._pay_in(name, day, client, cents)
            yield self._take_back(name, client, cents, mistake)
        elif mistake == "wrong_period":
            yield self._pay_in(name, day - timedelta(days=1), client, cents)
            moved = day.isoformat()
            yield _correction(
                "adjust", name, reason=mistake, replacement_effective_on=moved, legs=right
            )
        elif mistake == "wrong_account":
            neighbour = client % CLIENTS + 1
            yield self._pay_in(name, day, neighbour, cents)
            self.available[neighbour] -= cents
            self.available[client] += cents
            yield _correction("adjust", name, reason=mistake, legs=right)
        else:
            wrong = {"wrong_amount": cents * 10, "data_entry": cents + 90}.get(mistake, cents + 1)
            yield self._pay_in(name, day, client, wrong)
            self.available[client] += cents - wrong
            more = {"narrative": "The bank's advice was a cent less."} if mistake == "other" else {}
            yield _correction("adjust", name, reason=mistake, legs=right, **more)

    def _take_back(self, name: str, client: int, cents: int, reason: str) -> Body:
        self.available[client] -= cents
        return _correction("reverse", name, reason=reason)

    def _receive_unallocated(self, day: date) -> Iterator[Body]:
        cents = 60_00 + day.month * 5_25
        yield post(
            f"unallocated:{day:%m}",
            day,
            debit(CLIENT_MONEY, cents),
            credit(UNALLOCATED, cents),
            journal="CLIENTS",
            narrative="Paid in without a reference",
        )

    def _allocate(self, day: date) -> Iterator[Body]:
        cents, client = 60_00 + day.month * 5_25, day.month * 11
        self.available[client] += cents
        yield post(
            f"unallocated:{day:%m}:allocated",
            day,
            debit(UNALLOCATED, cents),
            credit(wallet(client), cents, party=owner(client)),
            journal="CLIENTS",
            **{"class": "reclassification"},
        )

    def _withdraw(self, day: date) -> Iterator[Body]:
        for client, available in self.available.items():
            if available < WITHDRAWN_FROM_CENTS:
                continue
            cents = (available - KEPT_CENTS) // 10_00 * 10_00
            self.available[client] -= cents
            yield post(
                f"payout:{day:%m}:{client:03}",
                day,
                debit(wallet(client), cents, party=owner(client)),
                credit(CLIENT_MONEY, cents),
                journal="CLIENTS",
                reference=f"OUT-{day:%m%d}-{client:03}",
            )


def _pay_in_legs(client: int, cents: int) -> list[Body]:
    return [debit(CLIENT_MONEY, cents), credit(wallet(client), cents, party=owner(client))]


def _correction(do: str, name: str, *, suffix: str = "", **members: Any) -> Body:
    return verb(do, f"{name}:{do}{suffix}", entry=stable_id(name), **members)
