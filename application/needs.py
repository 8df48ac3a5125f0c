"""What the commands of a commit need to be in memory before they are decided."""

from collections.abc import Callable
from typing import Any

from domain.accounts import CloseAccount, OpenAccount
from domain.amendments import AmendAccount
from domain.authorizations import Authorize, Settle
from domain.baselines import SetBaseline
from domain.books import Books
from domain.commands import Command
from domain.corrections import Adjust, Reverse
from domain.entries import Post
from domain.erasures import (
    EraseAccountTexts,
    EraseAuthorizationTexts,
    EraseEntryTexts,
    EraseEventTexts,
)
from domain.freezes import FreezeAccount, UnfreezeAccount
from domain.hold_ends import ExpireHold, Release, Void
from domain.increments import Increment, Reduce
from domain.legs import MAX_LEGS, LegAsked
from domain.limits import SetLimit
from domain.mandatory_settlements import SettleMandatory, reference_of
from domain.rates import Pair, RecordRate, pairs_of
from domain.refunds import Chargeback, Refund, Representment
from domain.revaluations import AbandonRevaluation, PostRevaluation
from domain.statements import StateAccount

ActsOnHold = Increment | Reduce | Settle | Void | Release | Refund | Chargeback | Representment
"""Commands whose `authorization` names what they act on."""


def acts_on(books: Books, command: Command) -> str | None:
    """Returns the authorization that the command acts on. Requires that what it needs is there."""
    if isinstance(command, ActsOnHold | SettleMandatory):
        return command.authorization
    if isinstance(command, Reverse | Adjust):
        entry = books.entries.get(command.entry)
        return None if entry is None else entry.posted.authorization
    return None


def named_by(command: Command) -> dict[str, str]:
    """Returns the authorization or entry that the command names, whatever it is to happen to it."""
    named = {name: getattr(command, name, None) for name in ("authorization", "entry")}
    return {name: id for name, id in named.items() if isinstance(id, str)}


class Needs:
    """What is not in memory yet, by kind. `new_ids` are clients' ids that must not be taken,
    `suspense` asks for the accounts that have that purpose, `exchange` for those that take
    differences of exchange rates; `functional` is the ledger's asset, once it is known."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.accounts: set[str] = set()
        self.entries: set[str] = set()
        self.authorizations: set[str] = set()
        self.new_ids: set[str] = set()
        self.network_references: set[tuple[str, str]] = set()
        self.pairs: set[Pair] = set()
        self.revaluations: set[str] = set()
        self.positions: set[str] = set()
        self.suspense = False
        self.exchange = False
        ledger = books.ledgers.get("")
        self.functional = None if ledger is None else ledger.functional_asset

    def are_met(self, *, knows_exchange: bool) -> bool:
        """True where nothing is to be read; that clients' ids are free is another question."""
        return not (
            self.accounts
            or self.entries
            or self.authorizations
            or self.network_references
            or self.pairs
            or self.revaluations
            or self.positions
            or self.suspense
            or (self.exchange and not knows_exchange)
        )

    def account(self, code: str) -> None:
        if code not in self.books.accounts.now:
            self.accounts.add(code)

    def authorization(self, id: str) -> None:
        if id not in self.books.authorizations.now:
            self.authorizations.add(id)
        else:
            self.accounts_of(id)

    def accounts_of(self, authorization: str) -> None:
        """The accounts of an authorization that is in memory, and what tells its asset's worth."""
        state = self.books.authorizations.now[authorization]
        self.account(state.debit)
        self.account(state.credit)
        if state.asset != self.functional:
            self.worth_of(state.asset)

    def worth_of(self, asset: str) -> None:
        """What tells an asset's worth in the functional one, and takes differences of it."""
        if self.functional is None:
            return
        pairs = pairs_of(asset, self.functional)
        self.pairs.update(pair for pair in pairs if pair not in self.books.pairs.now)
        self.exchange = True

    def legs(self, legs: list[LegAsked]) -> None:
        """What legs are on, and what tells their worth."""
        known, functional = self.books.accounts.now, self.functional
        for leg in legs[:MAX_LEGS]:
            if leg.account not in known:
                self.accounts.add(leg.account)
            if leg.asset != functional:
                self.worth_of(leg.asset)

    def accounts_of_entry(self, entry: str) -> None:
        """The accounts of an entry that is in memory, and its authorization."""
        posted = self.books.entries.now[entry].posted
        for leg in posted.legs:
            self.account(leg.account)
        if posted.authorization is not None:
            self.authorization(posted.authorization)

    def of(self, command: Command) -> None:
        """Adds what the command needs."""
        if command.if_ is not None:
            for condition in command.if_:
                self.account(condition.account)
        rule = _NEEDS.get(type(command))
        if rule is not None:
            rule(self, command)


