"""The plain entry, decided in a straight line.

Nearly all entries are alike: one asset, open accounts, none of them twice, nothing that asks to be
judged. For those `PlainPosting` comes to what `entries.post` and `evolve_posted` come to, several
times faster; for anything else, refusals included, it answers None, and those decide. By test:
plain = post. The bare entry, two legs and nothing optional but a date, has a way of its own, which
is long-winded on purpose: a call costs as much there as the arithmetic. Holds have the same
(domain/plain_holds.py).
"""

from datetime import date

from msgspec import Struct

from domain.books import Books
from domain.calendar import fiscal_year, shut_through
from domain.commands import At
from domain.entries import EntryPosted, Post
from domain.journals import GENERAL
from domain.ledgers import Ledger
from domain.legs import MAX_LEGS, Leg, LegAsked, add_leg
from domain.money import format_amount
from domain.pages import Balance, Page
from domain.rates import pairs_of

_MOST_DIGITS = 18
"""So many characters, the point included, are below 10^18 minor units at any scale."""


class PlainEntry(Struct, frozen=True, gc=False):
    """What a bare entry's record says beside its two legs."""

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

    def _next_voucher(self, journal: str, year: int) -> int:
        vouchers, key = self._books.vouchers, (journal, year)
        voucher_no = (vouchers.get(key) or 0) + 1
        vouchers.now[key] = vouchers.changed[key] = voucher_no
        return voucher_no


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

    def post(self, command: Post) -> PlainEntry | None:
        """Posts a bare entry and returns what its record says, or changes nothing and returns None.

        Requires that it is bare, that no group is being decided, and that no other command of this
        commit asks for the entry: it is not put on its shelf.
        """
        first, second = command.legs
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
        return PlainEntry(
            self._next_voucher(GENERAL, year),
            year,
            day,
            first,
            lines,
            format_amount(left, scale),
            second,
            second_lines,
            format_amount(second_left, scale),
        )

    def post_described(self, command: Post) -> EntryPosted | None:
        """Does what `post` does with an entry of any legs and with whatever describes it, and
        returns the whole event. Requires the same, but a bare entry."""
        legs, journal = command.legs, command.journal or GENERAL
        day = command.effective_on or self._at.today
        year = self._year(day)
        if year is None or asks_more(command) or self._books.journals.get(journal) is None:
            return None
        written = self._written(legs)
        if written is None:
            return None
        change = self._books.balances.change
        for leg, (_, balance) in zip(legs, written, strict=True):
            page = change((leg.account, leg.asset))
            page.balance = balance
            page.touches += 1
        return EntryPosted(
            journal=journal,
            voucher_no=self._next_voucher(journal, year),
            fiscal_year=year,
            effective_on=day,
            legs=[leg for leg, _ in written],
            value_on=command.value_on,
            reference=command.reference,
            document=command.document,
            source=command.source,
            original=command.original,
            attachments=command.attachments,
        )

    def _written(self, legs: list[LegAsked]) -> list[tuple[Leg, Balance]] | None:
        """The legs as they are posted, with the balances that they leave; None where an account
        comes twice, or anything else is not plain."""
        code = legs[0].asset
        found = self._assets.get(code) or self._find_asset(code)
        if found is None or len(legs) > MAX_LEGS or len({leg.account for leg in legs}) < len(legs):
            return None
        scale, pages = found
        written, net = [], 0
        for leg in legs:
            page = pages.get(leg.account) or self._open(leg.account, code)
            minor, debit = plain_minor(leg.amount, scale), leg.side == "debit"
            if leg.asset != code or not minor or page is None or not page.takes_plain:
                return None
            balance = add_leg(page.balance, debit=debit, minor=minor)
            left = balance.debits - balance.credits
            held = balance.pending_credits
            if not page.debit_normal:
                left, held = -left, balance.pending_debits
            floor = page.floor_minor
            if floor is not None and debit != page.debit_normal and left - held < floor:
                return None
            net += minor if debit else -minor
            posted = Leg(
                leg.account,
                leg.side,
                leg.amount,
                code,
                balance.lines,
                format_amount(left, scale),
                None,
                leg.party,
                leg.dimensions,
                leg.due_on,
                leg.matches,
            )
            written.append((posted, balance))
        return None if net else written


def plain_minor(amount: str, scale: int) -> int:
    """Returns the minor units of an amount that shows all its decimals and no digit more, 0 of any
    other. Requires what the contract's schema guarantees of an amount."""
    whole, _, fraction = amount.partition(".")
    if len(fraction) != scale or len(amount) > _MOST_DIGITS or (whole[0] == "0" and len(whole) > 1):
        return 0
    return int(whole + fraction)


def is_bare(command: Post) -> bool:
    """True of an entry of two legs that says nothing else but perhaps its day."""
    if len(command.legs) != 2:
        return False
    first, second = command.legs
    return (
        command.id is None
        and command.narrative is None
        and command.reference is None
        and command.metadata is None
        and command.correlation_id is None
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


def asks_more(command: Post) -> bool:
    """True of an entry with a member that may change what is decided: a condition, a mere
    judgement, a class, links to other entries, worths of its own."""
    return (
        command.if_ is not None
        or bool(command.validate_only)
        or command.class_ is not None
        or command.links is not None
        or any(leg.functional_amount is not None for leg in command.legs)
    )
