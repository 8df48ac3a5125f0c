"""What a close reads: the canonical trial balance, and what revenue and expenses hold.

The canonical trial balance is text, so that its digest can be worked out anywhere: for each account
and asset with a balance, in the order of their codes, the line

    account TAB asset TAB debits less credits TAB functional debits less credits LF
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection
from datetime import date
from typing import NamedTuple

from psycopg.rows import tuple_row

from projections.balances import Past, read_past
from projections.report import Source

RESULT_TYPES = ("revenue", "expense")


class Net(NamedTuple):
    """Debits less credits of an account in an asset under some dimensions, in minor units, and what
    they are worth in the functional asset."""

    account: str
    asset: str
    dimensions: tuple[tuple[str, str], ...]
    minor: int
    functional: int


def trial_balance_digest(source: Source, *, effective_on: date) -> str:
    """Returns the SHA-256 in hex of the canonical trial balance at the end of a day."""
    digest = hashlib.sha256()
    for one in sorted(read_standing(source, effective_on)):
        amount = source.shown(one.net, one.asset)
        worth = source.shown(one.functional)
        digest.update(f"{one.account}\t{one.asset}\t{amount}\t{worth}\n".encode())
    return digest.hexdigest()


def read_standing(source: Source, effective_on: date) -> list[Past]:
    """Returns all balances that are not zero at the end of a day."""
    found = read_past(
        source.connection, position=source.known, effective_on=source.through(effective_on)
    )
    return [one for one in found if one.net or one.functional]


def read_result(source: Source, *, effective_on: date) -> list[Net]:
    """Returns what revenue and expenses hold at the end of a day, ever since they were last closed:
    an account's legs without dimensions, and with each combination of them, apart."""
    accounts = [code for code, one in source.accounts.items() if one.type in RESULT_TYPES]
    nets = {(one.account, one.asset): one for one in read_standing(source, effective_on)}
    found = _by_dimensions(source, accounts, effective_on)
    plain: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for key, one in nets.items():
        if one.account in accounts:
            plain[key] = [one.net, one.functional]
    for net in found:
        plain[net.account, net.asset][0] -= net.minor
        plain[net.account, net.asset][1] -= net.functional
    found += [Net(*key, (), *sums) for key, sums in plain.items()]
    return sorted(net for net in found if net.minor or net.functional)


_DIMENSIONS = """
WITH legs AS (
    SELECT account, asset, jsonb_object_agg(name, value) AS dimensions,
        CASE WHEN is_debit THEN amount ELSE -amount END AS net,
        (CASE WHEN is_debit THEN 1 ELSE -1 END)
            * CASE WHEN asset = %(functional)s THEN amount ELSE coalesce(functional, 0) END AS worth
    FROM entry_dimensions
    WHERE account = ANY(%(accounts)s) AND effective_on <= %(day)s AND position <= %(known)s
    GROUP BY position, leg, account, asset, is_debit, amount, functional
)
SELECT account, asset, dimensions, sum(net), sum(worth) FROM legs GROUP BY 1, 2, 3
"""


def _by_dimensions(source: Source, accounts: Collection[str], effective_on: date) -> list[Net]:
    rows = (
        source.connection.cursor(row_factory=tuple_row)
        .execute(
            _DIMENSIONS,
            {
                "accounts": list(accounts),
                "functional": source.ledger.functional_asset,
                "day": effective_on,
                "known": source.known,
            },
        )
        .fetchall()
    )
    return [
        Net(account, asset, tuple(sorted(dimensions.items())), int(net), int(worth))
        for account, asset, dimensions, net, worth in rows
    ]
