"""The second fold's entries and balances: each line must follow from the one before it."""

import msgspec

from interface.evidence.calendar import fiscal_year, month_of
from interface.evidence.chart import Account, Chart
from interface.evidence.divergence import Divergence
from interface.evidence.shapes import Entry, Envelope, Leg

Moved = dict[tuple[str, str], list[int]]
"""Of each account and asset: debits less credits, and what they are worth, in minor units."""

WORTH_ONLY = ("revaluation", "fx_difference")
"""Classes of entries whose legs may have a worth and no amount."""

_decode = msgspec.json.Decoder(Entry).decode


class Totals:
    """What an account holds of an asset, in minor units."""

    __slots__ = (
        "account",
        "credits",
        "debits",
        "lines",
        "pending_credits",
        "pending_debits",
        "scale",
    )

    def __init__(self, account: Account, scale: int) -> None:
        self.account = account
        self.scale = scale
        self.debits = self.credits = self.pending_debits = self.pending_credits = self.lines = 0


class Passbook:
    """Balances, running numbers and voucher numbers."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.totals: dict[tuple[str, str], Totals] = {}
        self.vouchers: dict[tuple[str, int], int] = {}
        self.moved: dict[str, Moved] = {}
        """By the last day of a month."""
        self._days: dict[str, Moved] = {}

    def totals_of(self, code: str, asset: str) -> Totals:
        """Returns the totals, new where nothing was counted yet. Raises Divergence where the
        account or the asset is not known."""
        found = self.totals.get((code, asset))
        if found is None:
            scale = self.chart.scales.get(asset)
            if scale is None:
                raise Divergence(f"the asset {asset} was never registered")
            found = Totals(self.chart.account(code), scale)
            self.totals[code, asset] = found
        return found

    def post(self, record: Envelope) -> Entry:
        """Checks an entry and takes it in. Raises Divergence."""
        entry = _decode(record.payload)
        chart = self.chart
        day = entry.effective_on
        if day <= chart.locked_through:
            raise Divergence(f"dated {day}, in books locked through {chart.locked_through}")
        if chart.is_shut(day, record.channel):
            raise Divergence(f"dated {day}, in books closed through {chart.closed_through}")
        if entry.fiscal_year != fiscal_year(day, chart.fiscal_year_start):
            raise Divergence(f"{day} is not in the fiscal year {entry.fiscal_year}")
        if entry.journal not in chart.journals:
            raise Divergence(f"the journal {entry.journal} was never opened")
        counter = (entry.journal, entry.fiscal_year)
        number = self.vouchers.get(counter, 0) + 1
        if entry.voucher_no != number:
            raise Divergence(
                f"voucher {entry.voucher_no} in {entry.journal} {entry.fiscal_year}; the next"
                f" number is {number}"
            )
        self.vouchers[counter] = number
        self._post_legs(entry)
        return entry

    def _post_legs(self, entry: Entry) -> None:
        nets: dict[str, int] = {}
        touched = set()
        valued = False
        known = self.totals.get
        text, scale, minor = "", -1, 0
        for leg in entry.legs:
            totals = known((leg.account, leg.asset)) or self.totals_of(leg.account, leg.asset)
            account = totals.account
            touched.add(account)
            if account.asset is not None and account.asset != leg.asset:
                raise Divergence(f"{leg.account} takes {account.asset}, not {leg.asset}")
            # Most entries say the same amount twice.
            if leg.amount != text or totals.scale != scale:
                text, scale = leg.amount, totals.scale
                minor = minor_of(text, scale)
                if minor <= 0 and not (
                    minor == 0 and leg.functional_amount and entry.class_ in WORTH_ONLY
                ):
                    raise Divergence(f"an amount of {text} is not above zero")
            if leg.side == "debit":
                totals.debits += minor
                change = minor
            elif leg.side == "credit":
                totals.credits += minor
                change = -minor
            else:
                raise Divergence(f"a leg on the side {leg.side!r}")
            nets[leg.asset] = nets.get(leg.asset, 0) + change
            self._move(entry.effective_on, leg, change)
            totals.lines += 1
            if leg.line != totals.lines:
                raise Divergence(
                    f"line {leg.line} of {leg.account} in {leg.asset}; the next is {totals.lines}"
                )
            balance = totals.debits - totals.credits
            if not account.debit_normal:
                balance = -balance
            if minor_of(leg.balance, scale) != balance:
                raise Divergence(
                    f"{leg.account} is left with {leg.balance} {leg.asset}; it follows"
                    f" {shown(balance, scale)}"
                )
            valued = valued or leg.functional_amount is not None
        for asset, net in nets.items():
            if net:
                scale = self.chart.scales[asset]
                raise Divergence(
                    f"debits and credits of {asset} differ by {shown(abs(net), scale)}"
                )
        if valued or len(nets) > 1:
            self._check_functional(entry)
        for account in touched:
            account.touched += 1

    def _moved_on(self, day: str) -> Moved:
        """What moved in the month of the fiscal year that the day is in."""
        last_on = month_of(day, start=self.chart.fiscal_year_start)[1]
        found = self._days[day] = self.moved.setdefault(last_on, {})
        return found

    def _move(self, day: str, leg: Leg, change: int) -> None:
        """Counts a leg in its month; `change`: its amount, above zero for debits."""
        moved = self._days.get(day)
        if moved is None:
            moved = self._moved_on(day)
        sums = moved.get((leg.account, leg.asset))
        if sums is None:
            sums = moved[leg.account, leg.asset] = [0, 0]
        sums[0] += change
        functional = self.chart.functional_asset
        if leg.asset == functional:
            sums[1] += change
        elif leg.functional_amount is not None:
            worth = minor_of(leg.functional_amount, self.chart.scales[functional])
            sums[1] += worth if leg.side == "debit" else -worth

    def _check_functional(self, entry: Entry) -> None:
        asset = self.chart.functional_asset
        scale = self.chart.scales[asset]
        net = 0
        for leg in entry.legs:
            value = leg.functional_amount
            if leg.asset == asset and value is None:
                value = leg.amount
            if value is None:
                raise Divergence(f"a leg on {leg.account} has no value in {asset}")
            if leg.asset == asset and value != leg.amount:
                raise Divergence(f"a leg on {leg.account} is valued unlike its own amount")
            minor = minor_of(value, scale)
            net += minor if leg.side == "debit" else -minor
        if net:
            raise Divergence(f"debits and credits differ by {shown(abs(net), scale)} in {asset}")


def minor_of(text: str, scale: int) -> int:
    """Returns the minor units of a stored amount. Raises Divergence where it is not written with
    all decimals of the scale."""
    try:
        if not scale:
            return int(text)
        if text[-scale - 1] == ".":
            return int(text[: -scale - 1] + text[-scale:])
    except (ValueError, IndexError) as error:
        raise Divergence(f"{text} is no amount") from error
    raise Divergence(f"{text} does not have {scale} decimals")


def shown(minor: int, scale: int) -> str:
    """Returns an amount as records have it."""
    digits = str(abs(minor)).zfill(scale + 1)
    text = f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits
    return f"-{text}" if minor < 0 else text
