"""Limits: how much an account may give away an authorization, a day or a month.

What lowers an account's available consumes: an authorization, an increment, a direct debit (an
entry that was posted, by its net effect), and of a settlement what exceeds its hold. What a hold
gives back unused goes to the period that was charged; refunds and reversals give nothing back.
Days and months are the ledger's own, by recorded time. A limit counts from its own position on.

An authorization carries what it takes of each limit. Only the period that was charged last is kept:
a counter that nobody will ask again need not be exact.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from domain.accounts import (
    Account,
    AssetNotAllowed,
    Limit,
    Per,
    check_not_closed,
    find_account,
    put_account,
)
from domain.assets import Asset, find_asset
from domain.books import Books
from domain.commands import At, Command, Decided, Event, NewStream
from domain.money import format_amount, minor_units, parse_value
from domain.refusals import Refusal


class SetLimit(Command, frozen=True, kw_only=True, tag="set_limit"):
    """Neither amount nor count: the limit is lifted. `asset`: by default the account's own."""

    account: str
    per: Per
    asset: str | None = None
    amount: str | None = None
    count: int | None = None


class LimitSet(Event, frozen=True, kw_only=True):
    """A new limit, or the same one (`limit_id`) with other bounds: then it counts on."""

    account: str
    limit_id: str
    per: Per
    asset: str
    amount: str | None = None
    count: int | None = None
    reference: str | None = None
    private: str | None = None


class LimitLifted(Event, frozen=True, kw_only=True):
    account: str
    limit_id: str
    per: Per
    asset: str
    reference: str | None = None
    private: str | None = None


class LimitUse(Struct, frozen=True, omit_defaults=True):
    """What something takes of one limit in the period that begins on a day."""

    limit: str
    starts_on: date
    amount: str
    count: int = 0


class Usage(Struct, frozen=True):
    """What was taken of a limit in its latest period so far, in minor units and in number."""

    account: str
    starts_on: date | None = None
    minor: int = 0
    count: int = 0
    standing: bool = True


class LimitExceeded(Refusal):
    """`limit`, `used` and `asked` are amounts, or numbers where `counted` is `count`."""

    code = "limit_exceeded"
    sentence = "The limit of {account} per {per} is {limit}: {used} are used, {asked} was asked."


class LimitNotFound(Refusal):
    code = "not_found"
    sentence = "{account} has no limit per {per} in {asset}."


def set_limit(books: Books, command: SetLimit, at: At, new: NewStream) -> Decided:
    """Returns the event that sets, changes or lifts a limit.

    Raises AccountNotFound, AssetNotFound, LimitNotFound (nothing to lift), AccountIsClosed,
    AssetNotAllowed, AmountTooFine, AmountTooLarge.
    """
    account = find_account(books, command.account)
    code = command.asset or account.asset
    asset = None if code is None else find_asset(books, code)
    standing = _standing(account, command.per, code)
    lifts = command.amount is None and command.count is None
    if lifts and standing is None:
        raise LimitNotFound(account=account.code, per=command.per, asset=code)
    check_not_closed(account)
    if asset is None or account.asset not in (None, code):
        raise AssetNotAllowed(
            account=account.code, allowed=account.asset or "any asset", asset=code or "none"
        )
    if lifts:
        assert standing is not None
        lifted = LimitLifted(
            account=account.code,
            limit_id=standing.limit_id,
            per=standing.per,
            asset=standing.asset,
            reference=command.reference,
        )
        return [(account.stream, lifted)]
    amount = command.amount
    if amount is not None:
        amount = format_amount(
            parse_value(amount, scale=asset.scale, asset=asset.code), asset.scale
        )
    event = LimitSet(
        account=account.code,
        limit_id=new(0) if standing is None else standing.limit_id,
        per=command.per,
        asset=asset.code,
        amount=amount,
        count=command.count,
        reference=command.reference,
    )
    return [(account.stream, event)]


# -- what is asked of limits


def check_limits(
    books: Books,
    accounts: Iterable[Account],
    asset: Asset,
    minor: int,
    at: At,
    *,
    count: int = 1,
    total_minor: int | None = None,
) -> None:
    """Judges whether the accounts may give `minor` more. Equal to a limit passes.

    `total_minor`: what the authorization comes to with it; None where there is none.
    Raises LimitExceeded.
    """
    for account in accounts:
        for limit in account.limits:
            if limit.asset != asset.code:
                continue
            if limit.per == "authorization":
                if total_minor is not None:
                    _check_amount(account, limit, asset, total_minor - minor, minor)
                continue
            usage = _usage(books, limit, at)
            _check_amount(account, limit, asset, usage.minor, minor)
            if limit.count is not None and count and usage.count + count > limit.count:
                raise _exceeded(account, limit, "count", limit.count, usage.count, count)


