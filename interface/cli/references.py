"""What the commands of an import refer to, looked up before they are sent.

A refusal is remembered under its command's key for ever. An import would meet it again whenever
it is repeated, even when the missing account was opened in between. So a command that names what
does not exist is turned down here, where it keeps its key.
"""

from collections.abc import Iterable

import msgspec

from application.ledgers import Ledgers
from domain.accounts import AccountNotFound
from domain.assets import AssetNotFound
from domain.authorizations import Authorize
from domain.commands import Command
from domain.corrections import Adjust
from domain.entries import Post
from domain.journals import JournalNotFound
from domain.refusals import Refusal
from interface.http.parsing import Element
from interface.http.units import Unfit, refused

ACCOUNTS_MAX = 500_000
"""Of a larger chart only the writer knows what exists."""


class References:
    """The accounts, assets and journals that a ledger has."""

    def __init__(
        self, *, accounts: Iterable[str] | None, assets: Iterable[str], journals: Iterable[str]
    ) -> None:
        self.accounts = None if accounts is None else set(accounts)
        self.assets = set(assets)
        self._journals: set[str | None] = {None, *journals}

    def add(self, kind: str, code: str) -> None:
        """Takes in what was made: an asset, a journal or an account."""
        if kind == "asset":
            self.assets.add(code)
        elif kind == "journal":
            self._journals.add(code)
        elif self.accounts is not None:
            self.accounts.add(code)

    def have_all(self, elements: Iterable[Element]) -> bool:
        """True where nothing is missing of what entries and holds name: no more than a look at
        each."""
        accounts: set[str] = set()
        assets: set[str] = set()
        journals: set[str | None] = set()
        for element in elements:
            command = element.command
            if isinstance(command, Post):
                journals.add(command.journal)
            elif isinstance(command, Authorize):
                accounts.update((command.debit, command.credit))
                assets.add(command.asset)
                continue
            elif not isinstance(command, Adjust):
                continue
            for leg in command.legs:
                accounts.add(leg.account)
                assets.add(leg.asset)
        return (
            (self.accounts is None or accounts <= self.accounts)
            and assets <= self.assets
            and journals <= self._journals
        )

    def judge(self, element: Element) -> Unfit | None:
        """Returns why the command can't be sent, where it names what does not exist."""
        missing = self._missing(element.command)
        if missing is None:
            return None
        return Unfit(refused(missing.code, missing.detail, **missing.facts), element.group)

    def _missing(self, command: Command) -> Refusal | None:
        if isinstance(command, Post):
            if command.journal not in self._journals:
                return JournalNotFound(journal=command.journal)
            pairs = [(leg.account, leg.asset) for leg in command.legs]
        elif isinstance(command, Adjust):
            pairs = [(leg.account, leg.asset) for leg in command.legs]
        elif isinstance(command, Authorize):
            pairs = [(command.debit, command.asset), (command.credit, command.asset)]
        else:
            return None
        for account, asset in pairs:
            if self.accounts is not None and account not in self.accounts:
                return AccountNotFound(account=account)
            if asset not in self.assets:
                return AssetNotFound(asset=asset)
        return None


def read_references(ledgers: Ledgers, ledger: str) -> References:
    """Returns what the ledger has now. Raises LedgerNotFound."""
    with ledgers.reader(ledger) as connection:
        codes = connection.execute(
            "SELECT code FROM accounts LIMIT %s", [ACCOUNTS_MAX + 1]
        ).fetchall()
        assets = connection.execute("SELECT code FROM assets").fetchall()
        journals = connection.execute("SELECT code FROM journals").fetchall()
    return References(
        accounts=(row["code"] for row in codes) if len(codes) <= ACCOUNTS_MAX else None,
        assets=(row["code"] for row in assets),
        journals=(row["code"] for row in journals),
    )


def read_numbers(ledgers: Ledgers, ledger: str) -> dict[str, str]:
    """Returns the code of each account that has a number, by the number. Raises LedgerNotFound."""
    with ledgers.reader(ledger) as connection:
        rows = connection.execute(
            "SELECT code, document FROM accounts WHERE document LIKE '%\"number\"%'::bytea"
        ).fetchall()
    numbers = ((row["code"], msgspec.json.decode(row["document"]).get("number")) for row in rows)
    return {number: code for code, number in numbers if number is not None}
