"""Cards: what clients spend. Held when the card is shown, posted when the shop delivers.

What a shop will do with a hold is decided when it is made, and done on the days that follow.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from interface.demo.chart import (
    CASH,
    CLEARING,
    CLIENT_MONEY,
    CLIENTS,
    INTERCHANGE,
    INTERCHANGE_RECEIVABLE,
    wallet,
)
from interface.demo.days import business_day_on_or_after, is_business_day, is_month_end
from interface.demo.entries import Body, credit, debit, post, verb
from interface.demo.numbers import Numbers, amount, stable_id
from interface.demo.wallets import Wallets

WEEK_SECONDS = 7 * 24 * 3600
INTERCHANGE_BASIS_POINTS = 115
TIP_PERCENT = 20
TRIES = 25
"""Clients that are asked before a purchase does not take place for want of funds."""


class Shop(NamedTuple):
    """`habit`: what it does with a hold, see `Cards._plan`; amounts from low to high in cents."""

    merchant: str
    mcc: str
    habit: str
    low: int
    high: int


SHOPS = (
    Shop("M-1001", "5411", "whole", 12_00, 140_00),
    Shop("M-1002", "5411", "whole", 12_00, 90_00),
    Shop("M-1003", "5912", "whole", 6_00, 70_00),
    Shop("M-1004", "4111", "whole", 2_75, 25_00),
    Shop("M-1005", "5815", "whole", 9_99, 19_99),
    Shop("M-2001", "5999", "parts", 40_00, 260_00),
    Shop("M-2002", "5942", "parts", 20_00, 120_00),
    Shop("M-3001", "5812", "tip", 14_00, 95_00),
    Shop("M-3002", "5814", "whole", 7_00, 30_00),
    Shop("M-4001", "5541", "less", 100_00, 100_00),
    Shop("M-5001", "7011", "stay", 180_00, 320_00),
    Shop("M-6001", "7512", "deposit", 150_00, 200_00),
    Shop("M-7001", "4722", "cancelled", 60_00, 240_00),
)


class Hold(NamedTuple):
    """An authorization: `name` makes its id and the keys of what is done with it."""

    name: str
    client: int
    cents: int


class Step(NamedTuple):
    """What happens to a hold on a later day. `cents` None: all that remains of it."""

    do: str
    hold: Hold
    cents: int | None = None
    final: bool = False


class Cards:
    """The holds that are open, what is due with them, and what the network is owed."""

    def __init__(self, numbers: Numbers, wallets: Wallets) -> None:
        self._numbers = numbers
        self._wallets = wallets
        self._due: dict[date, list[Step]] = defaultdict(list)
        self._held: dict[str, int] = {}
        self._settled: dict[str, int] = defaultdict(int)
        self._owed_cents = 0
        self._month_cents = 0
        self._receivable_cents = 0

    def on(self, day: date) -> Iterator[Body]:
        """Yields what happens with cards on a day."""
        for step in self._due.pop(day, ()):
            yield self._take(step, day)
        yield from self._mishaps(day)
        busy = 3 if day.weekday() in (4, 5) else 0
        for number in range(1, 15 + busy + self._numbers.below(9)):
            yield from self._purchase(day, number)
        if is_business_day(day) and self._owed_cents:
            yield self._pay_network(day)
        yield from self._interchange(day)

    def _purchase(self, day: date, number: int) -> Iterator[Body]:
        shop = self._numbers.among(SHOPS)
        cents = self._numbers.between(shop.low, shop.high)
        client = self._client_with(cents)
        if client is None:
            return
        hold = Hold(f"card:{day:%m%d}:{number}", client, cents)
        authorization = self._authorize(hold, shop)
        yield authorization
        if (day.day, number) == (1, 1):
            # The network got no answer and asks again: the same key, the same answer.
            yield authorization
        for days, step in self._plan(hold, shop):
            self._due[day + timedelta(days=days)].append(step)

    def _client_with(self, cents: int) -> int | None:
        for _ in range(TRIES):
            client = 1 + self._numbers.below(CLIENTS)
            if self._wallets.available[client] >= cents:
                return client
        return None

    def _authorize(self, hold: Hold, shop: Shop) -> Body:
        self._wallets.available[hold.client] -= hold.cents
        self._held[hold.name] = hold.cents
        return authorization(hold, shop)

    def _plan(self, hold: Hold, shop: Shop) -> list[tuple[int, Step]]:
        """Returns what the shop does with a hold, in how many days."""
        numbers, cents = self._numbers, hold.cents
        if numbers.below(100) < 3 and shop.habit != "stay":
            return [(1, Step("void", hold))]
        soon = numbers.between(1, 3)
        if shop.habit == "parts":
            first = cents * numbers.between(35, 55) // 100
            parts = [(soon, Step("settle", hold, first))]
            if numbers.below(3) == 0:
                parts.append((soon + 2, Step("settle", hold, cents // 4)))
            return [*parts, (soon + 4, Step("settle", hold, final=True))]
        if shop.habit == "tip":
            most = cents * (100 + TIP_PERCENT) // 100
            return [(soon, Step("settle", hold, numbers.between(cents, most), final=True))]
        if shop.habit == "less":
            return [(1, Step("settle", hold, numbers.between(22_00, 92_00), final=True))]
        if shop.habit == "stay":
            stayed = cents * numbers.between(60, 90) // 100
            return [(soon, Step("settle", hold, stayed)), (soon + 1, Step("release", hold))]
        if shop.habit == "deposit":
            return [(numbers.between(2, 6), Step("release", hold))]
        if shop.habit == "cancelled" and numbers.below(2):
            return [(soon, Step("void", hold))]
        return [(soon, Step("settle", hold, final=True))]

    def _take(self, step: Step, day: date) -> Body:
        """Returns the command of a step and keeps what it leaves."""
        hold, held = step.hold, self._held[step.hold.name]
        if step.do != "settle":
            self._wallets.available[hold.client] += self._held.pop(hold.name)
            return verb(step.do, f"{hold.name}:{step.do}", authorization=stable_id(hold.name))
        cents = held if step.cents is None else step.cents
        if cents > held and cents - held > self._wallets.available[hold.client]:
            # No funds for the tip: the guest pays that in cash.
            step, cents = step._replace(cents=held), held
        self._wallets.available[hold.client] -= max(0, cents - held)
        left = max(0, held - cents)
        self._held[hold.name] = 0 if step.final else left
        if step.final:
            self._wallets.available[hold.client] += left
        self._owed_cents += cents
        self._month_cents += cents
        self._settled[hold.name] += 1
        return settlement(f"{hold.name}:settle:{self._settled[hold.name]}", step, day)

    def _mishaps(self, day: date) -> Iterator[Body]:
        """What is turned down: REFUSALS in story.py has the keys and the codes."""
        if day.day == 13:
            client = 1 + (day.month * 37) % CLIENTS
            asked = self._wallets.available[client] + 25_00
            yield authorization(Hold(f"declined:{day:%m}", client, asked), SHOPS[5])
        if (day.month, day.day) in ((2, 18), (6, 18), (10, 18)):
            yield from self._tricky(f"greedy:{day:%m}", day, "over_settlement")
        if (day.month, day.day) in ((3, 21), (9, 22)):
            yield from self._tricky(f"late:{day:%m}", day, "authorization_closed")
        if (day.month, day.day) == (5, 21):
            yield from self._tricky("again", day, "nothing_to_settle")
        if (day.month, day.day) == (8, 20):
            yield from self._tricky("undelivered", day, "settlement_exists")

    def _tricky(self, name: str, day: date, code: str) -> Iterator[Body]:
        """Yields a purchase with which the shop asks for something that it can't have."""
        cents = 30_00
        client = self._client_with(cents)
        assert client is not None, "somebody always has thirty dollars"
        hold = Hold(name, client, cents)
        yield self._authorize(hold, SHOPS[0])
        if code == "over_settlement":
            yield settlement(f"{name}:refused", Step("settle", hold, cents + 1), day)
            yield self._take(Step("settle", hold, final=True), day)
        elif code == "authorization_closed":
            yield self._take(Step("void", hold), day)
            yield settlement(f"{name}:refused", Step("settle", hold), day)
        elif code == "nothing_to_settle":
            yield self._take(Step("settle", hold), day)
            yield settlement(f"{name}:refused", Step("settle", hold), day)
        else:
            yield self._take(Step("settle", hold, 10_00), day)
            yield verb("void", f"{name}:refused", authorization=stable_id(name))
            yield self._take(Step("release", hold), day)

    def _pay_network(self, day: date) -> Body:
        cents, self._owed_cents = self._owed_cents, 0
        return post(
            f"network:{day:%m%d}",
            day,
            debit(CLEARING, cents),
            credit(CLIENT_MONEY, cents),
            journal="BANK",
            reference=f"NET-{day:%Y%m%d}",
        )

    def _interchange(self, day: date) -> Iterator[Body]:
        """What the network pays of a month's purchases: earned at its end, received after it."""
        if is_month_end(day):
            cents = self._month_cents * INTERCHANGE_BASIS_POINTS // 10_000
            self._month_cents = 0
            self._receivable_cents = cents
            yield post(
                f"interchange:{day:%m}",
                day,
                debit(INTERCHANGE_RECEIVABLE, cents),
                credit(INTERCHANGE, cents),
            )
        if day == business_day_on_or_after(day.replace(day=5)) and day.month > 1:
            yield post(
                f"interchange:{day:%m}:received",
                day,
                debit(CASH, self._receivable_cents),
                credit(INTERCHANGE_RECEIVABLE, self._receivable_cents),
                journal="BANK",
            )


def authorization(hold: Hold, shop: Shop) -> Body:
    """Returns the command that holds what a client spends in a shop."""
    command = verb(
        "authorize",
        hold.name,
        id=stable_id(hold.name),
        debit=wallet(hold.client),
        credit=CLEARING,
        amount=amount(hold.cents),
        asset="USD",
        expires_in_seconds=WEEK_SECONDS,
        network={
            "scheme": "card",
            "reference": f"NW-{hold.name}",
            "merchant_id": shop.merchant,
            "mcc": shop.mcc,
        },
    )
    return {**command, "over_settle_percent": str(TIP_PERCENT)} if shop.habit == "tip" else command


def settlement(name: str, step: Step, day: date) -> Body:
    """Returns the command that posts a part of a hold, or all that remains."""
    command = verb(
        "settle", name, authorization=stable_id(step.hold.name), effective_on=day.isoformat()
    )
    if step.cents is not None:
        command["amount"] = amount(step.cents)
    if step.final:
        command["final"] = True
    return command
