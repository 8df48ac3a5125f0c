"""Accounts: the places of the chart, and who may move money through them.

An account's own stream holds its life (opened, amended, frozen, closed), never its postings: a hot
account must not become one endless stream. Its normal side follows from type and `contra`.
"""

import re
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from domain.assets import find_asset
from domain.books import Books
from domain.commands import At, Command, Decided, Event, NewStream
from domain.money import format_amount, minor_units, parse_signed
from domain.refusals import Refusal, Rejection

Type = Literal["asset", "liability", "equity", "revenue", "expense"]
Purpose = Literal[
    "cash",
    "bank",
    "physical_currency",
    "suspense",
    "conversion",
    "control",
    "retained_earnings",
    "client_money",
    "fx_difference",
    "fx_unrealised",
]
CashFlow = Literal["operating", "investing", "financing"]
Side = Literal["debit", "credit"]
Scope = Literal["all", "debits", "credits"]
Basis = Literal["administrative", "legal"]
Per = Literal["authorization", "day", "month"]

EXCHANGE: frozenset[Purpose | None] = frozenset({"fx_difference", "fx_unrealised", "conversion"})
"""Purposes of accounts that take differences of exchange rates."""

DEBIT_NORMAL_TYPES = ("asset", "expense")

_NEEDS_ESCAPE = re.compile(r'[^ -~]|["\\]')


class OpenAccount(Command, frozen=True, kw_only=True, tag="open_account"):
    code: str
    type: Type
    name: str
    asset: str | None = None
    floor: str | None = None
    contra: bool | None = None
    postable: bool | None = None
    number: str | None = None
    purpose: Purpose | None = None
    monetary: bool | None = None
    cash_flow: CashFlow | None = None
    current: bool | None = None
    statement_line: str | None = None
    statutory_codes: dict[str, str] | None = None
    owner: str | None = None


class CloseAccount(Command, frozen=True, kw_only=True, tag="close_account"):
    account: str
    expected_version: int | None = None


class AccountOpened(Event, frozen=True, kw_only=True):
    code: str
    type: Type
    name: str
    asset: str | None = None
    floor: str | None = None
    contra: bool = False
    postable: bool = True
    number: str | None = None
    purpose: Purpose | None = None
    monetary: bool | None = None
    cash_flow: CashFlow | None = None
    current: bool | None = None
    statement_line: str | None = None
    statutory_codes: dict[str, str] | None = None
    owner: str | None = None
    reference: str | None = None
    private: str | None = None


class AccountClosed(Event, frozen=True, kw_only=True):
    account: str
    reference: str | None = None
    private: str | None = None


class Freeze(Struct, frozen=True, omit_defaults=True):
    """Without an amount it stops one side or both. With one it is a lien: it stops nothing and
    keeps so much from being available."""

    freeze_id: str
    scope: Scope
    basis: Basis
    amount: str | None = None
    authority_reference: str | None = None

    def stops(self, side: Side | None) -> bool:
        """True where it stops the side; None: any."""
        return self.amount is None and (side is None or self.scope in ("all", f"{side}s"))


class Limit(Struct, frozen=True, omit_defaults=True):
    """How much of an asset, or how often, the account may give an authorization, day or month."""

    limit_id: str
    per: Per
    asset: str
    amount: str | None = None
    count: int | None = None


