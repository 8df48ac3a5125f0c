"""The machine of test_lives.py: random commands on two wallets, and what each should come to.

Time is the tests': it moves in tens of seconds, and holds end at fives, so nothing is ever due by a
hair.
"""

from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.interface.http.lives_holds import Hold
from tests.interface.http.lives_model import Model
from tests.interface.http.lives_sending import Sending, shown
from tests.interface.http.lives_stops import Freeze, Limit, Stops
from tests.interface.http.world import entry

REASON = "counterparty"

amounts = st.one_of(st.integers(1, 300), st.integers(1, 12_000))
holds = st.integers(0, 9)


class Lives(Sending):
    """The rules."""

    def __init__(self) -> None:
        super().__init__()
        world = self.world
        self.cash = world.account()
        merchant = world.account("liability", floor="0.00")
        self.wallets = [world.account("liability", floor="0.00") for _ in range(2)]
        self.model = Model(merchant, Stops(self.clock.now))
        self.model.posted = dict.fromkeys([merchant, *self.wallets], 0)
        self.ids: list[str] = []
        for wallet in self.wallets:
            self.fund(self.wallets.index(wallet), 10_000)

    # -- rules

    @rule(wallet=st.integers(0, 1), amount=amounts)
    def fund(self, wallet: int, amount: int) -> None:
        account = self.wallets[wallet]
        body = entry(self.cash, account, shown(amount))
        self.send("/entries", body, self.model.fund(account, amount))

    @rule(wallet=st.integers(0, 1), amount=amounts)
    def transfer(self, wallet: int, amount: int) -> None:
        account, merchant = self.wallets[wallet], self.model.merchant
        amount = self.edge(account, amount)
        body = entry(account, merchant, shown(amount))
        self.send("/entries", body, self.model.transfer(account, amount))

    @rule(
        wallet=st.integers(0, 1),
        amount=amounts,
        percent=st.sampled_from([0, 15, 33]),
        seconds=st.sampled_from([None, 5, 15, 65]),
    )
    def authorize(self, wallet: int, amount: int, percent: int, seconds: int | None) -> None:
        account = self.wallets[wallet]
        amount = self.edge(account, amount)
        body = {
            "debit": account,
            "credit": self.model.merchant,
            "amount": shown(amount),
            "asset": "USD",
            "over_settle_percent": str(percent),
            "expires_in_seconds": seconds,
        }
        answer = self.send("/authorizations", body, self.model.authorize(account, amount))
        if answer is None:
            return
        hold = Hold(account, percent, amount, amount)
        if seconds is not None:
            hold.expires_at = datetime.fromisoformat(answer["expires_at"])
            late = hold.expires_at - self.clock.now - timedelta(seconds=seconds)
            assert timedelta(0) <= late < timedelta(seconds=1)
        self.model.authorized(answer["id"], hold)
        self.ids.append(answer["id"])
        self.compare(answer)

    @precondition(lambda self: self.ids)
    @rule(hold=holds, amount=amounts, grows=st.booleans())
    def resize(self, hold: int, amount: int, grows: bool) -> None:
        id = self.hold(hold)
        if grows:
            amount = self.edge(self.model.holds[id].debit, amount)
            self.act(id, "increment", {"amount": shown(amount)}, self.model.increment(id, amount))
        else:
            self.act(id, "reduce", {"amount": shown(amount)}, self.model.reduce(id, amount))

    @precondition(lambda self: self.ids)
    @rule(hold=holds)
    def reduce_to_zero(self, hold: int) -> None:
        id = self.hold(hold)
        left = max(1, self.model.holds[id].authorized - self.model.holds[id].settled)
        self.act(id, "reduce", {"amount": shown(left)}, self.model.reduce(id, left))

    @precondition(lambda self: self.ids)
    @rule(hold=holds, amount=st.none() | amounts, final=st.sampled_from([False, False, True]))
    def settle(self, hold: int, amount: int | None, final: bool) -> None:
        id = self.hold(hold)
        body = {"amount": None if amount is None else shown(amount), "final": final}
        taken = self.model.holds[id].held if amount is None else amount
        refusal = self.model.settle(id, amount, final=final)
        self.moved(self.act(id, "settle", body, refusal), id, "settlement", taken)

    @precondition(lambda self: self.late())
    @rule()
    def settle_late(self) -> None:
        id = self.late()[-1]
        self.act(id, "settle", {}, self.model.settle(id, None, final=False))

    @precondition(lambda self: self.stopped())
    @rule()
    def settle_what_is_stopped(self) -> None:
        id = self.stopped()[-1]
        taken = self.model.holds[id].held
        answer = self.act(id, "settle", {}, self.model.settle(id, None, final=False))
        self.moved(answer, id, "settlement", taken)

    @precondition(lambda self: self.ids)
    @rule(hold=holds, above=st.integers(0, 1))
    def settle_to_the_ceiling(self, hold: int, above: int) -> None:
        id = self.hold(hold)
        found = self.model.holds[id]
        amount = max(1, found.ceiling - found.settled + above)
        refusal = self.model.settle(id, amount, final=False)
        answer = self.act(id, "settle", {"amount": shown(amount)}, refusal)
        self.moved(answer, id, "settlement", amount)

    @precondition(lambda self: self.ids)
    @rule(hold=holds, verb=st.sampled_from(["void", "release"]))
    def end(self, hold: int, verb: str) -> None:
        id = self.hold(hold)
        self.act(id, verb, {}, self.model.end(id, verb))

    @precondition(lambda self: self.ids)
    @rule(
        hold=holds,
        verb=st.sampled_from(["refund", "chargeback", "representment"]),
        amount=amounts,
        all_of_it=st.booleans(),
    )
    def give_back(self, hold: int, verb: str, amount: int, all_of_it: bool) -> None:
        id = self.paid(hold)
        if all_of_it:
            found = self.model.holds[id]
            left = found.settled - found.returned
            if verb == "representment":
                left = found.charged_back - found.represented
            amount = max(1, left)
        refusal = self.model.give_back(id, verb, amount)
        body = {"amount": shown(amount), "reason": REASON}
        self.moved(self.act(id, verb, body, refusal), id, verb, amount)

    @precondition(lambda self: self.model.movements)
    @rule(number=holds, restore=st.booleans())
    def take_back(self, number: int, restore: bool) -> None:
        entries = list(self.model.movements)
        taken = entries[-1 - number % len(entries)]
        refusal = self.model.take_back(taken, restore=restore)
        body = {"reason": "duplicate", "restore_hold": restore}
        answer = self.send(f"/entries/{taken}/reverse", body, refusal)
        if answer is not None:
            self.model.reversals.append(answer["id"])
        self.compare(self.read(self.model.movements[taken].hold))

    @precondition(lambda self: self.model.reversals)
    @rule()
    def take_a_reversal_back(self) -> None:
        path = f"/entries/{self.model.reversals[-1]}/reverse"
        refusal = self.model.take_a_reversal_back(self.reversed_last())
        self.send(path, {"reason": "duplicate"}, refusal)

    @precondition(lambda self: self.ids)
    @rule(hold=holds, amount=amounts)
    def force(self, hold: int, amount: int) -> None:
        id = self.hold(hold)
        body = {"authorization": id, "amount": shown(amount), "reason": "feed_down"}
        refusal, passed = self.model.force(id, amount)
        self.forced(body, id, amount, refusal, passed)

    @precondition(lambda self: len(self.ids) % 4 == 3)
    @rule(wallet=st.integers(0, 1), amount=st.integers(1, 300))
    def force_unmatched(self, wallet: int, amount: int) -> None:
        account = self.wallets[wallet]
        body = {
            "debit": account,
            "credit": self.model.merchant,
            "asset": "USD",
            "amount": shown(amount),
            "network": {"reference": f"ARN-{next(self.numbers)}"},
            "reason": "feed_down",
        }
        refusal, passed = self.model.force_unmatched("new", account, amount)
        answer = self.forced(body, "new", amount, refusal, passed)
        if answer is not None:
            self.ids.append(answer["id"])

    # -- what stops and bounds

    @precondition(lambda self: len(self.model.stops.freezes) < len(self.ids) % 3)
    @rule(
        wallet=st.integers(0, 1),
        scope=st.sampled_from(["all", "debits", "credits"]),
        basis=st.sampled_from(["administrative", "legal"]),
        lien=st.none() | amounts,
    )
    def freeze(self, wallet: int, scope: str, basis: str, lien: int | None) -> None:
        account = self.wallets[wallet]
        amount = None if lien is None else shown(lien)
        body = {"scope": scope, "basis": basis, "amount": amount}
        answer = self.send(f"/accounts/{account}/freeze", body, None)
        assert answer is not None
        frozen = Freeze(account, scope, basis, lien)
        self.model.stops.freezes[answer["freeze_id"]] = frozen

    @precondition(lambda self: self.model.stops.freezes)
    @rule(number=holds)
    def lift(self, number: int) -> None:
        freezes = self.model.stops.freezes
        id = list(freezes)[number % len(freezes)]
        account = freezes.pop(id).account
        self.send(f"/accounts/{account}/unfreeze", {"freeze_id": id}, None)

    @precondition(lambda self: len(self.ids) % 2 == 1)
    @rule(
        wallet=st.integers(0, 1),
        per=st.sampled_from(["authorization", "day", "month"]),
        amount=st.none() | st.integers(0, 30_000),
        count=st.none() | st.integers(0, 20),
    )
    def bound(self, wallet: int, per: str, amount: int | None, count: int | None) -> None:
        account, limits = self.wallets[wallet], self.model.stops.limits
        count = None if per == "authorization" else count
        standing = [id for id, one in limits.items() if (one.account, one.per) == (account, per)]
        lifts = amount is None and count is None
        if amount is not None and standing and amount % 3:
            # Close to what is used by now.
            amount = self.model.stops.used(standing[0]) + amount % 500
        body = {
            "account": account,
            "per": per,
            "amount": None if amount is None else shown(amount),
            "count": count,
        }
        answer = self.send("/limits", body, "not_found" if lifts and not standing else None)
        if answer is None:
            return
        if lifts:
            del limits[standing[0]]
        elif standing:
            assert answer["limit_id"] == standing[0]
            limits[standing[0]].amount, limits[standing[0]].count = amount, count
        else:
            limits[answer["limit_id"]] = Limit(account, per, amount, count)

    @rule(tens=st.sampled_from([1, 1, 2, 6]))
    def wait(self, tens: int) -> None:
        self.clock.now += timedelta(seconds=10 * tens)
        self.model.stops.now = self.clock.now

    @rule()
    def look_at_everything(self) -> None:
        self.compare_all()

    def teardown(self) -> None:
        self.compare_all()
