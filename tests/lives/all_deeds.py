"""The commands of the machine that give back, correct, force, stop and bound."""

from collections.abc import Callable

from tests.lives.deeds import REASON, Answer, Command, Deed, legs, shown
from tests.lives.deeds_on_holds import OnHolds
from tests.lives.holds import Code, Posted
from tests.lives.model import Model
from tests.lives.stops import Freeze, Limit


class Deeds(OnHolds):
    """All that a wish may be."""

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


def enchain(model: Model, id: str, posted: Posted, chain: list[str]) -> None:
    """Puts a correction into the chain of what it corrects."""
    posted.chain = chain
    model.entries[id] = posted
    for other in chain:
        model.entries[other].chain = chain
