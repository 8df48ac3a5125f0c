"""What is on record after a fault, read by a superuser and judged by the log alone.

Nothing here uses the service's code: the records are JSON, the rows are what the tables hold, and
the books are kept again from the first record on (tests/domain/naive.py).
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import psycopg
from psycopg import IsolationLevel
from psycopg.sql import SQL, Identifier

from tests.domain.naive import Naive

Record = dict[str, Any]


@dataclass
class Evidence:
    """The records of one ledger, those of each command, and the books that they come to."""

    records: list[Record]
    books: Naive
    commands: dict[str, list[Record]] = field(default_factory=dict)

    def of_type(self, type: str) -> list[Record]:
        """All records of events of one type."""
        return [record for record in self.records if record["type"] == type]

    def refusals(self, code: str) -> list[Record]:
        """All refusals on record with this code."""
        return [
            record for record in self.of_type("CommandRefused") if record["payload"]["code"] == code
        ]

    def posted(self, account: str, asset: str = "USD") -> Fraction:
        """The balance of an account on its normal side."""
        totals = self.books.balances[account, asset]
        balance = totals.debits - totals.credits
        return balance if self.books.debit_normal[account] else -balance


def check_sound(superuser: str, ledger: str) -> Evidence:
    """Fails unless the log is whole and everything that was written with it follows from it.

    Positions are 1..n and the head's is n; each stream's versions are 1..k; moments never go back;
    each command stands in one run of records, once; all rows are what the log comes to.
    """
    with psycopg.connect(superuser) as connection:
        # All from one snapshot: it may be looked at in the middle of a load.
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.execute(SQL("SET search_path TO {}").format(Identifier(f"ledger_{ledger}")))
        connection.execute("SET timezone TO 'UTC'")
        events = connection.execute(
            "SELECT notification_id, originator_id::text, originator_version, topic, state,"
            " command_id::text FROM events ORDER BY notification_id"
        ).fetchall()
        records = [json.loads(bytes(event[4])) for event in events]
        _check_columns(events, records)
        _check_order(records)
        _check_head(connection, records)
        books = Naive().fold_all(bytes(event[4]) for event in events)
        books.check_pending()
        _check_balances(connection, books)
        _check_vouchers(connection, books)
        _check_holds(connection, books)
        _check_limits(connection, books)
    return Evidence(records, books, _commands(records))


def _check_columns(events: list[tuple[Any, ...]], records: list[Record]) -> None:
    for event, record in zip(events, records, strict=True):
        position, stream, version, topic, _, command_id = event
        assert (position, stream, version, topic) == (
            record["position"],
            record["stream"],
            record["version"],
            record["type"],
        )
        assert command_id in (None, record["command_id"])


def _check_order(records: list[Record]) -> None:
    assert [record["position"] for record in records] == list(range(1, len(records) + 1))
    versions: dict[str, int] = defaultdict(int)
    for record in records:
        versions[record["stream"]] += 1
        assert record["version"] == versions[record["stream"]]
    for before, after in pairwise(records):
        assert before["recorded_at"] <= after["recorded_at"]


def _check_head(connection: psycopg.Connection[Any], records: list[Record]) -> None:
    head = connection.execute(
        'SELECT position, to_char(recorded_at, \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\') FROM head'
    ).fetchall()
    assert head == [(records[-1]["position"], records[-1]["recorded_at"])]


def _check_balances(connection: psycopg.Connection[Any], books: Naive) -> None:
    rows = connection.execute(
        "SELECT account, asset, debits, credits, pending_debits, pending_credits, lines,"
        " a.version + sum(b.touches) OVER (PARTITION BY account)"
        " FROM balances AS b JOIN accounts AS a ON a.code = b.account"
    ).fetchall()
    assert {(row[0], row[1]): (*map(int, row[2:7]), row[7]) for row in rows} == {
        (account, asset): (
            books.minor(totals.debits, asset),
            books.minor(totals.credits, asset),
            books.minor(totals.pending_debits, asset),
            books.minor(totals.pending_credits, asset),
            totals.lines,
            books.versions[account],
        )
        for (account, asset), totals in books.balances.items()
    }


def _check_vouchers(connection: psycopg.Connection[Any], books: Naive) -> None:
    rows = connection.execute("SELECT journal, fiscal_year, last_no FROM vouchers").fetchall()
    assert {(journal, year): last_no for journal, year, last_no in rows} == dict(books.vouchers)


def _check_holds(connection: psycopg.Connection[Any], books: Naive) -> None:
    rows = connection.execute("SELECT authorization_id::text, remaining FROM holds").fetchall()
    assert {id: int(remaining) for id, remaining in rows if remaining} == {
        id: books.minor(hold.held, hold.asset) for id, hold in books.holds.items() if hold.held
    }


def _check_limits(connection: psycopg.Connection[Any], books: Naive) -> None:
    rows = connection.execute(
        "SELECT limit_id::text, starts_on::text, used, count FROM limit_usages"
    ).fetchall()
    assert {id for id, *_ in rows} == books.limits.keys()
    for id, starts_on, used, count in rows:
        counters = books.usages[id]
        assert starts_on == max(counters, default=None)
        amount, number = counters.get(starts_on, (Fraction(0), 0))
        assert (int(used), count) == (books.minor(amount, books.limits[id]["asset"]), number)


def _commands(records: list[Record]) -> dict[str, list[Record]]:
    """The records of each command, which follow one another: it was done once."""
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record["command_id"] is not None:
            found[record["command_id"]].append(record)
    for run in found.values():
        assert run[-1]["position"] - run[0]["position"] == len(run) - 1, "a command was done twice"
        assert len({record["command_digest"] for record in run}) == 1
        assert len({record["recorded_at"] for record in run}) == 1
    return dict(found)
