"""One ledger behind a real Writer, for tests: commands in, outcomes out, rows and records read.

The clock stands still until a test moves it; keys count up unless a test names them.
"""

import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL, Identifier

from application.ledgers import Ledgers
from application.outcomes import Asked, Caller, Outcome
from domain.accounts import OpenAccount
from domain.commands import Command
from domain.entries import Post
from domain.ledgers import CreateLedger
from domain.legs import LegAsked
from interface.bootstrap import install_views
from tests.conftest import Database
from tests.patience import PATIENCE_SECONDS

LEDGER = "acme"
NOON = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)

CONTROLLER = Caller("carla", "key-1", frozenset({"controller"}), "http")
CLERK = Caller("claus", "key-2", frozenset({"clerk"}), "http")
OPERATOR = Caller("otto", "key-3", frozenset({"operator"}), "cli")

CREATE = CreateLedger(id=LEDGER, name="Acme", functional_asset="USD", timezone="America/New_York")


class Clock:
    """Stands until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **time: float) -> None:
        self.now += timedelta(**time)


class Chart(NamedTuple):
    """Accounts of a test's own, in USD; the wallet may not go below zero."""

    cash: str
    wallet: str
    merchant: str
    any: str


class Office:
    """A process's view of the database: its Ledgers, and one ledger's Writer."""

    _runs = itertools.count(1)

    def __init__(
        self, database: Database, *, ledger: str = LEDGER, clock: Clock | None = None
    ) -> None:
        self.database = database
        self.ledger = ledger
        self.clock = clock or Clock()
        self.ledgers = self._ledgers()
        self.ledgers.open(within_seconds=PATIENCE_SECONDS)
        self._keys = itertools.count(1)
        self._run = next(self._runs)

    def _ledgers(self) -> Ledgers:
        return Ledgers(
            owner=self.database.owner,
            service=self.database.service,
            software_version="1.2.3",
            clock=self.clock,
            install=install_views,
        )

    def close(self) -> None:
        self.ledgers.close()

    # -- writing

    def key(self) -> str:
        """A key that no other command of any office has."""
        return f"{self._run}-{next(self._keys)}"

    def asked(self, command: Command, key: str | None = None, by: Caller = CONTROLLER) -> Asked:
        return Asked(command, key or self.key(), by)

    def submit(self, *units: Sequence[Asked]) -> list[Outcome]:
        return self.ledgers.writer(self.ledger).submit([tuple(unit) for unit in units])

    def do(self, command: Command, *, key: str | None = None, by: Caller = CONTROLLER) -> Outcome:
        """One command, a commit of its own."""
        return self.submit([self.asked(command, key, by)])[0]

    def done(self, command: Command, *, key: str | None = None, by: Caller = CONTROLLER) -> Outcome:
        """One command that must succeed."""
        outcome = self.do(command, key=key, by=by)
        assert outcome.status == "done", (outcome.code, outcome.detail)
        return outcome

    def all(self, *commands: Command) -> list[Outcome]:
        """Commands of one request, each for itself."""
        return self.submit(*[[self.asked(command)] for command in commands])

    def group(self, *commands: Command, keys: Sequence[str] | None = None) -> list[Outcome]:
        """Commands that stand or fall together."""
        given = keys or [self.key() for _ in commands]
        return self.submit([self.asked(one, key) for one, key in zip(commands, given, strict=True)])

    def chart(self, funds: str | None = "100.00") -> Chart:
        """Opens accounts of a test's own; the wallet gets its funds."""
        name = f"t{self._run}.{next(self._keys)}"
        made = Chart(*[f"{name}:{field}" for field in Chart._fields])
        commands: list[Command] = [
            OpenAccount(code=made.cash, type="asset", name="Cash", asset="USD"),
            OpenAccount(
                code=made.wallet, type="liability", name="Wallet", asset="USD", floor="0.00"
            ),
            OpenAccount(code=made.merchant, type="liability", name="Merchant", asset="USD"),
            OpenAccount(code=made.any, type="asset", name="Any"),
        ]
        if funds is not None:
            commands.append(transfer(made.cash, made.wallet, funds))
        for outcome in self.all(*commands):
            assert outcome.status == "done", (outcome.code, outcome.detail)
        return made

    # -- reading

    def query(self, text: str, *params: object) -> list[DictRow]:
        """Rows as the superuser sees them; `{}` is the ledger's schema."""
        schema = Identifier(f"ledger_{self.ledger}")
        with psycopg.connect(
            self.database.superuser, autocommit=True, row_factory=dict_row
        ) as connection:
            found = connection.execute(SQL(text).format(*[schema] * text.count("{}")), params)
            return found.fetchall() if found.description else []

    def states(self, *, after: int = 0) -> list[bytes]:
        """The records as they are stored, in the order of the log."""
        return [
            row["state"]
            for row in self.query(
                "SELECT state FROM {}.events WHERE notification_id > %s ORDER BY notification_id",
                after,
            )
        ]

    def records(self, *, after: int = 0) -> list[dict[str, Any]]:
        return [json.loads(state) for state in self.states(after=after)]

    @property
    def position(self) -> int:
        """The head's."""
        position: int = self.query("SELECT position FROM {}.head")[0]["position"]
        return position

    def balance(self, account: str, asset: str = "USD") -> tuple[int, int, int, int]:
        """Debits, credits, pending debits, pending credits, in minor units."""
        found = self.query(
            "SELECT debits, credits, pending_debits, pending_credits FROM {}.balances"
            " WHERE account = %s AND asset = %s",
            account,
            asset,
        )
        if not found:
            return 0, 0, 0, 0
        debits, credits, pending_debits, pending_credits = map(int, found[0].values())
        return debits, credits, pending_debits, pending_credits


def transfer(debited: str, credited: str, amount: str, **more: Any) -> Post:
    """A post of two legs in USD."""
    return Post(legs=legs(debited, credited, amount), **more)


def legs(debited: str, credited: str, amount: str, **more: Any) -> list[LegAsked]:
    return [
        LegAsked(account=debited, side="debit", amount=amount, asset="USD", **more),
        LegAsked(account=credited, side="credit", amount=amount, asset="USD", **more),
    ]


def records_of(outcome: Outcome) -> list[dict[str, Any]]:
    """What is on record of a command."""
    return [json.loads(stored.state) for stored in outcome.stored]


def types_of(outcome: Outcome) -> list[str]:
    return [record["type"] for record in records_of(outcome)]


def id_of(outcome: Outcome) -> str:
    """The id of what the command made: its first event's stream."""
    stream: str = records_of(outcome)[0]["stream"]
    return stream
