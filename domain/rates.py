"""Exchange rates: facts of a day, by which amounts get their worth in the functional asset.

A rate says how many units of `quote` one unit of `base` is worth. What is used on a day is the
newest one on or before it, at most MAX_AGE_DAYS old, of the pair or of the pair turned round. A
correction is a new fact in the same stream: the old one stays known. Integers only, half to even.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from domain.assets import Asset, find_asset
from domain.books import Books
from domain.calendar import EffectiveInFuture
from domain.commands import At, Command, Decided, Event, NewStream
from domain.money import LIMIT_MINOR, AmountNotPositive, AmountTooLarge
from domain.refusals import Refusal

Kind = Literal["spot", "closing", "average"]

MAX_AGE_DAYS = 7


class RecordRate(Command, frozen=True, kw_only=True, tag="record_rate"):
    """`kind`: by default spot. `effective_on`: by default today there."""

    base: str
    quote: str
    rate: str
    kind: Kind | None = None
    effective_on: date | None = None
    source: str | None = None


class RateRecorded(Event, frozen=True, kw_only=True):
    """`replaces`: the rate that was known of this day until now."""

    base: str
    quote: str
    kind: Kind
    rate: str
    effective_on: date
    source: str | None = None
    replaces: str | None = None
    reference: str | None = None
    private: str | None = None


class RateFact(Struct, frozen=True, omit_defaults=True):
    """What was said of a day once: the n-th fact is version n of the stream."""

    rate: str
    source: str | None = None


class Rate(Struct, frozen=True):
    """The rate of a day, with all that was ever said of it; the last counts."""

    stream: str
    facts: tuple[RateFact, ...]


class RateUsed(Struct, frozen=True, omit_defaults=True):
    """A rate as what was valued by it has it on record."""

    base: str
    quote: str
    kind: Kind
    rate: str
    effective_on: date
    source: str | None = None


RateKey = tuple[str, str, Kind, date]
Pair = tuple[str, str]


class RateNotFound(Refusal):
    code = "rate_not_found"
    sentence = (
        "There is no {kind} rate of {base} in {quote} for {effective_on}, nor of the"
        " {max_age_days} days before it."
    )


def record(books: Books, command: RecordRate, at: At, new: NewStream) -> Decided:
    """Returns the event that records a rate, or what is right where one was recorded.

    Raises AssetNotFound, EffectiveInFuture, AmountNotPositive.
    """
    base, quote = find_asset(books, command.base), find_asset(books, command.quote)
    effective_on = command.effective_on or at.today
    if effective_on > at.today:
        raise EffectiveInFuture(effective_on=effective_on.isoformat(), today=at.today.isoformat())
    if not command.rate.strip("0."):
        raise AmountNotPositive(asked=command.rate)
    kind = command.kind or "spot"
    known = books.rates.get((base.code, quote.code, kind, effective_on))
    event = RateRecorded(
        base=base.code,
        quote=quote.code,
        kind=kind,
        rate=command.rate,
        effective_on=effective_on,
        source=command.source,
        replaces=None if known is None else known.facts[-1].rate,
        reference=command.reference,
    )
    return [(new(0) if known is None else known.stream, event)]


def evolve(books: Books, stream: str, event: RateRecorded) -> None:
    """Adds what is known of the day."""
    key = (event.base, event.quote, event.kind, event.effective_on)
    known = books.rates.get(key) or Rate(stream, ())
    fact = RateFact(event.rate, event.source)
    books.rates.put(key, replace(known, facts=(*known.facts, fact)))
    books.pairs.put((event.base, event.quote), value=True)


def pairs_of(asset: str, quote: str) -> tuple[Pair, Pair]:
    """Returns the pairs whose rates tell what an asset is worth in another one."""
    return (asset, quote), (quote, asset)


def has_rates(books: Books, asset: str, quote: str) -> bool:
    """True where a rate of the two was ever recorded. Requires that their pairs are in memory."""
    return any(books.pairs.get(pair) for pair in pairs_of(asset, quote))


def find_rate(books: Books, asset: str, quote: str, *, kind: Kind, on: date) -> RateUsed:
    """Returns the rate that is used on a day: the newest; of one day's, the pair's own before the
    one turned round. Raises RateNotFound."""
    days = min(MAX_AGE_DAYS, (on - date.min).days)
    for age in range(days + 1):
        day = on - timedelta(days=age)
        for base, other in pairs_of(asset, quote):
            found = books.rates.get((base, other, kind, day))
            if found is not None:
                fact = found.facts[-1]
                return RateUsed(base, other, kind, fact.rate, day, fact.source)
    raise RateNotFound(
        base=asset,
        quote=quote,
        kind=kind,
        effective_on=on.isoformat(),
        max_age_days=MAX_AGE_DAYS,
    )


def worth(minor: int, asset: Asset, rate: RateUsed, quote: Asset) -> int:
    """Returns what an amount, perhaps negative, is worth in minor units of `quote`.

    Requires a rate of the two. Raises AmountTooLarge.
    """
    value = half_even(*worth_as_fraction(minor, asset, rate, quote))
    if abs(value) >= LIMIT_MINOR:
        raise AmountTooLarge(asked=str(value), asset=quote.code)
    return value


def worth_as_fraction(minor: int, asset: Asset, rate: RateUsed, quote: Asset) -> tuple[int, int]:
    """Returns numerator and denominator of what an amount is worth in minor units of `quote`."""
    whole, _, fraction = rate.rate.partition(".")
    multiplier, divisor = int(whole + fraction), 10 ** len(fraction)
    if rate.base != asset.code:
        multiplier, divisor = divisor, multiplier
    return minor * multiplier * 10**quote.scale, divisor * 10**asset.scale


def half_even(numerator: int, denominator: int) -> int:
    """Returns the nearest integer to a fraction, the even one of two. Requires denominator > 0."""
    quotient, remainder = divmod(numerator, denominator)
    doubled = 2 * remainder
    if doubled > denominator or (doubled == denominator and quotient % 2):
        return quotient + 1
    return quotient


def shared_out(total: int, weights: Sequence[int]) -> list[int]:
    """Returns a total in integer shares by weight, by largest remainder: their sum is the total.

    Of equal remainders the first counts. Requires total >= 0, weights >= 0 and one above zero.
    """
    of = sum(weights)
    shares = [total * weight // of for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda at: -(total * weights[at] % of))
    for at in by_remainder[: total - sum(shares)]:
        shares[at] += 1
    return shares