class Account(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`version` counts the events of the account's own stream: its ETag.

    `debit_normal`, `floor_minor`, `lien_minor`, `takes_postings` (nothing stops either side) and
    `takes_plain` (domain/plain.py: its code can stand in a record as it is) follow from the other
    members and are worked out once. While a lien stands an account without a floor has one of zero:
    else nothing would keep what the lien is for.
    """

    stream: str
    version: int
    code: str
    type: Type
    name: str
    debit_normal: bool = False
    asset: str | None = None
    floor: str | None = None
    floor_minor: int | None = None
    lien_minor: int = 0
    contra: bool = False
    postable: bool = True
    number: str | None = None
    purpose: Purpose | None = None
    monetary: bool | None = None
    cash_flow: CashFlow | None = None
    current: bool | None = None
    statement_line: str | None = None
    statutory_codes: dict[str, str] | None = None
    owner: str | None = None
    freezes: tuple[Freeze, ...] = ()
    limits: tuple[Limit, ...] = ()
    closed: bool = False
    takes_postings: bool = True
    takes_plain: bool = True

    @property
    def status(self) -> str:
        if self.closed:
            return "closed"
        return "frozen" if any(freeze.stops(None) for freeze in self.freezes) else "open"


class AccountExists(Refusal):
    code = "already_exists"
    sentence = "The account {account} exists."


class AccountNotFound(Refusal):
    code = "account_not_found"
    sentence = "There is no account {account}; a controller opens it with POST .../accounts."


class AccountIsFrozen(Refusal):
    code = "account_frozen"
    sentence = "The account {account} is frozen by {freeze_id}."


class AccountIsClosed(Refusal):
    code = "account_closed"
    sentence = "The account {account} is closed."


class AccountInUse(Refusal):
    """`standing`: postings, balance, holds, lien or limits."""

    code = "account_in_use"
    sentence = "The account {account} is in use: {standing}."


class AccountNotPostable(Refusal):
    code = "account_not_postable"
    sentence = "The account {account} groups others and takes no postings."


class AssetNotAllowed(Refusal):
    code = "asset_not_allowed"
    sentence = "The account {account} takes {allowed}; {asset} was asked."


class Stale(Rejection):
    code = "stale"
    sentence = "The account {account} has version {version} by now; {expected} was expected."


def find_account(books: Books, code: str) -> Account:
    """Raises AccountNotFound."""
    account = books.accounts.get(code)
    if account is None:
        raise AccountNotFound(account=code)
    return account


def check_not_frozen(account: Account, side: Side | None = None) -> None:
    """Raises AccountIsFrozen where a freeze stops this side; without one, where any is stopped."""
    for freeze in account.freezes:
        if freeze.stops(side):
            raise AccountIsFrozen(account=account.code, freeze_id=freeze.freeze_id)


def check_settles(account: Account, side: Side) -> None:
    """Raises AccountIsFrozen where a legal freeze stops this side: then even what was authorized
    before does not settle."""
    for freeze in account.freezes:
        if freeze.basis == "legal" and freeze.stops(side):
            raise AccountIsFrozen(account=account.code, freeze_id=freeze.freeze_id)


def check_not_closed(account: Account) -> None:
    """Raises AccountIsClosed."""
    if account.closed:
        raise AccountIsClosed(account=account.code)


def put_account(books: Books, account: Account) -> None:
    """Replaces the account, with what follows from its members, and counts the event that touched
    it."""
    floor = None if account.floor is None else minor_units(account.floor)
    lien = sum(minor_units(one.amount) for one in account.freezes if one.amount is not None)
    takes_postings = account.postable and account.status == "open"
    is_plain = not (account.freezes or account.limits or _NEEDS_ESCAPE.search(account.code))
    account = replace(
        account,
        debit_normal=is_debit_normal(account.type, contra=account.contra),
        floor_minor=0 if lien and floor is None else floor,
        lien_minor=lien,
        takes_postings=takes_postings,
        takes_plain=takes_postings and is_plain,
    )
    books.accounts.put(account.code, account)
    books.balances.refresh(account.code)
    books.touch(account.code)
    if account.purpose == "suspense" or books.suspense.get(account.code):
        books.suspense.put(account.code, account.purpose == "suspense")
    if account.purpose in EXCHANGE or books.exchange.get(account.code):
        books.exchange.put(account.code, account.purpose in EXCHANGE)


def open_account(books: Books, command: OpenAccount, at: At, new: NewStream) -> Decided:
    """Returns the event that opens an account.

    Raises AssetNotFound, AccountExists, AssetNotAllowed (a floor needs an asset), AmountTooFine,
    AmountTooLarge.
    """
    asset = None if command.asset is None else find_asset(books, command.asset)
    if books.accounts.get(command.code) is not None:
        raise AccountExists(account=command.code)
    floor = command.floor
    if floor is not None:
        if asset is None:
            raise AssetNotAllowed(account=command.code, allowed="any asset", asset="a floor")
        minor = parse_signed(floor, scale=asset.scale, asset=asset.code)
        floor = format_amount(minor, asset.scale)
    event = AccountOpened(
        code=command.code,
        type=command.type,
        name=command.name,
        asset=command.asset,
        floor=floor,
        contra=bool(command.contra),
        postable=command.postable is not False,
        number=command.number,
        purpose=command.purpose,
        monetary=command.monetary,
        cash_flow=command.cash_flow,
        current=command.current,
        statement_line=command.statement_line,
        statutory_codes=command.statutory_codes,
        owner=command.owner,
        reference=command.reference,
    )
    return [(new(0), event)]


def close(books: Books, command: CloseAccount, at: At, new: NewStream) -> Decided:
    """Returns the event that closes an account without balance, holds and liens.

    Raises AccountNotFound, Stale, AccountIsFrozen, AccountIsClosed, AccountInUse.
    """
    account = find_account(books, command.account)
    check_version(account, command.expected_version)
    check_not_frozen(account)
    check_not_closed(account)
    for balance in books.balances_of(account.code):
        if balance.pending_debits or balance.pending_credits:
            raise AccountInUse(account=account.code, standing="holds")
        if balance.debits != balance.credits:
            raise AccountInUse(account=account.code, standing="balance")
    if account.freezes:
        raise AccountInUse(account=account.code, standing="lien")
    return [(account.stream, AccountClosed(account=account.code, reference=command.reference))]


def evolve_opened(books: Books, stream: str, event: AccountOpened) -> None:
    """Puts the new account on the books."""
    account = Account(
        stream=stream,
        version=1,
        code=event.code,
        type=event.type,
        name=event.name,
        asset=event.asset,
        floor=event.floor,
        contra=event.contra,
        postable=event.postable,
        number=event.number,
        purpose=event.purpose,
        monetary=event.monetary,
        cash_flow=event.cash_flow,
        current=event.current,
        statement_line=event.statement_line,
        statutory_codes=event.statutory_codes,
        owner=event.owner,
    )
    put_account(books, account)


def evolve_closed(books: Books, stream: str, event: AccountClosed) -> None:
    """Marks the account closed."""
    old = find_account(books, event.account)
    put_account(books, replace(old, version=old.version + 1, closed=True))


def check_version(account: Account, expected: int | None) -> None:
    """Raises Stale where the account moved on since the client read it."""
    if expected is not None and expected != account.version:
        raise Stale(account=account.code, version=account.version, expected=expected)


def is_debit_normal(kind: str, *, contra: bool) -> bool:
    """True where debits raise the balance."""
    return (kind in DEBIT_NORMAL_TYPES) != contra
