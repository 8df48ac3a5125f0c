"""What entries are worth in the functional asset: given by the client, or worked out here.

Where a client leaves the worth of legs out, what such a leg relieves keeps the worth at which it
came in (domain/items.py), and the rest is worth the day's spot rate: one amount for each asset and
side, shared out among the legs by largest remainder. What then is lacking on a side is a difference
of exchange rates where something was relieved, or of rounding; it gets a line of its own.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from domain.accounts import Account, Side
from domain.assets import Asset, find_asset
from domain.books import Books
from domain.items import OpenItems, Taken
from domain.legs import (
    LegAsked,
    Line,
    UnbalancedFunctional,
    UnvaluedLeg,
)
from domain.money import format_amount
from domain.rates import find_rate, has_rates, shared_out, worth

REALISED = ("fx_difference", "conversion")
UNREALISED = ("fx_unrealised", *REALISED)
"""Purposes of the accounts that take differences: the first that the ledger has."""


class Valued(Struct, frozen=True):
    """Lines with their worth. `has_difference`: one that nobody asked for is among them."""

    lines: list[Line]
    has_difference: bool = False


def value(
    books: Books,
    lines: Sequence[Line],
    *,
    on: date,
    class_: str | None,
    items: OpenItems,
) -> Valued:
    """Returns the lines of an entry with their worth. Requires that they balance in each asset.

    An entry in one foreign asset that nobody values, and of which no rate was ever recorded, goes
    without. Raises UnvaluedLeg, RateNotFound, AmountTooLarge, UnbalancedFunctional.
    """
    functional = find_asset(books, books.ledger.functional_asset)
    codes = {line.asset.code for line in lines}
    if codes == {functional.code} and not any(line.functional_minor for line in lines):
        return Valued(list(lines))
    is_valued = any(line.functional_minor is not None for line in lines)
    if len(codes) == 1 and not is_valued and not _is_rated(books, codes, functional):
        items.open(lines, on=on)
        return Valued(list(lines))
    _check_own_worth(lines, functional)
    relieved = [items.relieve(line) if items.tracks(line) else [] for line in lines]
    missing = [
        line.asset.code != functional.code and line.functional_minor is None for line in lines
    ]
    found = _rated(books, lines, relieved, missing, functional, on)
    found = [_with_items(line, taken, items) for line, taken in zip(found, relieved, strict=True)]
    net = sum(_signed(line) for line in found)
    if net:
        realised = [
            line.asset
            for line, taken, is_missing in zip(found, relieved, missing, strict=True)
            if taken and is_missing
        ]
        assets = realised or [line.asset for line in found if line.asset.code != functional.code]
        is_rounding = any(missing) and abs(net) <= len(lines)
        if not (realised or is_rounding or class_ == "fx_difference") or not assets:
            raise _unbalanced(net, functional)
        found += difference_lines(books, assets[0], net, REALISED)
    return Valued(_opened(items, found, on), has_difference=bool(net))


def kept(books: Books, lines: Sequence[Line], *, on: date, items: OpenItems) -> list[Line]:
    """Returns the lines of a reversal, whose worth stands, with what they do to items."""
    found = []
    for line in lines:
        is_tracked = items.tracks(line) and line.functional_minor is not None
        taken = items.relieve(line) if is_tracked else []
        found.append(_with_items(line, taken, items))
    return _opened(items, found, on)


def difference_lines(books: Books, asset: Asset, net: int, purposes: Iterable[str]) -> list[Line]:
    """Returns the lines that even out functional debits less credits, without an amount of the
    asset; on an account that takes the functional asset only, by way of the conversion account.

    Raises UnbalancedFunctional where no account can take it.
    """
    functional = find_asset(books, books.ledger.functional_asset)
    side: Side = "debit" if net < 0 else "credit"
    other: Side = "credit" if net < 0 else "debit"
    for purpose in purposes:
        account = _taking(books, purpose, asset)
        if account is not None:
            return [_line(account, asset, side, 0, abs(net))]
        account = _taking(books, purpose, functional)
        own, foreign = _taking(books, "conversion", functional), _taking(books, "conversion", asset)
        if account is not None and own is not None and foreign is not None:
            return [
                _line(account, functional, side, abs(net), None),
                _line(own, functional, other, abs(net), None),
                _line(foreign, asset, side, 0, abs(net)),
            ]
    raise _unbalanced(net, functional)


def _is_rated(books: Books, codes: Iterable[str], functional: Asset) -> bool:
    return any(
        code != functional.code and has_rates(books, code, functional.code) for code in codes
    )


def _check_own_worth(lines: Sequence[Line], functional: Asset) -> None:
    """A leg in the functional asset is worth its amount. Raises UnbalancedFunctional."""
    for line in lines:
        given = line.functional_minor
        if line.asset.code == functional.code and given is not None and given != line.minor:
            raise _unbalanced(given - line.minor, functional)


def _rated(
    books: Books,
    lines: Sequence[Line],
    relieved: Sequence[list[Taken]],
    missing: Sequence[bool],
    functional: Asset,
    on: date,
) -> list[Line]:
    """Gives each line without a worth its own: what it relieves, and the rest by the rate."""
    found = list(lines)
    rests: dict[tuple[str, bool], dict[int, int]] = {}
    for at, (line, taken) in enumerate(zip(lines, relieved, strict=True)):
        if missing[at]:
            carried = sum(part.functional_minor for part in taken)
            found[at] = replace(line, functional_minor=carried)
            rest = line.minor - sum(part.minor for part in taken)
            if rest:
                rests.setdefault((line.asset.code, line.debit), {})[at] = rest
    for (code, _), by_line in rests.items():
        first = min(by_line)
        if not has_rates(books, code, functional.code):
            raise UnvaluedLeg(
                leg=first + 1,
                account=lines[first].account.code,
                asset=code,
                functional_asset=functional.code,
            )
        rate = find_rate(books, code, functional.code, kind="spot", on=on)
        total = worth(sum(by_line.values()), lines[first].asset, rate, functional)
        shares = shared_out(total, list(by_line.values()))
        for at, share in zip(by_line, shares, strict=True):
            carried = found[at].functional_minor or 0
            found[at] = replace(found[at], functional_minor=carried + share, rate=rate)
    return found


def _with_items(line: Line, taken: list[Taken], items: OpenItems) -> Line:
    """The line with what it relieves, and what of it opens an item."""
    if not items.tracks(line) or line.functional_minor is None:
        return line
    opened = line.minor - sum(part.minor for part in taken)
    # A client may give less than what is relieved came in at: no item is worth less than nothing.
    value = max(0, line.functional_minor - sum(part.functional_minor for part in taken))
    return replace(line, relieves=taken or None, opened_minor=opened, opened_worth=value)


def _opened(items: OpenItems, lines: list[Line], on: date) -> list[Line]:
    joined = items.open(lines, on=on)
    return [
        line if number is None else replace(line, joined=number)
        for line, number in zip(lines, joined, strict=True)
    ]


def _signed(line: Line) -> int:
    minor = line.minor if line.functional_minor is None else line.functional_minor
    return minor if line.debit else -minor


def _taking(books: Books, purpose: str, asset: Asset) -> Account | None:
    """The first account of a purpose that takes postings in an asset."""
    for code in sorted(code for code, is_one in books.exchange.now.items() if is_one):
        account = books.accounts.get(code)
        assert account is not None, "accounts that take differences are in memory"
        if (
            account.purpose == purpose
            and account.takes_postings
            and account.asset in (None, asset.code)
        ):
            return account
    return None


def _line(account: Account, asset: Asset, side: Side, minor: int, worth: int | None) -> Line:
    asked = LegAsked(
        account=account.code,
        side=side,
        amount=format_amount(minor, asset.scale),
        asset=asset.code,
    )
    return Line(account, asset, side == "debit", minor, worth, asked)


def _unbalanced(net: int, functional: Asset) -> UnbalancedFunctional:
    difference = format_amount(abs(net), functional.scale)
    return UnbalancedFunctional(asset=functional.code, difference=difference)
