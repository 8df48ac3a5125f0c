"""Closing entries: what revenue and expenses hold goes into retained earnings, account by account,
asset by asset, dimension by dimension."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby

from domain.entries import Post
from domain.legs import MAX_LEGS, LegAsked
from projections.closing import Net
from projections.report import Source

BALANCING_LEGS = 4
"""So many at most does it take to balance an entry."""


class Obstacle(Exception):
    """Why a period can't be closed: a stable code, and what a person can do."""

    def __init__(self, why: str, detail: str) -> None:
        super().__init__(detail)
        self.why = why
        self.detail = detail


def closing_entries(
    source: Source, nets: Sequence[Net], *, on: date, reference: str
) -> Iterator[Post]:
    """Yields the entries that take all nets to zero: each closes one asset, and is balanced by
    retained earnings.

    Raises Obstacle where there is no account for them.
    """
    for asset, group in groupby(sorted(nets, key=_asset), key=_asset):
        legs: list[LegAsked] = []
        minor = functional = 0
        for net in group:
            if len(legs) + 2 + BALANCING_LEGS > MAX_LEGS:
                yield _entry([*legs, *_balancing(source, asset, minor, functional)], on, reference)
                legs, minor, functional = [], 0, 0
            dimensions = dict(net.dimensions) or None
            legs += _moves(
                source, net.account, asset, -net.minor, -net.functional, dimensions=dimensions
            )
            minor += net.minor
            functional += net.functional
        yield _entry([*legs, *_balancing(source, asset, minor, functional)], on, reference)


def _balancing(source: Source, asset: str, minor: int, functional: int) -> list[LegAsked]:
    """The legs that take a result into retained earnings: in its asset where one takes that, else
    at its worth in the functional one, by way of conversion. Raises Obstacle."""
    own = source.ledger.functional_asset
    retained = _find(source, "retained_earnings", asset)
    if retained is not None:
        return _moves(source, retained, asset, minor, functional)
    retained = _find(source, "retained_earnings", own)
    if retained is None:
        raise Obstacle(
            "no_retained_earnings",
            f"No account of purpose retained_earnings takes {own}: open one (type equity), or amend"
            " one so that it does.",
        )
    through, into = _find(source, "conversion", asset), _find(source, "conversion", own)
    if through is None or into is None:
        raise Obstacle(
            "no_conversion",
            f"Neither does an account of purpose retained_earnings take {asset}, nor do accounts of"
            f" purpose conversion take {asset} and {own}: open what is missing.",
        )
    return [
        *_moves(source, through, asset, minor, functional),
        *_moves(source, into, own, -functional, -functional),
        *_moves(source, retained, own, functional, functional),
    ]


def _find(source: Source, purpose: str, asset: str) -> str | None:
    """The first account of a purpose that takes postings in an asset."""
    for code, account in sorted(source.accounts.items()):
        is_one = account.purpose == purpose and account.asset in (None, asset)
        if is_one and account.postable and not account.closed:
            return code
    return None


def _asset(net: Net) -> str:
    return net.asset


def _entry(legs: list[LegAsked], on: date, reference: str) -> Post:
    return Post(legs=legs, class_="closing", effective_on=on, reference=reference)


def _moves(
    source: Source,
    account: str,
    asset: str,
    minor: int,
    functional: int,
    *,
    dimensions: dict[str, str] | None = None,
) -> list[LegAsked]:
    """The legs that add so much, debits above zero, to an account; none for nothing.

    Amount and value of a leg stand on one side. Where a balance and its worth don't, or one is
    nothing, the smallest unit goes both ways.
    """
    if not minor and not functional:
        return []
    is_functional = asset == source.ledger.functional_asset

    def leg(side: str, amount: int, worth: int) -> LegAsked:
        return LegAsked(
            account=account,
            side="debit" if side == "debit" else "credit",
            amount=source.shown(amount, asset),
            asset=asset,
            functional_amount=None if is_functional else source.shown(worth),
            dimensions=dimensions,
        )

    if minor > 0 and (is_functional or functional >= 0):
        return [leg("debit", minor, functional)]
    if minor < 0 and (is_functional or functional <= 0):
        return [leg("credit", -minor, -functional)]
    return [
        leg("debit", max(minor, 0) + 1, max(functional, 0)),
        leg("credit", max(-minor, 0) + 1, max(-functional, 0)),
    ]
