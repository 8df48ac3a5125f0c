"""A small ledger to do harm to, and the commands that its clients send."""

from collections.abc import Sequence

from msgspec.structs import replace

from application.ledgers import Ledgers
from application.outcomes import Asked, Outcome, Unit
from application.writer import Writer
from domain.accounts import OpenAccount
from domain.authorizations import Authorize, Settle
from domain.commands import Command
from domain.entries import Attachment, Post
from domain.freezes import FreezeAccount
from domain.hold_ends import Release, Void
from domain.ledgers import CreateLedger
from domain.legs import LegAsked
from tests.conftest import Database
from tests.faults.writer_process import CLERK, Answer, WriterProcess
from tests.patience import PATIENCE_SECONDS

LEDGER = "acme"
CASH, WALLET, MERCHANT = "cash", "wallet", "merchant"
"""The wallet is a client's, with a floor of 0.00."""


def post(debit: str, credit: str, amount: str, *, id: str | None = None) -> Post:
    """An entry of two legs in USD."""
    return Post(
        legs=[
            LegAsked(account=debit, side="debit", amount=amount, asset="USD"),
            LegAsked(account=credit, side="credit", amount=amount, asset="USD"),
        ],
        id=id,
    )


def long_post() -> Post:
    """An entry whose record is long: some 5,000 bytes."""
    page = Attachment(sha256="0" * 64, media_type="application/pdf", name="page" * 40)
    return replace(post(CASH, MERCHANT, "0.01"), attachments=[page] * 18)


def authorize(amount: str, *, id: str | None = None) -> Authorize:
    """A hold on the wallet for the merchant."""
    return Authorize(debit=WALLET, credit=MERCHANT, amount=amount, asset="USD", id=id)


def settle(authorization: str, amount: str | None = None) -> Settle:
    return Settle(authorization=authorization, amount=amount)


def void(authorization: str) -> Void:
    return Void(authorization=authorization)


def freeze(account: str) -> FreezeAccount:
    """A court's order: nothing flows out."""
    return FreezeAccount(account=account, scope="debits", basis="legal")


def release(authorization: str) -> Release:
    return Release(authorization=authorization)


def single(command: Command, key: str) -> Unit:
    """One command, that stands or falls alone."""
    return (Asked(command, key, CLERK),)


def group(commands: Sequence[tuple[Command, str]]) -> Unit:
    """Commands, with their keys, that stand or fall together."""
    return tuple(Asked(command, key, CLERK) for command, key in commands)


def open_ledgers(database: Database, *, service: str | None = None) -> Ledgers:
    """The ledgers of a database as one process has them, migrated and open.

    `service`: how the service connects, instead of the usual way.
    """
    ledgers = Ledgers(
        owner=database.owner, service=service or database.service, software_version="test"
    )
    ledgers.migrate()
    ledgers.open(within_seconds=PATIENCE_SECONDS)
    return ledgers


def make_ledger(ledgers: Ledgers, ledger: str = LEDGER, *, funds: str = "100.00") -> Writer:
    """Makes the ledger, with its chart and the wallet's funds; returns its writer."""
    created = ledgers.create(
        CreateLedger(id=ledger, name="Acme", functional_asset="USD", timezone="UTC"),
        key="create",
        by=CLERK,
    )
    assert created.code is None
    writer = ledgers.writer(ledger)
    done = writer.submit(
        [
            single(OpenAccount(code=CASH, type="asset", name="Cash", asset="USD"), "cash"),
            single(
                OpenAccount(code=WALLET, type="liability", name="A", asset="USD", floor="0.00"),
                "wallet",
            ),
            single(
                OpenAccount(code=MERCHANT, type="liability", name="Merchant", asset="USD"),
                "merchant",
            ),
            single(post(CASH, WALLET, funds), "funds"),
        ]
    )
    assert_done(done)
    return writer


def assert_done(outcomes: Sequence[Outcome] | Sequence[Answer]) -> None:
    """Fails with the code of the first command that was refused."""
    assert [outcome.code for outcome in outcomes] == [None] * len(outcomes)


def other_process(database: Database, *, service: str | None = None) -> WriterProcess:
    """A writer of the same ledger in another process; `service`: how it connects."""
    return WriterProcess(owner=database.owner, service=service or database.service, ledger=LEDGER)