def _post(needs: Needs, command: Post) -> None:
    needs.legs(command.legs)
    if command.id is not None:
        needs.new_ids.add(command.id)
    if command.links:
        needs.entries.update(link.entry for link in command.links)


def _adjust(needs: Needs, command: Adjust) -> None:
    needs.entries.add(command.entry)
    needs.legs(command.legs)


def _entry(needs: Needs, command: Reverse | EraseEntryTexts) -> None:
    needs.entries.add(command.entry)


def _authorize(needs: Needs, command: Authorize) -> None:
    needs.account(command.debit)
    needs.account(command.credit)
    if command.id is not None:
        needs.new_ids.add(command.id)


def _authorization(
    needs: Needs, command: ActsOnHold | ExpireHold | EraseAuthorizationTexts
) -> None:
    needs.authorization(command.authorization)


def _settle_mandatory(needs: Needs, command: SettleMandatory) -> None:
    needs.suspense = True
    for account in (command.debit, command.credit):
        if account is not None:
            needs.account(account)
    if command.asset is not None and command.asset != needs.functional:
        needs.worth_of(command.asset)
    if command.authorization is not None:
        needs.authorization(command.authorization)
    key = reference_of(command.network)
    if key is not None:
        needs.network_references.add(key)


ActsOnAccount = (
    AmendAccount
    | CloseAccount
    | FreezeAccount
    | UnfreezeAccount
    | SetLimit
    | SetBaseline
    | StateAccount
    | EraseAccountTexts
)


def _account(needs: Needs, command: ActsOnAccount) -> None:
    needs.account(command.account)


def _event(needs: Needs, command: EraseEventTexts) -> None:
    needs.positions.add(command.event)


def _open_account(needs: Needs, command: OpenAccount) -> None:
    needs.account(command.code)


def _record_rate(needs: Needs, command: RecordRate) -> None:
    pair = (command.base, command.quote)
    if pair not in needs.books.pairs.now:
        needs.pairs.add(pair)


def _revaluation(needs: Needs, command: PostRevaluation | AbandonRevaluation) -> None:
    needs.revaluations.add(command.revaluation)
    if isinstance(command, PostRevaluation):
        for figure in command.figures:
            needs.account(figure.account)
            needs.worth_of(figure.asset)


_NEEDS: dict[type[Command], Callable[[Needs, Any], None]] = {
    Post: _post,
    Reverse: _entry,
    Adjust: _adjust,
    EraseEntryTexts: _entry,
    Authorize: _authorize,
    Increment: _authorization,
    Reduce: _authorization,
    Settle: _authorization,
    Void: _authorization,
    Release: _authorization,
    ExpireHold: _authorization,
    EraseAuthorizationTexts: _authorization,
    SettleMandatory: _settle_mandatory,
    Refund: _authorization,
    Chargeback: _authorization,
    Representment: _authorization,
    OpenAccount: _open_account,
    AmendAccount: _account,
    CloseAccount: _account,
    FreezeAccount: _account,
    UnfreezeAccount: _account,
    SetLimit: _account,
    StateAccount: _account,
    EraseAccountTexts: _account,
    EraseEventTexts: _event,
    SetBaseline: _account,
    RecordRate: _record_rate,
    PostRevaluation: _revaluation,
    AbandonRevaluation: _revaluation,
}