def charged(
    accounts: Iterable[Account],
    asset: Asset,
    minor: int,
    at: At,
    *,
    count: int = 1,
    taken: Sequence[LimitUse] | None = None,
) -> list[LimitUse] | None:
    """Returns what is taken of the accounts' limits with `minor` more; None where there are none.

    `taken`: what the same authorization took before.
    """
    uses = {use.limit: use for use in taken or ()}
    for account in accounts:
        for limit in account.limits:
            if limit.asset != asset.code or limit.per == "authorization":
                continue
            starts_on = starts(limit.per, at.today)
            old = uses.get(limit.limit_id)
            before, counted = (
                (0, 0)
                if old is None or old.starts_on != starts_on
                else (minor_units(old.amount), old.count)
            )
            uses[limit.limit_id] = LimitUse(
                limit.limit_id,
                starts_on,
                format_amount(before + minor, asset.scale),
                counted + count,
            )
    return list(uses.values()) or None


def given_back(taken: Sequence[LimitUse] | None, asset: Asset, minor: int) -> list[LimitUse] | None:
    """Returns what is still taken once so much is given back unused, the latest charge first.

    A period of which nothing is left taken gets its count back as well.
    """
    if not taken or not minor:
        return None if taken is None else list(taken)
    left = []
    for use in taken:
        remaining = max(0, minor_units(use.amount) - minor)
        amount = format_amount(remaining, asset.scale)
        left.append(replace(use, amount=amount, count=use.count if remaining else 0))
    return left


def starts(per: Per, day: date) -> date:
    """Returns the first day of the period that a day is in."""
    return day.replace(day=1) if per == "month" else day


# -- what happened


def evolve_set(books: Books, stream: str, event: LimitSet) -> None:
    """Puts the limit among the account's, in the place of its older self."""
    old = find_account(books, event.account)
    limit = Limit(event.limit_id, event.per, event.asset, event.amount, event.count)
    others = tuple(one for one in old.limits if one.limit_id != event.limit_id)
    put_account(books, replace(old, version=old.version + 1, limits=(*others, limit)))
    if len(others) == len(old.limits):
        books.usages.put(event.limit_id, Usage(event.account))


def evolve_lifted(books: Books, stream: str, event: LimitLifted) -> None:
    """Takes the limit away, and what was counted with it."""
    old = find_account(books, event.account)
    left = tuple(one for one in old.limits if one.limit_id != event.limit_id)
    put_account(books, replace(old, version=old.version + 1, limits=left))
    books.usages.put(event.limit_id, Usage(event.account, standing=False))


def fold_uses(
    books: Books, before: Sequence[LimitUse] | None, after: Sequence[LimitUse] | None
) -> None:
    """Moves the counters by the difference between what something took and takes now."""
    if not after:
        return
    known = {(use.limit, use.starts_on): use for use in before or ()}
    for use in after:
        old = known.get((use.limit, use.starts_on))
        minor, count = minor_units(use.amount), use.count
        if old is not None:
            minor, count = minor - minor_units(old.amount), count - old.count
        if minor or count:
            _count(books, use, minor, count)


def _count(books: Books, use: LimitUse, minor: int, count: int) -> None:
    usage = books.usages.get(use.limit)
    if usage is None or not usage.standing:
        return  # The limit was lifted since.
    if usage.starts_on is None or usage.starts_on < use.starts_on:
        usage = replace(usage, starts_on=use.starts_on, minor=0, count=0)
    elif usage.starts_on > use.starts_on:
        return  # That period is over: its counter is asked no more.
    books.usages.put(
        use.limit, replace(usage, minor=usage.minor + minor, count=usage.count + count)
    )


def _usage(books: Books, limit: Limit, at: At) -> Usage:
    """What was taken of the limit in the period of this moment."""
    usage = books.usages.get(limit.limit_id)
    assert usage is not None, "it is read with the account"
    if usage.starts_on != starts(limit.per, at.today):
        return Usage(usage.account)
    return usage


def _standing(account: Account, per: Per, asset: str | None) -> Limit | None:
    return next((one for one in account.limits if (one.per, one.asset) == (per, asset)), None)


def _check_amount(account: Account, limit: Limit, asset: Asset, used: int, asked: int) -> None:
    if limit.amount is not None and asked and used + asked > minor_units(limit.amount):
        raise _exceeded(
            account,
            limit,
            "amount",
            limit.amount,
            format_amount(used, asset.scale),
            format_amount(asked, asset.scale),
        )


def _exceeded(
    account: Account,
    limit: Limit,
    counted: str,
    bound: str | int,
    used: str | int,
    asked: str | int,
) -> LimitExceeded:
    return LimitExceeded(
        account=account.code,
        asset=limit.asset,
        per=limit.per,
        limit_id=limit.limit_id,
        counted=counted,
        limit=bound,
        used=used,
        asked=asked,
    )
