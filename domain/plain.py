"""The plain entry, decided in a straight line.

Nearly all entries are alike: two legs, one asset, two open accounts, nothing optional but a date.
For those `PlainPosting` comes to what `entries.post` and `evolve_posted` come to, several times
faster; for anything else, refusals included, it answers None, and those decide. By test: plain =
post. The code is long-winded on purpose: a call costs as much here as the arithmetic. Holds have
the same (domain/plain_holds.py).
"""

from datetime import date

from msgspec import Struct

from domain.books import Books
from domain.calendar import fiscal_year, shut_through
from domain.commands import At
from domain.entries import Post
from domain.journals import GENERAL
from domain.ledgers import Ledger
from domain.legs import LegAsked
from domain.money import format_amount
from domain.pages import Balance, Page
from domain.rates import pairs_of

_MOST_DIGITS = 18
"""So many characters, the point included, are below 10^18 minor units at any scale."""

_LONGEST_TEXT = 255
"""Characters. Longer ones go the general way, which knows when a record is too large."""


class PlainEntry(Struct, frozen=True, gc=False):
    """What a plain entry's record says beside its two legs."""

    voucher_no: int
    fiscal_year: int
    effective_on: date
    first: LegAsked
    first_line: int
    first_balance: str
    second: LegAsked
    second_line: int
    second_balance: str


class PlainDecisions:
    """What plain decisions look up, remembered while the commands of one moment are decided."""

    def __init__(self, books: Books, at: At) -> None:
        self._books = books
        self._at = at
        self._ledger: Ledger | None = None
        self._years: dict[date, int] = {}
        self._assets: dict[str, tuple[int, dict[str, Page]]] = {}

    def _open(self, account: str, asset: str) -> Page | None:
        """The page of an account that never had this asset; None where there is no account."""
        books = self._books
        return (
            None if books.accounts.get(account) is None else books.balances.open((account, asset))
        )

    def _find_asset(self, code: str) -> tuple[int, dict[str, Page]] | None:
        """An asset's scale and its pages; None where there is no such asset."""
        asset = self._books.assets.get(code)
        if asset is None:
            return None
        found = self._assets[code] = (asset.scale, self._books.balances.of_asset(code))
        return found

    def _goes_without_worth(self, asset: str) -> bool:
        """False also where the entry would be valued by a rate, or nobody has looked for one."""
        pairs = self._books.pairs
        own = self._books.ledger.functional_asset
        return asset == own or all(pairs.get(pair) is False for pair in pairs_of(asset, own))

    def _year(self, day: date) -> int | None:
        """The fiscal year of a day on which may be posted now; None of any other."""
        ledger = self._books.ledgers.get("")
        if ledger is not self._ledger:
            # An earlier command of this commit shut days: what was worked out is void.
            self._ledger = ledger
            self._years = {}
        return self._years.get(day) or self._find_year(day)

    def _find_year(self, day: date) -> int | None:
        ledger = self._ledger
        if ledger is None or self._books.journals.get(GENERAL) is None or day > self._at.today:
            return None
        shut = shut_through(ledger, "clerk")
        if shut is not None and day <= shut:
            return None
        year = self._years[day] = fiscal_year(day, start=ledger.fiscal_year_start)
        return year


