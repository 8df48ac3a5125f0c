"""The plain entry, decided in a straight line.

Nearly all entries are alike: two legs, one asset, two open accounts, nothing optional but a date.
For those `PlainPosting` comes to what `entries.post` and `evolve_posted` come to, several times
faster; for anything else, refusals included, it answers None, and those decide. By test: plain =
post. The code is long-winded on purpose: a call costs as much here as the arithmetic.
"""

from datetime import date

from msgspec import Struct

from domain.balances import EMPTY, Balance
from domain.books import Books
from domain.calendar import fiscal_year
from domain.commands import At
from domain.entries import Post
from domain.journals import GENERAL
from domain.ledgers import Ledger
from domain.legs import LegAsked
from domain.money import format_amount

_MOST_DIGITS = 18
"""So many characters, the point included, are below 10^18 minor units at any scale."""


class PlainEntry(Struct, frozen=True, gc=False):
    """What a plain entry's record says beside its two legs."""

    voucher_no: int
    effective_on: date
    first: LegAsked
    first_line: int
    first_balance: str
    second: LegAsked
    second_line: int
    second_balance: str


class PlainPosting:
    """Posts plain entries to the books at one moment."""

    def __init__(self, books: Books, at: At) -> None:
        self._books = books
        self._today = at.today
        self._ledger: Ledger | None = None
        self._years: dict[date, tuple[str, int]] = {}

    def post(self, command: Post) -> PlainEntry | None:
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
        if (
            second.asset != code
            or second.amount != amount
            or first_debit == (second.side == "debit")
            or one == two
        ):
            return None
        books = self._books
        asset = books.assets.get(code)
        this, that = books.accounts.get(one), books.accounts.get(two)
        if (
            asset is None
            or this is None
            or that is None
            or (this.asset != code and this.asset is not None)
            or (that.asset != code and that.asset is not None)
            or not (this.takes_plain and that.takes_plain)
        ):
            return None
        whole, _, fraction = amount.partition(".")
        scale = asset.scale
        if (
            len(fraction) != scale
            or len(amount) > _MOST_DIGITS
            or (whole[0] == "0" and len(whole) > 1)
        ):
            return None
        minor = int(whole + fraction)
        day = command.effective_on or self._today
        if books.ledgers.get("") is not self._ledger:
            # An earlier command of this commit locked days: what was worked out is void.
            self._ledger = books.ledgers.get("")
            self._years = {}
        numbers = self._years.get(day) or self._voucher_key(day)
        if numbers is None or not minor:
            return None

        key_one, key_two = (one, code), (two, code)
        balances, versions = books.balances, books.versions
        old = balances.get(key_one) or EMPTY
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
        left = debits - credits if this.debit_normal else credits - debits
        floor = this.floor_minor
        if (
            floor is not None
            and first_debit != this.debit_normal
            and left - (pending_credits if this.debit_normal else pending_debits) < floor
        ):
            return None
        after_one = Balance(debits, credits, pending_debits, pending_credits, lines)

        old = balances.get(key_two) or EMPTY
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
        second_left = debits - credits if that.debit_normal else credits - debits
        floor = that.floor_minor
        if (
            floor is not None
            and first_debit == that.debit_normal
            and second_left - (pending_credits if that.debit_normal else pending_debits) < floor
        ):
            return None

        balances.now[key_one] = balances.changed[key_one] = after_one
        balances.now[key_two] = balances.changed[key_two] = Balance(
            debits, credits, pending_debits, pending_credits, second_lines
        )
        versions.now[one] = versions.changed[one] = (versions.get(one) or 0) + 1
        versions.now[two] = versions.changed[two] = (versions.get(two) or 0) + 1
        vouchers = books.vouchers
        voucher_no = (vouchers.get(numbers) or 0) + 1
        vouchers.now[numbers] = vouchers.changed[numbers] = voucher_no
        return PlainEntry(
            voucher_no,
            day,
            first,
            lines,
            format_amount(left, scale),
            second,
            second_lines,
            format_amount(second_left, scale),
        )

    def fiscal_year_of(self, day: date) -> int:
        """Returns the fiscal year of a day on which a plain entry was posted."""
        return self._years[day][1]

    def _voucher_key(self, day: date) -> tuple[str, int] | None:
        """The counter of an open day's fiscal year; None where the day is not open."""
        ledger = self._ledger
        if ledger is None or self._books.journals.get(GENERAL) is None or day > self._today:
            return None
        if ledger.locked_through is not None and day <= ledger.locked_through:
            return None
        key = self._years[day] = (GENERAL, fiscal_year(day, start=ledger.fiscal_year_start))
        return key


def has_more(command: Post) -> bool:
    """True where a two-legged entry has any member beside its day that `PlainPosting` ignores."""
    first, second = command.legs
    return not (
        command.id is None
        and command.narrative is None
        and command.reference is None
        and command.metadata is None
        and command.reason is None
        and command.correlation_id is None
        and command.on_behalf_of is None
        and command.if_ is None
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
