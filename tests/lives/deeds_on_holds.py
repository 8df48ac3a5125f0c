"""The commands of the machine that move money, hold it and settle."""

from datetime import timedelta
from uuid import UUID

from tests.lives.deeds import Command, Deed, Making, shown
from tests.lives.holds import Code, Hold
from tests.lives.model import Model


class OnHolds(Making):
    """Until something is settled."""

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

    def take_of_a_limit(self, above: int) -> Deed | None:
        """All that is left of the last one, of which something is taken in its period, or a cent
        more."""
        stops = self.model.stops
        left = [
            (limit.account, limit.amount - stops.used(id) + above)
            for id, limit in stops.limits.items()
            if limit.per != "authorization" and limit.amount is not None and stops.used(id)
        ]
        return self.taking(*left[-1]) if left else None

    def take_a_cent(self) -> Deed | None:
        """Where a limit stands: then a period of it has begun."""
        limits = list(self.model.stops.limits.values())
        return self.taking(limits[-1].account, 1) if limits else None

    def taking(self, account: str, amount: int) -> Deed:
        amount = max(1, amount)
        merchant = self.model.merchant
        return self.entry(account, merchant, amount, lambda m: m.transfer(account, amount))

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

    def release_an_older(self) -> Deed | None:
        """The last hold that took of a limit in a period that is over."""
        stops = self.model.stops
        older = [
            id
            for id in self.model.ids
            if self.model.holds[id].closed_as is None
            and stops.took_before(self.model.holds[id].taken)
        ]
        if not older:
            return None
        id = older[-1]
        return self.act(id, "release", None, lambda m: m.end(id, "release"))

    def end(self, hold: int, verb: str) -> Deed | None:
        id = self.open(hold)
        return None if id is None else self.act(id, verb, None, lambda m: m.end(id, verb))
