"""The plain hold, decided in a straight line: authorized, settled within it, voided, released.

Where no limit, freeze, condition or due expiry is in the way, `PlainHolds` comes to the same events
and the same books as domain/authorizations.py, holds.py and entries.py, several times faster; for
anything else, refusals included, it answers None, and those decide. By test: plain = general.
"""

from datetime import date, datetime, timedelta

from domain.authorizations import Authorize, Settle
from domain.commands import Command
from domain.entries import EntryPosted, Movement
from domain.hold_ends import Release, Void
from domain.holds import (
    Authorization,
    AuthorizationOpened,
    AuthorizationReleased,
    AuthorizationSettled,
    AuthorizationVoided,
    ClosedAs,
)
from domain.journals import AUTHORIZATIONS
from domain.legs import Leg
from domain.money import format_amount
from domain.pages import Balance, Page
from domain.plain import PlainDecisions, plain_minor


class PlainHolds(PlainDecisions):
    """Decides on plain holds and changes the books, at one moment.

    Each method answers None, and has changed nothing, where its command is not plain. What acts on
    a hold answers the version of the hold's event too. Requires that no group is being decided.
    """

    def authorize(self, command: Authorize, stream: str) -> AuthorizationOpened | None:
        """Holds funds in an authorization of that id, which must be free."""
        code, amount, one, two = command.asset, command.amount, command.debit, command.credit
        found = self._assets.get(code) or self._find_asset(code)
        if found is None or one == two or asks_more(command):
            return None
        scale, pages = found
        debit = pages.get(one) or self._open(one, code)
        credit = pages.get(two) or self._open(two, code)
        if debit is None or credit is None or not (debit.takes_plain and credit.takes_plain):
            return None
        minor = plain_minor(amount, scale)
        expires_at = self._expiry(command)
        if not minor or not _has_funds(debit, credit, minor) or self._is_due(expires_at):
            return None
        zero = format_amount(0, scale)
        state = Authorization(
            debit=one,
            credit=two,
            asset=code,
            authorized=amount,
            settled=zero,
            refunded=zero,
            charged_back=zero,
            represented=zero,
            held=amount,
            over_settle_percent=command.over_settle_percent or "0",
            expires_at=expires_at,
        )
        self._move(debit, credit, posted=0, pending=minor)
        self._keep(stream, 1, state)
        return AuthorizationOpened(
            amount=amount, authorization=state, network=command.network, reference=command.reference
        )

    def settle(
        self, command: Settle, entry: str
    ) -> tuple[int, EntryPosted, AuthorizationSettled] | None:
        """Posts what remains held, or a part of it, as an entry of that id, which must be free and
        is not put on its shelf."""
        stream, day = command.authorization, command.effective_on or self._at.today
        year = self._year(day)
        found = self._find_open(command, stream)
        if found is None or year is None:
            return None
        state, scale, debit, credit = found
        held, settled = _minor(state.held), _minor(state.settled)
        amount = command.amount or state.held
        minor = plain_minor(amount, scale)
        # What is held may always be settled: it is never more than what the ceiling leaves.
        if not 0 < minor <= held:
            return None
        if not (debit.takes_plain and credit.takes_plain):
            return None
        if not self._goes_without_worth(state.asset):
            return None
        left, final = held - minor, command.final is True
        after = Authorization(
            debit=state.debit,
            credit=state.credit,
            asset=state.asset,
            authorized=state.authorized,
            settled=format_amount(settled + minor, scale) if settled else amount,
            refunded=state.refunded,
            charged_back=state.charged_back,
            represented=state.represented,
            held=format_amount(0 if final else left, scale),
            settlements=state.settlements + 1,
            over_settle_percent=state.over_settle_percent,
            expires_at=state.expires_at,
            closed_as="final" if final else None,
        )
        self._move(debit, credit, posted=minor, pending=-held if final else -minor)
        posted = self._posted(day, year, _legs(debit, credit, amount, scale), command)
        event = AuthorizationSettled(
            amount=amount,
            entry=entry,
            authorization=after,
            final=final,
            released=format_amount(left, scale) if final and left else None,
        )
        return self._keep_next(stream, after), posted, event

    def void(self, command: Void) -> tuple[int, AuthorizationVoided] | None:
        """Takes a hold back of which nothing was ever settled."""
        found = self._find_open(command, command.authorization)
        if found is None or found[0].settlements:
            return None
        version, after = self._end(command.authorization, *found, "voided")
        amount, reference = found[0].held, command.reference
        return version, AuthorizationVoided(amount=amount, authorization=after, reference=reference)

    def release(self, command: Release) -> tuple[int, AuthorizationReleased] | None:
        """Gives back what remains held."""
        found = self._find_open(command, command.authorization)
        if found is None:
            return None
        version, after = self._end(command.authorization, *found, "released")
        amount, reference = found[0].held, command.reference
        return version, AuthorizationReleased(
            amount=amount, authorization=after, reference=reference
        )

    # -- what they look up

    def _find_open(
        self, command: Command, stream: str
    ) -> tuple[Authorization, int, Page, Page] | None:
        """A hold that is open, not due and takes of no limit, its asset's scale and its pages."""
        state = self._books.authorizations.get(stream)
        if (
            state is None
            or state.closed_as is not None
            or state.limits
            or self._is_due(state.expires_at)
            or asks_more(command)
        ):
            return None
        found = self._assets.get(state.asset) or self._find_asset(state.asset)
        assert found is not None
        scale, pages = found
        debit, credit = pages.get(state.debit), pages.get(state.credit)
        return None if debit is None or credit is None else (state, scale, debit, credit)

    def _expiry(self, command: Authorize) -> datetime | None:
        if command.expires_in_seconds is None:
            return command.expires_at
        return self._at.recorded_at + timedelta(seconds=command.expires_in_seconds)

    def _is_due(self, expires_at: datetime | None) -> bool:
        return expires_at is not None and expires_at <= self._at.recorded_at

    # -- what they change

    def _end(
        self,
        stream: str,
        state: Authorization,
        scale: int,
        debit: Page,
        credit: Page,
        closed_as: ClosedAs,
    ) -> tuple[int, Authorization]:
        after = Authorization(
            debit=state.debit,
            credit=state.credit,
            asset=state.asset,
            authorized=state.authorized,
            settled=state.settled,
            refunded=state.refunded,
            charged_back=state.charged_back,
            represented=state.represented,
            held=format_amount(0, scale),
            settlements=state.settlements,
            over_settle_percent=state.over_settle_percent,
            expires_at=state.expires_at,
            closed_as=closed_as,
        )
        self._move(debit, credit, posted=0, pending=-_minor(state.held))
        return self._keep_next(stream, after), after

    def _move(self, debit: Page, credit: Page, *, posted: int, pending: int) -> None:
        """Adds to what is posted and pending on both pages. Where something is posted, the entry
        touches the accounts as well as the hold does."""
        lines = 1 if posted else 0
        balances = self._books.balances
        stamp = balances.stamp
        old = debit.balance
        debit.balance = Balance(
            old.debits + posted,
            old.credits,
            old.pending_debits + pending,
            old.pending_credits,
            old.lines + lines,
        )
        debit.touches += 1 + lines
        if debit.stamp != stamp:
            debit.stamp = stamp
            balances.changed.append(debit)
        old = credit.balance
        credit.balance = Balance(
            old.debits,
            old.credits + posted,
            old.pending_debits,
            old.pending_credits + pending,
            old.lines + lines,
        )
        credit.touches += 1 + lines
        if credit.stamp != stamp:
            credit.stamp = stamp
            balances.changed.append(credit)

    def _posted(self, day: date, year: int, legs: list[Leg], command: Settle) -> EntryPosted:
        return EntryPosted(
            journal=AUTHORIZATIONS,
            voucher_no=self._next_voucher(AUTHORIZATIONS, year),
            fiscal_year=year,
            effective_on=day,
            legs=legs,
            reference=command.reference,
            authorization=command.authorization,
            movement=Movement("settlement", legs[0].amount),
        )

    def _keep_next(self, stream: str, state: Authorization) -> int:
        version = (self._books.streams.get(stream) or 0) + 1
        self._keep(stream, version, state)
        return version

    def _keep(self, stream: str, version: int, state: Authorization) -> None:
        authorizations, streams = self._books.authorizations, self._books.streams
        authorizations.now[stream] = authorizations.changed[stream] = state
        streams.now[stream] = streams.changed[stream] = version


