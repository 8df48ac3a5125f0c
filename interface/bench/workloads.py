"""What the scenarios send: a ledger's accounts, their money, and transfers between them.

Every ledger of the bench has one cash account and a number of wallets with a floor of zero, all
funded so that no floor is ever met: what is measured is the work, floors tested, not the refusals.
Random numbers come from a seed: two runs send the same.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from interface.bench.load import MARK, Request, Unit, encoded

ASSET = "USD"
CASH = "assets:cash:operating"
FUNDS = "10000000.00"

HOT_WALLET = 0
HOT_SHARE = 0.9
BATCH_COMMANDS = 1_000
SMALL_BATCH_COMMANDS = 20
SINGLES = 4_096
"""Posts and pairs are taken in turn from so many different ones."""
BATCHES = 24
SETTLEMENTS = 10_000
SETTLEMENTS_TIMED = 100
"""Of one hold: in all, and how many of the first and of the last are timed."""
BACKDATED_SHARE = 0.25
HISTORY_DAYS = 730
LINES = 20_000
LINES_A_WRITE = 10_000

Body = dict[str, Any]


class Workload:
    """The requests to one ledger. `run` makes this bench's keys, and ids, new to it: 8 hex digits.

    A scenario's `name` does the same among the scenarios of a run; MARK within one.
    """

    def __init__(self, *, ledger: str, wallets: int, key: str, run: str) -> None:
        self.ledger = ledger
        self.wallets = wallets
        self._path = f"/v1/ledgers/{ledger}"
        self._key = key
        self._run = run
        # Not for secrets: for the same load each time.
        self._random = random.Random(20_260_331)  # noqa: S311

    def ledger_made(self) -> list[Unit]:
        """Returns the request that makes the ledger."""
        body = {"id": self.ledger, "name": "Bench", "functional_asset": ASSET, "timezone": "UTC"}
        return [self._single("/v1/ledgers", body, name="ledger")]

    def accounts_opened(self) -> list[Unit]:
        """Returns a request for each account."""
        cash = {"code": CASH, "type": "asset", "name": "Cash", "asset": ASSET, "purpose": "bank"}
        wallets: list[Body] = [
            {
                "code": wallet(number),
                "type": "liability",
                "name": f"Wallet {number}",
                "asset": ASSET,
                "floor": "0.00",
            }
            for number in range(self.wallets)
        ]
        return [
            self._single(f"{self._path}/accounts", body, name="account")
            for body in [cash, *wallets]
        ]

    def wallets_funded(self) -> list[Unit]:
        """Returns batches that pay each wallet its funds."""
        commands = [
            {"do": "post", **legs(CASH, wallet(number), FUNDS)} for number in range(self.wallets)
        ]
        return [
            self._batch(commands[start : start + BATCH_COMMANDS], name=f"funds{start}")
            for start in range(0, len(commands), BATCH_COMMANDS)
        ]

    def posts(self, name: str) -> list[Unit]:
        """Returns transfers, each a request of its own."""
        path = f"{self._path}/entries"
        return [self._single(path, self._transfer(), name=name) for _ in range(SINGLES)]

    def pairs(self, name: str) -> list[Unit]:
        """Returns transfers that are authorized and settled, a request each."""
        return [self._pair(name) for _ in range(SINGLES)]

    def batches(self, name: str) -> list[Unit]:
        """Returns batches of transfers between random wallets."""
        return [self._batch(self._posts(self._transfer), name=name) for _ in range(BATCHES)]

    def small_batches(self, name: str) -> list[Unit]:
        """Returns batches of a few transfers between random wallets."""
        return [
            self._batch(self._posts(self._transfer, SMALL_BATCH_COMMANDS), name=name)
            for _ in range(BATCHES)
        ]

    def hot_batches(self, name: str) -> list[Unit]:
        """Returns batches of transfers, most of them with one wallet on one side."""
        return [self._batch(self._posts(self._hot_transfer), name=name) for _ in range(BATCHES)]

    def pair_batches(self, name: str) -> list[Unit]:
        """Returns batches of transfers that are authorized and settled, a command each."""
        return [
            self._batch(
                [command for n in range(BATCH_COMMANDS // 2) for command in self._held(n)],
                name=name,
            )
            for _ in range(BATCHES)
        ]

    def hold_made(self) -> list[Unit]:
        """Returns the request that makes the hold which is settled SETTLEMENTS times."""
        body = {
            "id": self._often_settled,
            "debit": wallet(0),
            "credit": wallet(1),
            "amount": f"{SETTLEMENTS // 100}.00",
            "asset": ASSET,
        }
        return [self._single(f"{self._path}/authorizations", body, name="often")]

    def first_settlements(self) -> list[Unit]:
        """Returns the first settlements of that hold, of a cent, a request each."""
        return self._settlements("often-first")

    def further_settlements(self) -> list[Unit]:
        """Returns those between the first and the last, in batches."""
        rest = SETTLEMENTS - 2 * SETTLEMENTS_TIMED
        command = {"do": "settle", "authorization": self._often_settled, "amount": "0.01"}
        return [
            self._batch([command] * SETTLEMENTS_TIMED, name="often")
            for _ in range(rest // SETTLEMENTS_TIMED)
        ]

    def last_settlements(self) -> list[Unit]:
        """Returns the last settlements, a request each."""
        return self._settlements("often-last")

    @property
    def _often_settled(self) -> str:
        return f"{self._run}-0000-4000-a000-000000000000"

    def _settlements(self, name: str) -> list[Unit]:
        path = f"{self._path}/authorizations/{self._often_settled}/settle"
        return [self._single(path, {"amount": "0.01"}, name=name) for _ in range(SETTLEMENTS_TIMED)]

    def write_import(self, path: Path, *, name: str, lines: int) -> None:
        """Writes a file of NDJSON commands, transfers between random wallets."""
        self._write(path, name, lines, self._transfer)

    def write_history(self, path: Path, *, name: str, lines: int) -> None:
        """Writes one of transfers that have mostly one wallet on one side, a quarter of them
        dated back by up to HISTORY_DAYS."""
        today = datetime.now(UTC).date()

        def transfer() -> Body:
            if self._random.random() >= BACKDATED_SHARE:
                return self._hot_transfer()
            day = today - timedelta(days=self._random.randrange(1, HISTORY_DAYS))
            return {**self._hot_transfer(), "effective_on": day.isoformat()}

        self._write(path, name, lines, transfer)

    def _write(self, path: Path, name: str, lines: int, transfer: Callable[[], Body]) -> None:
        commands = [
            {"do": "post", "key": self._idempotency(name), **transfer()}
            for _ in range(min(lines, LINES))
        ]
        templates = [msgspec.json.encode(command) + b"\n" for command in commands]
        with path.open("wb") as file:
            for start in range(0, lines, LINES_A_WRITE):
                numbers = range(start, min(lines, start + LINES_A_WRITE))
                file.writelines(
                    templates[number % len(templates)].replace(MARK, b"%012x" % number)
                    for number in numbers
                )

    def _single(self, path: str, body: Body, *, name: str) -> Unit:
        return Unit(requests=[self._request(path, body, name=name, status=201)], transfers=1)

    def _held(self, number: int) -> list[Body]:
        """A hold of a batch and its settlement; ids differ by the request and the place in it."""
        debit, credit = self._random.sample(range(self.wallets), 2)
        id = f"{self._run}-{number:04x}-4000-9000-{MARK.decode()}"
        hold = {
            "do": "authorize",
            "id": id,
            "debit": wallet(debit),
            "credit": wallet(credit),
            "amount": self._amount(),
            "asset": ASSET,
        }
        return [hold, {"do": "settle", "authorization": id}]

    def _pair(self, name: str) -> Unit:
        debit, credit = self._random.sample(range(self.wallets), 2)
        transfer = {
            "id": f"{self._run}-0000-4000-8000-{MARK.decode()}",
            "debit": wallet(debit),
            "credit": wallet(credit),
            "amount": self._amount(),
            "asset": ASSET,
        }
        path = f"{self._path}/authorizations"
        settle = f"{path}/{transfer['id']}/settle"
        return Unit(
            requests=[
                self._request(path, transfer, name=f"{name}-a", status=201),
                self._request(settle, {}, name=f"{name}-s", status=201),
            ],
            transfers=1,
        )

    def _request(self, path: str, body: Body, *, name: str, status: int) -> Request:
        return Request(
            message=encoded(
                "POST",
                path,
                key=self._key,
                body=msgspec.json.encode(body),
                idempotency=self._idempotency(name).encode(),
            ),
            status=status,
        )

    def _batch(self, commands: list[Body], *, name: str) -> Unit:
        keyed = [
            {"key": f"{self._idempotency(name)}-{number}", **command}
            for number, command in enumerate(commands)
        ]
        message = encoded(
            "POST",
            f"{self._path}/batch",
            key=self._key,
            body=msgspec.json.encode({"commands": keyed}),
        )
        request = Request(message=message, status=200, results=len(commands))
        return Unit(requests=[request], transfers=len(commands))

    def _idempotency(self, name: str) -> str:
        return f"{self._run}-{name}-{MARK.decode()}"

    def _posts(self, transfer: Callable[[], Body], commands: int = BATCH_COMMANDS) -> list[Body]:
        return [{"do": "post", **transfer()} for _ in range(commands)]

    def _transfer(self) -> Body:
        debit, credit = self._random.sample(range(self.wallets), 2)
        return legs(wallet(debit), wallet(credit), self._amount())

    def _hot_transfer(self) -> Body:
        if self._random.random() >= HOT_SHARE:
            return self._transfer()
        other = 1 + self._random.randrange(self.wallets - 1)
        pair = [wallet(HOT_WALLET), wallet(other)]
        self._random.shuffle(pair)
        return legs(pair[0], pair[1], self._amount())

    def _amount(self) -> str:
        return f"{self._random.randrange(1, 10)}.{self._random.randrange(100):02d}"


def wallet(number: int) -> str:
    """Returns the account code of a wallet."""
    return f"liabilities:wallets:{number:05d}"


def legs(debit: str, credit: str, amount: str) -> Body:
    """Returns the part of a post that says what goes where."""
    return {
        "legs": [
            {"account": debit, "side": "debit", "amount": amount, "asset": ASSET},
            {"account": credit, "side": "credit", "amount": amount, "asset": ASSET},
        ]
    }
