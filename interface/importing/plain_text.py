"""Plain-text journals told as commands: what beancount's and hledger's files have in common.

docs/beancount.md says it at length:

- a transaction is one `post`, with all its postings that are not zero, in their order;
- a positive posting is a debit, a negative one a credit, both in units, whatever they cost;
- a posting at a cost or a price leaves its units unmatched: a leg on the account of purpose
  `conversion` mirrors it, and what the other postings lack in the cost's currency stands there
  too, so that each asset balances by itself;
- every leg of another asset than the functional one carries its worth in it: what the posting
  says itself, else its cost, else its price, else the market's price of the day, else zero;
- a difference that the tools tolerate lies between the two sides of the conversion account.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from domain.assets import DEFAULT_SCALE, default_scale
from interface.importing.chart import CODE_LENGTH, account_code
from interface.importing.lines import (
    VALUED_CLASSES,
    Body,
    Line,
    Noticed,
    Refused,
    Setup,
    Unreadable,
    check_system,
)
from interface.importing.transactions import ASSET_CODE, Amount, Journal, Opened, Transaction

SEGMENTS_MAX = 8
LEGS_MAX = 100
SCALE_MAX = 12
TEXT_MAX = 1_000
METADATA_MAX = 32
ZERO = Decimal(0)


class Untold(Exception):
    """A transaction that can't be told; `code` is one of the contract's."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class _Leg(NamedTuple):
    """A leg to be: `number` is above zero for a debit, `worth` is unsigned and rounded; where the
    number is zero the worth has the sign."""

    account: str
    number: Decimal
    asset: str
    worth: Decimal
    text: str


class PlainText:
    """One journal, to be told to a certain ledger. `setup` first, then `lines`.

    `scales`: of the assets that the ledger has, the functional one among them. `system` and
    `journal`: as for other imports. Raises Unreadable.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        functional: str,
        scales: Mapping[str, int],
        system: str | None = None,
        post_in: str | None = None,
    ) -> None:
        check_system(system)
        self._journal = journal
        self._functional = functional
        self._given = dict(scales)
        needed = scales_of(journal.transactions)
        # Fixed for ever: a currency gets its usual decimals, whatever this file needs.
        for code in (journal.currencies - journal.securities) & needed.keys():
            needed[code] = max(needed[code], default_scale(code))
        for code in journal.stated.keys() & needed.keys():
            needed[code] = max(needed[code], journal.stated[code].scale)
        self._scales = {**needed, **scales}
        self._prefix = f"{journal.system}/{system}-" if system else f"{journal.system}-"
        self._system = system or journal.system
        self._post_in = post_in
        self._codes = account_codes(journal.accounts)
        told = [one.name for one in journal.accounts if one.body.get("purpose") == "conversion"]
        self._conversion = self._codes[told[0]] if told else journal.conversion
        if not told and journal.conversion in self._codes.values():
            raise Unreadable(
                f"the file opens {journal.conversion}, which is where conversions are kept"
            )
        self._makes_conversion = not told

    @property
    def lines_total(self) -> int:
        """The last line at which a transaction begins."""
        return max((one.line for one in self._journal.transactions), default=0)

    def setup(self) -> Iterator[Setup]:
        """Yields the assets that the ledger lacks and all accounts. Raises Unreadable."""
        journal = self._journal
        for code in sorted(self._scales.keys() - self._given.keys()):
            if not ASSET_CODE.fullmatch(code) or self._scales[code] > SCALE_MAX:
                raise Unreadable(
                    f"{code} with {self._scales[code]} decimals can't be an asset: a code has up"
                    f" to 24 of A-Z 0-9 ' . _ - and begins with a letter, decimals are up to"
                    f" {SCALE_MAX}"
                )
            yield "asset", {"code": code, "scale": self._scales[code], "kind": self._kind(code)}
        for account in journal.accounts:
            yield "account", {"code": self._codes[account.name], **account.body}
        if self._makes_conversion:
            body = {"type": "equity", "name": "Conversions", "purpose": "conversion"}
            yield "account", {"code": self._conversion, **body}

    def _kind(self, code: str) -> str:
        if code in self._journal.stated:
            return self._journal.stated[code].kind
        if code in self._journal.securities:
            return "security"
        return "currency" if code in self._journal.currencies else "unit"

    def remarks(self) -> Iterator[Refused | Noticed]:
        """Yields what was found in the file, and which accounts have another code here."""
        yield from self._journal.remarks
        for name, code in self._codes.items():
            if name != code:
                yield Noticed(1, None, "account_code", f"account {name} is {code} here")

    def lines(self) -> Iterator[Line | Refused | Noticed]:
        """Yields a command for each transaction that moves anything, or why there is none."""
        for one in self._journal.transactions:
            name = one.id or str(one.number)
            try:
                command = self._command(one)
            except Untold as untold:
                yield Refused(one.line, name, untold.code, str(untold))
                continue
            if len(one.narrative) > TEXT_MAX:
                detail = f"its narrative is cut to {TEXT_MAX:,} characters"
                yield Noticed(one.line, name, "narrative_cut", detail)
            if command["legs"]:
                yield Line(one.line, command, name)

    def _command(self, one: Transaction) -> Body:
        legs = list(self._legs(one))
        if len(legs) > LEGS_MAX:
            raise Untold("too_many_legs", f"{len(legs)} legs; {LEGS_MAX} are the most")
        optional = {
            "journal": self._post_in,
            "class": one.class_,
            "narrative": one.narrative[:TEXT_MAX],
            "reference": one.reference,
            "metadata": dict(list(one.metadata.items())[:METADATA_MAX]),
        }
        return {
            "do": "post",
            # Without an id its place among the others is one, in a file that only grows.
            "key": f"{self._prefix}{one.id or one.number}",
            "effective_on": one.day.isoformat(),
            "legs": [self._body(leg) for leg in legs],
            "source": {"system": self._system, "file": one.file, "line": one.line},
        } | {name: value for name, value in optional.items() if value}

    def _legs(self, one: Transaction) -> Iterator[_Leg]:
        """Yields a leg for each posting that moves something, then those of conversion."""
        gaps: dict[str, Decimal] = defaultdict(Decimal)
        mirrors: dict[tuple[str, bool], _Leg] = {}
        worths = _RunningWorths(self, one.day)
        for posting in one.postings:
            number, asset = posting.units
            if not number and not (one.class_ in VALUED_CLASSES and posting.worth):
                continue
            if posting.weight is not None:
                worth = self.rounded(posting.worth or self.worth(posting.weight, one.day))
                none = _Leg(self._conversion, ZERO, asset, ZERO, "")
                mirror = mirrors.get((asset, number > 0), none)
                mirrors[asset, number > 0] = mirror._replace(
                    number=mirror.number - number, worth=mirror.worth + worth
                )
            else:
                told = posting.worth
                worth = worths.next(posting.units) if told is None else self.rounded(told)
                gaps[asset] -= number
            yield _Leg(self._codes[posting.account], number, asset, worth, posting.text)
        for asset, number in gaps.items():
            if number:
                worth = worths.next(Amount(number, asset))
                yield _Leg(self._conversion, number, asset, worth, "")
        yield from mirrors.values()

    def _body(self, leg: _Leg) -> Body:
        body = {
            "account": leg.account,
            "side": "debit" if (leg.number or leg.worth) > 0 else "credit",
            "amount": self._text(abs(leg.number), leg.asset),
            "asset": leg.asset,
        }
        if leg.asset != self._functional:
            body["functional_amount"] = self._text(abs(leg.worth), self._functional)
        if leg.text:
            body["narrative"] = leg.text[:TEXT_MAX]
        return body

    def worth(self, weight: Amount, on: date) -> Decimal:
        """Returns an amount's worth in the functional asset, exact and unsigned; unpriced, zero."""
        number = abs(weight.number)
        if weight.asset == self._functional:
            return number
        rate = self._journal.rate(weight.asset, self._functional, on)
        return number * (ZERO if rate is None else rate)

    def rounded(self, worth: Decimal) -> Decimal:
        """Returns a worth at the functional asset's scale, half to even."""
        return worth.quantize(Decimal(1).scaleb(-self._scales[self._functional]), ROUND_HALF_EVEN)

    def _text(self, number: Decimal, asset: str) -> str:
        amount = number.quantize(Decimal(1).scaleb(-self._scales[asset]))
        if amount != number:
            raise Untold(
                "amount_too_fine", f"{number} {asset} is finer than {self._scales[asset]} decimals"
            )
        return format(amount, "f")


