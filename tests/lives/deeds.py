"""The commands of the machine: what each sends, and what it should come to.

A wish is drawn without a look at the ledger (by hypothesis, or by a seeded random) and becomes a
deed on what the model believes at that moment: amounts are often what is just there, or a cent
more. Time moves in tens of seconds. Holds end at fives after they are recorded, or at a ten
exactly: never by a hair.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from random import Random
from typing import Any, NamedTuple

from tests.lives.funds import Want
from tests.lives.holds import Code, Posted
from tests.lives.model import Model

REASON = "counterparty"
OFTEN = 7
"""Of ten."""

Choices = tuple[Sequence[Any], ...]
"""One of these is chosen, and one of its items."""
Command = dict[str, Any]
"""As a batch has it: `do`, and the members."""
Answer = dict[str, Any]

WALLET: Choices = (range(2),)
AMOUNT: Choices = (range(1, 301), range(1, 3_001), range(1, 12_001))
MAYBE: Choices = ([None], *AMOUNT)
HOLD: Choices = (range(10),)
EVER: Choices = ([False, True],)
SELDOM: Choices = ([False, False, True],)


class Deed(NamedTuple):
    """`judge` does it on the model, or returns the code that refuses it; `told` takes from the
    answer what only the service knows: ids. `passed`: what a mandatory settlement passes by."""

    command: Command
    judge: Callable[[Model], Code]
    told: Callable[[Model, Answer], None] = lambda model, answer: None
    hold: str | None = None
    passed: list[str] | None = None

    @property
    def forces(self) -> bool:
        return self.passed is not None


class Wish(NamedTuple):
    """`wants` are conditions: (account's number, what, comparison, cents beside what is found)."""

    kind: str
    arguments: dict[str, Any]
    wants: tuple[tuple[int, str, str, int], ...] = ()


def pick(random: Random, choices: Choices) -> Any:
    return random.choice(random.choice(choices))


def shown(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"


class Making:
    """What deeds have in common, and what they are done to. Each method that is named in a wish
    answers None where there is nothing to do it to."""

    numbers: Iterator[int] = count(1)
    model: Model
    cash: str
    wallets: list[str]

    def deed(self, wish: Wish) -> Deed | None:
        made: Deed | None = getattr(self, wish.kind)(**wish.arguments)
        return None if made is None else self.wanting(made, wish)

    def wanting(self, deed: Deed, wish: Wish) -> Deed:
        """The deed with the conditions of the wish."""
        model, accounts = self.model, [*self.wallets, self.model.merchant]
        wants = []
        for number, what, comparison, beside in wish.wants:
            account = accounts[number]
            wants.append(Want(account, what, comparison, model.found(account, what) + beside))

        def judge(model: Model) -> Code:
            model.wants = wants
            try:
                return deed.judge(model)
            finally:
                model.wants = ()

        if not wants:
            return deed
        return deed._replace(command={**deed.command, "if": [asked(w) for w in wants]}, judge=judge)

    # -- what deeds have in common

    def entry(self, debit: str, credit: str, amount: int, judge: Callable[[Model], Code]) -> Deed:
        def told(model: Model, answer: Answer) -> None:
            id = answer["id"]
            model.entries[id] = Posted(debit, credit, amount, chain=[id])

        return Deed({"do": "post", "legs": legs(debit, credit, amount)}, judge, told)

    def act(self, id: str, verb: str, amount: int | None, judge: Callable[[Model], Code]) -> Deed:
        command: Command = {"do": verb, "authorization": id}
        if amount is not None:
            command["amount"] = shown(amount)
        return Deed(command, judge, hold=id)

    def moving(self, deed: Deed, id: str, kind: str, amount: int, **more: Any) -> Deed:
        """A deed on a hold that posts an entry."""
        return deed._replace(
            command={**deed.command, **more},
            told=lambda model, answer: self.moved(model, answer, id, kind, amount),
        )

    def moved(self, model: Model, answer: Answer, id: str, kind: str, amount: int) -> None:
        entry = answer["entry"]
        sides = model.sides(model.holds[id], kind)
        model.entries[entry] = Posted(*sides, amount, id, kind, chain=[entry])

    # -- what they are done to

    def open(self, number: int) -> str | None:
        """One of the last holds; mostly one that is open."""
        return self.last(
            [i for i in self.model.ids if self.model.holds[i].closed_as is None], number
        )

    def paid(self, number: int) -> str | None:
        """One of the last holds; mostly one of which something is settled."""
        return self.last([i for i in self.model.ids if self.model.holds[i].settled], number)

    def lost(self, number: int) -> str | None:
        """One of the last holds; mostly one of which something is charged back."""
        holds = self.model.holds
        lost = [i for i in self.model.ids if holds[i].charged_back > holds[i].represented]
        return self.last(lost, number)

    def last(self, preferred: list[str], number: int) -> str | None:
        some = preferred if preferred and number < OFTEN else self.model.ids
        return some[-1 - number % len(some)] if some else None

    def corrigible(self, number: int) -> str | None:
        """One of the last entries; mostly one that may be corrected."""
        entries = self.model.entries
        open = [id for id, one in entries.items() if not one.taken_back and not one.correction]
        open += [id for id, one in entries.items() if one.correction == "replacement"]
        some = open if open and number < OFTEN else list(entries)
        return some[-1 - number % len(some)] if some else None

    def other(self, account: str) -> str:
        """The other wallet."""
        return self.wallets[1 - self.wallets.index(account)] if account in self.wallets else account

    def edge(self, account: str, amount: int) -> int:
        """Often what is just free there, or a limit just lets pass, or a cent more."""
        model, above = self.model, amount // 8 % 2
        rooms = [model.free(account), *model.stops.rooms(account)]
        return max(1, rooms[amount % 8 % len(rooms)] + above) if amount % 8 < 3 else amount


def legs(debit: str, credit: str, amount: int) -> list[dict[str, str]]:
    return [
        {"account": account, "side": side, "amount": shown(amount), "asset": "USD"}
        for account, side in ((debit, "debit"), (credit, "credit"))
    ]


def asked(want: Want) -> dict[str, Any]:
    """A condition as a command has it."""
    if want.what == "version":
        return {"account": want.account, "version": want.asked}
    compared = {want.comparison: shown(want.asked)}
    return {"account": want.account, "asset": "USD", want.what: compared}
