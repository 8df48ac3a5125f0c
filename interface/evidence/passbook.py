"""The second fold's entries and balances: each line must follow from the one before it."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from interface.evidence.calendar import fiscal_year, month_of
from interface.evidence.chart import Account, Chart
from interface.evidence.divergence import Divergence
from interface.evidence.plain import Entry, EntryDecoder, Leg, PlainEntry, PlainLeg
from interface.evidence.shapes import Envelope

WORTH_ONLY = ("revaluation", "fx_difference")
"""Classes of entries whose legs may have a worth and no amount."""

REMEMBERED_AMOUNTS = 4_096


class Page(NamedTuple):
    """Where entries of a day, journal and channel go while the chart stays as it is."""

    counter: tuple[str, int]
    """The journal and the fiscal year, whose entries are numbered."""
    month: str
    """The last day of its month there."""


class Totals:
    """What an account holds of an asset, in minor units."""

    __slots__ = (
        "account",
        "asset",
        "credits",
        "debits",
        "kept",
        "lines",
        "month",
        "net",
        "of_month",
        "of_months",
        "pending_credits",
        "pending_debits",
        "scale",
    )

    def __init__(self, account: Account, asset: str, scale: int) -> None:
        self.account = account
        self.asset = asset
        self.scale = scale
        self.kept: Any = None
        """What the one who compares lines with these totals keeps beside them."""
        self.of_months: dict[str, list[int]] = {}
        """What `months` returns, but for the last entries in a row of one month."""
        self.month = ""
        """Of the last entry: most are of the same one."""
        self.of_month = [0, 0]
        self.net = 0
        """Debits less credits before the first entry in a row of that month."""
        self.debits = self.credits = self.pending_debits = self.pending_credits = self.lines = 0

    def turn_to(self, month: str) -> None:
        """Makes `of_month` that of a month, named by its last day."""
        self._settle()
        self.month = month
        self.of_month = self.of_months.setdefault(month, [0, 0])

    def months(self) -> Mapping[str, list[int]]:
        """Returns, by the last day of a month of the fiscal year, debits less credits and their
        worth."""
        self._settle()
        return self.of_months

    def _settle(self) -> None:
        """Adds to the month what its entries in a row came to: once for all of them."""
        net = self.debits - self.credits
        self.of_month[0] += net - self.net
        self.net = net


Moved = tuple[Totals, int, int, int, int]
"""What a leg moved: the totals, by how much (above zero for debits), and what it left there: lines,
debits, credits."""


class Passbook:
    """Balances, running numbers and voucher numbers."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.totals: dict[tuple[str, str], Totals] = {}
        self._of_asset: dict[str, dict[str, Totals]] = {}
        """The same, found in less time."""
        self.vouchers: dict[tuple[str, int], int] = {}
        self.legs: list[Moved] = []
        """What the last entry's legs moved."""
        self._decode = EntryDecoder().decode
        self._pages: dict[tuple[str, str, str], Page] = {}

    def totals_of(self, code: str, asset: str) -> Totals:
        """Returns the totals, new where nothing was counted yet. Raises Divergence where the
        account or the asset is not known."""
        try:
            return self._of_asset[asset][code]
        except KeyError:
            return self._new_totals(code, asset)

    def _new_totals(self, code: str, asset: str) -> Totals:
        scale = self.chart.scales.get(asset)
        if scale is None:
            raise Divergence(f"the asset {asset} was never registered")
        new = self.totals[code, asset] = Totals(self.chart.account(code), asset, scale)
        self._of_asset.setdefault(asset, {})[code] = new
        return new

    def has_lines(self, code: str) -> bool:
        """True for an account that was posted to."""
        known = (of_asset.get(code) for of_asset in self._of_asset.values())
        return any(totals is not None and totals.lines for totals in known)

    def turn(self) -> None:
        """To be called when something of the chart may have changed."""
        self._pages.clear()

    def post(self, record: Envelope) -> Entry:
        """Checks an entry and takes it in. Raises Divergence."""
        entry = self._decode(record.payload)
        about = (entry.effective_on, entry.journal, record.channel)
        page = self._pages.get(about) or self._page(*about)
        counter = page.counter
        if entry.fiscal_year != counter[1]:
            raise Divergence(f"{about[0]} is not in the fiscal year {entry.fiscal_year}")
        number = self.vouchers.get(counter, 0) + 1
        if entry.voucher_no != number:
            raise Divergence(
                f"voucher {entry.voucher_no} in {entry.journal} {entry.fiscal_year}; the next"
                f" number is {number}"
            )
        self.vouchers[counter] = number
        if type(entry) is PlainEntry:
            legs = entry.legs
            if len(legs) == 2 and legs[0].asset == legs[1].asset:
                self._post_pair(legs, page.month)
                return entry
        self._post_legs(entry, page.month)
        return entry

    def _page(self, day: str, journal: str, channel: str) -> Page:
        chart = self.chart
        if day <= chart.locked_through:
            raise Divergence(f"dated {day}, in books locked through {chart.locked_through}")
        if chart.is_shut(day, channel):
            raise Divergence(f"dated {day}, in books closed through {chart.closed_through}")
        if journal not in chart.journals:
            raise Divergence(f"the journal {journal} was never opened")
        start = chart.fiscal_year_start
        try:
            if date.fromisoformat(day).isoformat() != day:
                raise Divergence(f"{day} is not how a day is written")
            page = Page((journal, fiscal_year(day, start)), month_of(day, start=start)[1])
        except ValueError as error:
            raise Divergence(f"{day} is no day") from error
        self._pages[day, journal, channel] = page
        return page

    def _post_pair(self, entry_legs: Sequence[PlainLeg], month: str) -> None:
        """Does what `_post_legs` does, for two plain legs of one asset."""
        legs: list[Moved] = []
        self.legs = legs
        net, text, amount, asset = 0, "", 0, entry_legs[0].asset
        known = self._of_asset.get(asset) or {}
        for leg in entry_legs:
            totals = known.get(leg.account) or self.totals_of(leg.account, asset)
            account, scale = totals.account, totals.scale
            if account.asset != asset and account.asset is not None:
                raise Divergence(f"{leg.account} takes {account.asset}, not {asset}")
            if leg.amount != text:
                # Mostly the same on both sides.
                text, amount = leg.amount, amount_of(leg.amount, scale)
                if amount <= 0:
                    raise Divergence(f"an amount of {text} is not above zero")
            if totals.month != month:
                totals.turn_to(month)
            debits, credits = totals.debits, totals.credits
            if leg.side == "debit":
                change = amount
                debits = totals.debits = debits + amount
            elif leg.side == "credit":
                change = -amount
                credits = totals.credits = credits + amount
            else:
                raise Divergence(f"a leg on the side {leg.side!r}")
            net += change
            line = totals.lines = totals.lines + 1
            legs.append((totals, change, line, debits, credits))
            digits = str(debits - credits if account.debit_normal else credits - debits)
            left = leg.balance
            if (
                leg.line != line
                or left.replace(".", "", 1) != digits
                or left[-scale - 1 : -scale] != "."
            ):
                # Also where there are leading zeros, or no decimals: for them this is too quick.
                _check_left(totals, leg)
        if net:
            self._check_nets({asset: net})
        one, other = legs[0][0].account, legs[1][0].account
        one.touched += 1
        if one is not other:
            other.touched += 1

    def _touch(self) -> None:
        """Counts the last entry for the accounts that it touches."""
        for account in {moved[0].account for moved in self.legs}:
            account.touched += 1

    def _post_legs(self, entry: Entry, month: str) -> None:
        """`month`: the last day of the entry's."""
        nets: dict[str, int] = {}
        valued = False
        functional = self.chart.functional_asset
        self.legs = legs = []
        if len(entry.legs) < 2:
            raise Divergence("an entry of less than two legs")
        for leg in entry.legs:
            asset = leg.asset
            totals = self.totals_of(leg.account, asset)
            account, scale = totals.account, totals.scale
            if account.asset != asset and account.asset is not None:
                raise Divergence(f"{leg.account} takes {account.asset}, not {asset}")
            if totals.month != month:
                totals.turn_to(month)
            change = amount_of(leg.amount, scale)
            if change <= 0:
                _check_worth_only(entry, leg, change)
            if leg.side == "debit":
                totals.debits += change
            elif leg.side == "credit":
                totals.credits += change
                change = -change
            else:
                raise Divergence(f"a leg on the side {leg.side!r}")
            nets[asset] = nets.get(asset, 0) + change
            if leg.functional_amount is not None:
                valued = True
                if asset != functional:
                    worth = minor_of(leg.functional_amount, self.chart.functional_scale)
                    totals.of_month[1] += worth if leg.side == "debit" else -worth
            totals.lines += 1
            legs.append((totals, change, totals.lines, totals.debits, totals.credits))
            _check_left(totals, leg)
        self._check_nets(nets)
        if valued or len(nets) > 1:
            self._check_functional(entry)
        self._touch()

    def _check_nets(self, nets: dict[str, int]) -> None:
        for asset, net in nets.items():
            if net:
                scale = self.chart.scales[asset]
                raise Divergence(
                    f"debits and credits of {asset} differ by {shown(abs(net), scale)}"
                )

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


def _check_left(totals: Totals, leg: Leg) -> None:
    """A line has the next number, and leaves what follows."""
    if leg.line != totals.lines:
        raise Divergence(
            f"line {leg.line} of {leg.account} in {leg.asset}; the next is {totals.lines}"
        )
    balance = totals.debits - totals.credits
    if not totals.account.debit_normal:
        balance = -balance
    if minor_of(leg.balance, totals.scale) != balance:
        raise Divergence(
            f"{leg.account} is left with {leg.balance} {leg.asset}; it follows"
            f" {shown(balance, totals.scale)}"
        )


def _check_worth_only(entry: Entry, leg: Leg, minor: int) -> None:
    """Raises Divergence for an amount that is not above zero, but where only the worth changes."""
    if minor or not leg.functional_amount or entry.class_ not in WORTH_ONLY:
        raise Divergence(f"an amount of {leg.amount} is not above zero")


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


amount_of = lru_cache(REMEMBERED_AMOUNTS)(minor_of)
"""The same, of amounts that come several times."""


def shown(minor: int, scale: int) -> str:
    """Returns an amount as records have it."""
    digits = str(abs(minor)).zfill(scale + 1)
    text = f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits
    return f"-{text}" if minor < 0 else text