class _RunningWorths:
    """Rounded worths of a transaction's unpriced postings: an asset's two sides sum up alike.

    Each is the growth of its side's rounded total. (Rounded one by one, two halves of an amount
    may be worth a cent more or less than the whole.)
    """

    def __init__(self, told: PlainText, on: date) -> None:
        self._told = told
        self._on = on
        self._totals: dict[tuple[str, bool], Decimal] = defaultdict(Decimal)

    def next(self, units: Amount) -> Decimal:
        """Returns the worth of the next posting of these units."""
        side = units.asset, units.number > 0
        before = self._totals[side]
        self._totals[side] += self._told.worth(units, self._on)
        return self._told.rounded(self._totals[side]) - self._told.rounded(before)


def scales_of(transactions: Iterable[Transaction]) -> dict[str, int]:
    """Returns for each asset posted the most decimals that any of its postings needs, or that it
    is written with, but for zeros beyond the usual two."""
    scales: dict[str, int] = defaultdict(int)
    for one in transactions:
        for posting in one.postings:
            number, asset = posting.units
            written = min(_decimals(number), DEFAULT_SCALE)
            scales[asset] = max(scales[asset], written, _decimals(number.normalize()))
    return dict(scales)


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int), "a file has no infinity"
    return -exponent


def account_codes(accounts: Iterable[Opened]) -> dict[str, str]:
    """Returns the account code for each name: what the file says, else the name, each segment of
    it as `account_code` has it. Raises Unreadable."""
    codes: dict[str, str] = {}
    for account in accounts:
        code = account.code or ":".join(map(account_code, account.name.split(":")))
        if code.count(":") >= SEGMENTS_MAX or len(code) > CODE_LENGTH:
            raise Unreadable(
                f"account {account.name}: a code has up to {SEGMENTS_MAX} segments and"
                f" {CODE_LENGTH} characters"
            )
        codes[account.name] = code
    if len(set(codes.values())) < len(codes):
        raise Unreadable("two accounts of the file say that they have the same code")
    return codes