def asks_more(command: Command) -> bool:
    """True where a command asks for what plain decisions don't look at: a condition, a mere
    judgement."""
    return command.if_ is not None or command.validate_only is not None


def _has_funds(debit: Page, credit: Page, minor: int) -> bool:
    """True where no floor is in the way of holding so much."""
    old, floor = debit.balance, debit.floor_minor
    if floor is not None and not debit.debit_normal:
        left = old.credits - old.debits - old.pending_debits - minor
        if left < floor:
            return False
    old, floor = credit.balance, credit.floor_minor
    if floor is not None and credit.debit_normal:
        left = old.debits - old.credits - old.pending_credits - minor
        if left < floor:
            return False
    return True


def _legs(debit: Page, credit: Page, amount: str, scale: int) -> list[Leg]:
    """The legs of an entry that was just folded into both pages."""
    one, two = debit.balance, credit.balance
    first = one.debits - one.credits
    second = two.debits - two.credits
    return [
        Leg(
            debit.account,
            "debit",
            amount,
            debit.asset,
            one.lines,
            format_amount(first if debit.debit_normal else -first, scale),
        ),
        Leg(
            credit.account,
            "credit",
            amount,
            credit.asset,
            two.lines,
            format_amount(second if credit.debit_normal else -second, scale),
        ),
    ]


def _minor(stored: str) -> int:
    """As domain/money.py's `minor_units`: a call less."""
    return int(stored.replace(".", ""))
