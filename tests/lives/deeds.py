"""The commands of the machine: what each sends, and what it should come to.

A wish is drawn without a look at the ledger (by hypothesis, or by a seeded random) and becomes a
deed on what the model believes at that moment: amounts are often what is just there, or a cent
more. Time moves in tens of seconds. Holds end at fives after they are recorded, or at a ten
exactly: never by a hair.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from tests.lives.funds import Want
from tests.lives.holds import Code, Hold, Posted
from tests.lives.model import Model
from tests.lives.stops import Freeze, Limit

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


class Deeds:
    """Makes deeds for one model. Each method answers None where there is nothing to do it to."""

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

    # -- money

    def fund(self, wallet: int, amount: int) -> Deed:
        account, cash = self.wallets[wallet], self.cash
        return self.entry(cash, account, amount, lambda m: m.fund(cash, account, amount))

    def transfer(self, wallet: int, amount: int) -> Deed:
        account = self.wallets[wallet]
        amount = self.edge(account, amount)
        merchant = self.model.merchant
        return self.entry(account, merchant, amount, lambda m: m.transfer(account, amount))

    def pay_out(self, amount: int) -> Deed:
        """Mostly all that the merchant has, or nearly: then returns find it poor."""
        merchant, cash = self.model.merchant, self.cash
        if amount % 4:
            amount = max(1, self.model.free(merchant) - amount % 7 + 1)
        return self.entry(merchant, cash, amount, lambda m: m.pay_out(cash, amount))

    def transfer_what_is_late(self, amount: int) -> Deed | None:
        """More than is free, or than a limit lets pass, until the first that is due expires."""
        model = self.model
        late = sorted(
            (hold.expires_at, id)
            for id, hold in model.holds.items()
            if hold.is_due(model.now) and hold.held
        )
        if not late:
            return None
        first = model.holds[late[0][1]]
        account, merchant = first.debit, model.merchant
        rooms = [model.free(account), *model.stops.rooms(account)]
        amount = max(1, rooms[amount % len(rooms)] + 1 + amount % first.held)
        return self.entry(account, merchant, amount, lambda m: m.transfer(account, amount))

    def entry(self, debit: str, credit: str, amount: int, judge: Callable[[Model], Code]) -> Deed:
        def told(model: Model, answer: Answer) -> None:
            id = answer["id"]
            model.entries[id] = Posted(debit, credit, amount, chain=[id])

        return Deed({"do": "post", "legs": legs(debit, credit, amount)}, judge, told)

    # -- holds

    def authorize(
        self, wallet: int, amount: int, percent: int, seconds: int | None, exactly: bool
    ) -> Deed:
        account = self.wallets[wallet]
        amount = self.edge(account, amount)
        id = str(UUID(int=next(self.numbers), version=4))
        command: Command = {
            "do": "authorize",
            "id": id,
            "debit": account,
            "credit": self.model.merchant,
            "amount": shown(amount),
            "asset": "USD",
            "over_settle_percent": str(percent),
        }
        hold = Hold(account, percent, amount, amount)
        if seconds is not None:
            if exactly:
                seconds += 5
            hold.expires_at = self.model.now + timedelta(seconds=seconds)
            if exactly:
                command["expires_at"] = hold.expires_at.isoformat().replace("+00:00", "Z")
            else:
                command["expires_in_seconds"] = seconds

        def judge(model: Model) -> Code:
            code = model.authorize(id, hold)
            if code is None:
                model.ids.append(id)
            return code

        return Deed(command, judge, hold=id)

    def resize(self, hold: int, amount: int, grows: bool) -> Deed | None:
        id = self.open(hold)
        if id is None:
            return None
        if grows:
            amount = self.edge(self.model.holds[id].debit, amount)
            return self.act(id, "increment", amount, lambda m: m.increment(id, amount))
        return self.act(id, "reduce", amount, lambda m: m.reduce(id, amount))

    def reduce_to_zero(self, hold: int) -> Deed | None:
        id = self.open(hold)
        if id is None:
            return None
        left = max(1, self.model.holds[id].authorized - self.model.holds[id].settled)
        return self.act(id, "reduce", left, lambda m: m.reduce(id, left))

    def settle(self, hold: int, amount: int | None, final: bool) -> Deed | None:
        id = self.open(hold)
        return None if id is None else self.settling(id, amount, final=final)

    def settling(self, id: str, amount: int | None, *, final: bool = False) -> Deed:
        taken = self.model.holds[id].held if amount is None else amount
        deed = self.act(id, "settle", amount, lambda m: m.settle(id, amount, final=final))
        return self.moving(deed, id, "settlement", taken, final=final)

    def settle_late(self) -> Deed | None:
        """Just now, where one is due at this very moment."""
        now = self.model.now
        late = [(hold.expires_at, id) for id, hold in self.model.holds.items() if hold.is_due(now)]
        return self.settling(max(late)[1], None) if late else None

    def settle_what_is_stopped(self) -> Deed | None:
        stops = self.model.stops
        stopped = [
            (hold.held, id)
            for id, hold in self.model.holds.items()
            if hold.closed_as is None and hold.held
            if stops.stopped(hold.debit, "debit") or stops.liens(hold.debit, legal=True)
        ]
        return self.settling(max(stopped)[1], None) if stopped else None

    def settle_to_the_ceiling(self, hold: int, above: int) -> Deed | None:
        id = self.open(hold)
        if id is None:
            return None
        found = self.model.holds[id]
        return self.settling(id, max(1, found.ceiling - found.settled + above))

    def end(self, hold: int, verb: str) -> Deed | None:
        id = self.open(hold)
        return None if id is None else self.act(id, verb, None, lambda m: m.end(id, verb))

    # -- what goes back

    def give_back(self, hold: int, verb: str, amount: int, all_of_it: bool) -> Deed | None:
        id = self.lost(hold) if verb == "representment" else self.paid(hold)
        if id is None:
            return None
        if all_of_it:
            found = self.model.holds[id]
            left = found.settled - found.returned
            if verb == "representment":
                left = found.charged_back - found.represented
            # A cent more now and then.
            amount = max(1, left + amount % 2)
        deed = self.act(id, verb, amount, lambda m: m.give_back(id, verb, amount))
        return self.moving(deed, id, verb, amount, reason=REASON)

    def take_back(self, number: int, restore: bool) -> Deed | None:
        entry = self.corrigible(number)
        if entry is None:
            return None
        old = self.model.entries[entry]

        def told(model: Model, answer: Answer) -> None:
            chain = [*model.entries[entry].chain, answer["id"]]
            reversal = Posted(old.credit, old.debit, old.amount, old.hold, None, "reversal")
            enchain(model, answer["id"], reversal, chain)

        command = {
            "do": "reverse",
            "entry": entry,
            "reason": "duplicate",
            "restore_hold": restore,
        }
        return Deed(command, lambda m: m.take_back(entry, restore=restore), told, old.hold)

    def put_right(self, number: int, amount: int, elsewhere: bool) -> Deed | None:
        entry = self.corrigible(number)
        if entry is None:
            return None
        old = self.model.entries[entry]
        # Often close to what it was, or to what is just free.
        amount = max(1, old.amount + amount % 601 - 300) if amount % 3 else amount
        debit, credit = old.debit, old.credit
        if elsewhere:
            debit, credit = (self.other(code) for code in (debit, credit))

        def told(model: Model, answer: Answer) -> None:
            reversal, replacement = answer["reversal"], answer["replacement"]
            chain = [*model.entries[entry].chain, reversal]
            back = Posted(old.credit, old.debit, old.amount, old.hold, None, "reversal")
            enchain(model, reversal, back, chain)
            new = Posted(debit, credit, amount, old.hold, old.kind, "replacement")
            enchain(model, replacement, new, [*chain, replacement])

        command = {
            "do": "adjust",
            "entry": entry,
            "reason": "wrong_amount",
            "legs": legs(debit, credit, amount),
        }
        return Deed(command, lambda m: m.put_right(entry, debit, credit, amount), told, old.hold)

    # -- what is hardly ever refused

    def force(self, hold: int, amount: int) -> Deed | None:
        id = self.open(hold)
        if id is None:
            return None
        command = {"authorization": id, "amount": shown(amount)}
        return self.forcing(command, id, amount, lambda m: m.force(id, amount))

    def force_unmatched(self, wallet: int, amount: int, again: bool) -> Deed | None:
        account, references = self.wallets[wallet], self.model.references
        if not (again and references) and len(self.model.ids) % 4 != 3:
            return None
        reference = references[-1] if again and references else f"ARN-{next(self.numbers)}"
        command = {
            "debit": account,
            "credit": self.model.merchant,
            "asset": "USD",
            "amount": shown(amount),
            "network": {"reference": reference},
        }
        return self.forcing(
            command,
            reference,
            amount,
            lambda m: m.force_unmatched(reference, account, amount),
        )

    def forcing(
        self, command: Command, name: str, amount: int, judge: Callable[[Model], Code]
    ) -> Deed:
        passed: list[str] = []

        def judged(model: Model) -> Code:
            code = judge(model)
            passed[:] = model.passed
            return code

        def told(model: Model, answer: Answer) -> None:
            id = answer["id"]
            if id != name:
                model.holds[id] = model.holds.pop(name)
                model.ids.append(id)
            self.moved(model, answer, id, "settlement", amount)

        sent = {"do": "settle_mandatory", "reason": "feed_down", **command}
        return Deed(sent, judged, told, name, passed)

    # -- what stops and bounds

    def freeze(self, wallet: int, scope: str, basis: str, lien: int | None) -> Deed | None:
        if len(self.model.stops.freezes) >= len(self.model.ids) % 3:
            return None
        account = self.wallets[wallet]
        held = [hold.held for hold in self.model.holds.values() if hold.debit == account]
        if lien is not None and any(held) and lien % 2:
            # Just what lets the largest hold be settled, or a cent more.
            lien = max(1, self.model.posted[account] - max(held) + lien // 2 % 2)
        amount = None if lien is None else shown(lien)
        frozen = Freeze(account, scope, basis, lien)

        def told(model: Model, answer: Answer) -> None:
            model.stops.freezes[answer["freeze_id"]] = frozen

        stop = {"scope": scope, "basis": basis, "amount": amount}
        return self.stopping({"do": "freeze_account", "account": account, **stop}, told)

    def lift(self, number: int) -> Deed | None:
        freezes = self.model.stops.freezes
        if not freezes:
            return None
        id = list(freezes)[number % len(freezes)]

        def told(model: Model, answer: Answer) -> None:
            del model.stops.freezes[id]

        account = freezes[id].account
        return self.stopping({"do": "unfreeze_account", "account": account, "freeze_id": id}, told)

    def bound(self, wallet: int, per: str, amount: int | None, count: int | None) -> Deed | None:
        account, limits = self.wallets[wallet], self.model.stops.limits
        count = None if per == "authorization" else count
        standing = [id for id, one in limits.items() if (one.account, one.per) == (account, per)]
        lifts = amount is None and count is None
        if amount is not None and standing:
            # Close to what is used by now.
            amount += self.model.stops.used(standing[0])
        bounds = {"amount": None if amount is None else shown(amount), "count": count}

        def told(model: Model, answer: Answer) -> None:
            limits = model.stops.limits
            if lifts:
                del limits[standing[0]]
            elif standing:
                assert answer["limit_id"] == standing[0]
                limits[standing[0]].amount, limits[standing[0]].count = amount, count
            else:
                limits[answer["limit_id"]] = Limit(account, per, amount, count)

        command = {"do": "set_limit", "account": account, "per": per, **bounds}
        return self.stopping(command, told, "not_found" if lifts and not standing else None)

    def stopping(
        self, command: Command, told: Callable[[Model, Answer], None], code: Code = None
    ) -> Deed:
        def judge(model: Model) -> Code:
            found = code or model.judge()
            if found is None:
                model.touch(command["account"])
            return found

        return Deed(command, judge, told)

    # -- what deeds have in common

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


def enchain(model: Model, id: str, posted: Posted, chain: list[str]) -> None:
    """Puts a correction into the chain of what it corrects."""
    posted.chain = chain
    model.entries[id] = posted
    for other in chain:
        model.entries[other].chain = chain