class PlainPosting(PlainDecisions):
    """Posts plain entries to the books at one moment."""

    def _find_asset(self, code: str) -> tuple[int, dict[str, Page]] | None:
        """None also where the entry would be valued by a rate, or nobody has looked for one."""
        found = super()._find_asset(code)
        ledger = self._books.ledgers.get("")
        if found is None or ledger is None or code == ledger.functional_asset:
            return found
        # Not remembered: the next command may record the first rate.
        del self._assets[code]
        return found if self._goes_without_worth(code) else None

    def post(self, command: Post) -> PlainEntry | None:  # noqa: PLR0915 -- see the module
        """Posts the entry and returns what its record says, or changes nothing and returns None.

        Requires that no group is being decided, and that no other command of this commit asks
        for the entry: it is not put on its shelf.
        """
        legs = command.legs
        if len(legs) != 2 or has_more(command):
            return None
        first, second = legs
        code, amount, one, two = first.asset, first.amount, first.account, second.account
        first_debit = first.side == "debit"
        found = self._assets.get(code) or self._find_asset(code)
        if (
            found is None
            or second.asset != code
            or second.amount != amount
            or first_debit == (second.side == "debit")
            or one == two
        ):
            return None
        scale, pages = found
        this = pages.get(one) or self._open(one, code)
        that = pages.get(two) or self._open(two, code)
        if this is None or that is None or not (this.takes_plain and that.takes_plain):
            return None
        minor = plain_minor(amount, scale)
        day = command.effective_on or self._at.today
        year = self._year(day)
        if not minor or year is None:
            return None

        old = this.balance
        debits, credits, pending_debits, pending_credits, lines = (
            old.debits,
            old.credits,
            old.pending_debits,
            old.pending_credits,
            old.lines + 1,
        )
        if first_debit:
            debits += minor
        else:
            credits += minor
        debit_normal, floor = this.debit_normal, this.floor_minor
        left = debits - credits if debit_normal else credits - debits
        if (
            floor is not None
            and first_debit != debit_normal
            and left - (pending_credits if debit_normal else pending_debits) < floor
        ):
            return None
        after_one = Balance(debits, credits, pending_debits, pending_credits, lines)

        old = that.balance
        debits, credits, pending_debits, pending_credits, second_lines = (
            old.debits,
            old.credits,
            old.pending_debits,
            old.pending_credits,
            old.lines + 1,
        )
        if first_debit:
            credits += minor
        else:
            debits += minor
        debit_normal, floor = that.debit_normal, that.floor_minor
        second_left = debits - credits if debit_normal else credits - debits
        if (
            floor is not None
            and first_debit == debit_normal
            and second_left - (pending_credits if debit_normal else pending_debits) < floor
        ):
            return None

        this.balance = after_one
        this.touches += 1
        that.balance = Balance(debits, credits, pending_debits, pending_credits, second_lines)
        that.touches += 1
        books = self._books
        balances = books.balances
        stamp = balances.stamp
        if this.stamp != stamp:
            this.stamp = stamp
            balances.changed.append(this)
        if that.stamp != stamp:
            that.stamp = stamp
            balances.changed.append(that)
        vouchers = books.vouchers
        numbers = (GENERAL, year)
        voucher_no = (vouchers.get(numbers) or 0) + 1
        vouchers.now[numbers] = vouchers.changed[numbers] = voucher_no
        return PlainEntry(
            voucher_no,
            year,
            day,
            first,
            lines,
            format_amount(left, scale),
            second,
            second_lines,
            format_amount(second_left, scale),
        )


def plain_minor(amount: str, scale: int) -> int:
    """Returns the minor units of an amount that shows all its decimals and no digit more, 0 of any
    other. Requires what the contract's schema guarantees of an amount."""
    whole, _, fraction = amount.partition(".")
    if len(fraction) != scale or len(amount) > _MOST_DIGITS or (whole[0] == "0" and len(whole) > 1):
        return 0
    return int(whole + fraction)


def has_more(command: Post) -> bool:
    """True where a two-legged entry has any member that may change what is decided.

    What only describes it (narrative, reference, metadata, correlation id) is the record's.
    """
    first, second = command.legs
    return not (
        command.id is None
        and (command.reference is None or len(command.reference) <= _LONGEST_TEXT)
        and (command.correlation_id is None or len(command.correlation_id) <= _LONGEST_TEXT)
        and command.reason is None
        and command.on_behalf_of is None
        and command.if_ is None
        and not command.validate_only
        and command.journal is None
        and command.class_ is None
        and command.value_on is None
        and command.document is None
        and command.source is None
        and command.original is None
        and command.links is None
        and command.attachments is None
        and first.functional_amount is None
        and first.party is None
        and first.dimensions is None
        and first.narrative is None
        and first.due_on is None
        and first.matches is None
        and second.functional_amount is None
        and second.party is None
        and second.dimensions is None
        and second.narrative is None
        and second.due_on is None
        and second.matches is None
    )
