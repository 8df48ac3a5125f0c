"""The routes by which single commands come in: one table."""

import re
from typing import NamedTuple

from marshmallow import Schema

from domain.accounts import CloseAccount, OpenAccount
from domain.amendments import AmendAccount
from domain.assets import RegisterAsset
from domain.authorizations import Authorize, Settle
from domain.baselines import ApproveBaseline, SetBaseline
from domain.closes import ClosePeriod, FilePeriod, ReopenPeriod, SoftClosePeriod
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
from domain.hold_ends import Release, Void
from domain.increments import Increment, Reduce
from domain.journals import OpenJournal
from domain.ledgers import LockBooks
from domain.limits import SetLimit
from domain.mandatory_settlements import SettleMandatory
from domain.rates import RecordRate
from domain.refunds import Chargeback, Refund, Representment
from domain.revaluations import Revalue
from domain.statements import StateAccount
from interface.http.admission import LEDGERS
from interface.http.schemas_answers import (
    AccountChanged,
    AccountStated,
    AccountStopped,
    AssetMade,
    BooksLocked,
    JournalMade,
    LimitChanged,
)
from interface.http.schemas_answers_postings import (
    Adjustment,
    AuthorizationChanged,
    EntryMade,
    Settlement,
)
from interface.http.schemas_baselines import BaselineMade
from interface.http.schemas_erasures import TextsErased
from interface.http.schemas_periods import PeriodChanged
from interface.http.schemas_rates import RateChanged, RevaluationChanged

_names = re.compile(r"<(\w+)>").findall


class WriteRoute(NamedTuple):
    """`rule` is Flask's, with the ledger and perhaps one target in it."""

    rule: str
    command: type[Command]
    answer: type[Schema]
    summary: str
    method: str = "POST"

    @property
    def target(self) -> str | None:
        """What its path names beside the ledger, as `targets.NAMED` knows it."""
        named = _names(self.rule)
        return named[1] if len(named) > 1 else None


LEDGER = f"{LEDGERS}/<ledger>"
ACCOUNT = f"{LEDGER}/accounts/<account>"
ENTRY = f"{LEDGER}/entries/<entry>"
AUTHORIZATION = f"{LEDGER}/authorizations/<authorization>"
PERIOD = f"{LEDGER}/periods/<period>"
BASELINE = f"{LEDGER}/baselines/<baseline>"
EVENT = f"{LEDGER}/events/<event>"
BATCH = f"{LEDGER}/batch"

WRITE_ROUTES = (
    WriteRoute(f"{LEDGER}/assets", RegisterAsset, AssetMade, "Register an asset"),
    WriteRoute(f"{LEDGER}/journals", OpenJournal, JournalMade, "Open a journal"),
    WriteRoute(f"{LEDGER}/accounts", OpenAccount, AccountChanged, "Open an account"),
    WriteRoute(ACCOUNT, AmendAccount, AccountChanged, "Amend an account", "PATCH"),
    WriteRoute(f"{ACCOUNT}/close", CloseAccount, AccountChanged, "Close an account"),
    WriteRoute(f"{ACCOUNT}/freeze", FreezeAccount, AccountStopped, "Freeze an account"),
    WriteRoute(f"{ACCOUNT}/unfreeze", UnfreezeAccount, AccountStopped, "Lift a freeze"),
    WriteRoute(f"{ACCOUNT}/statement", StateAccount, AccountStated, "Certify its lines so far"),
    WriteRoute(f"{ACCOUNT}/erase", EraseAccountTexts, TextsErased, "Erase an account's texts"),
    WriteRoute(f"{LEDGER}/limits", SetLimit, LimitChanged, "Set a limit"),
    WriteRoute(f"{LEDGER}/baselines", SetBaseline, BaselineMade, "Propose a baseline"),
    WriteRoute(f"{BASELINE}/approve", ApproveBaseline, BaselineMade, "Approve a baseline"),
    WriteRoute(f"{LEDGER}/rates", RecordRate, RateChanged, "Record an exchange rate"),
    WriteRoute(
        f"{LEDGER}/rates/revaluations", Revalue, RevaluationChanged, "Ask for a revaluation"
    ),
    WriteRoute(f"{LEDGER}/entries", Post, EntryMade, "Post an entry"),
    WriteRoute(f"{ENTRY}/reverse", Reverse, EntryMade, "Reverse an entry"),
    WriteRoute(f"{ENTRY}/adjust", Adjust, Adjustment, "Correct an entry"),
    WriteRoute(f"{ENTRY}/erase", EraseEntryTexts, TextsErased, "Erase an entry's texts"),
    WriteRoute(f"{LEDGER}/authorizations", Authorize, AuthorizationChanged, "Hold funds"),
    WriteRoute(f"{AUTHORIZATION}/increment", Increment, AuthorizationChanged, "Add to a hold"),
    WriteRoute(f"{AUTHORIZATION}/reduce", Reduce, AuthorizationChanged, "Reduce a hold"),
    WriteRoute(f"{AUTHORIZATION}/settle", Settle, Settlement, "Settle a hold"),
    WriteRoute(f"{AUTHORIZATION}/void", Void, AuthorizationChanged, "Void a hold"),
    WriteRoute(f"{AUTHORIZATION}/release", Release, AuthorizationChanged, "Release a hold"),
    WriteRoute(f"{AUTHORIZATION}/refund", Refund, Settlement, "Refund what was settled"),
    WriteRoute(
        f"{AUTHORIZATION}/chargeback", Chargeback, Settlement, "Charge back what was settled"
    ),
    WriteRoute(
        f"{AUTHORIZATION}/representment", Representment, Settlement, "Win back a chargeback"
    ),
    WriteRoute(
        f"{AUTHORIZATION}/erase", EraseAuthorizationTexts, TextsErased, "Erase a hold's texts"
    ),
    WriteRoute(
        f"{LEDGER}/settlements", SettleMandatory, Settlement, "Settle what a network has cleared"
    ),
    WriteRoute(f"{EVENT}/erase", EraseEventTexts, TextsErased, "Erase the texts of any thing"),
    WriteRoute(f"{LEDGER}/periods/lock", LockBooks, BooksLocked, "Lock the books"),
    WriteRoute(f"{PERIOD}/soft-close", SoftClosePeriod, PeriodChanged, "Soft-close a month"),
    WriteRoute(f"{PERIOD}/close", ClosePeriod, PeriodChanged, "Begin to close a month"),
    WriteRoute(f"{PERIOD}/reopen", ReopenPeriod, PeriodChanged, "Reopen a month, by two persons"),
    WriteRoute(f"{PERIOD}/file", FilePeriod, PeriodChanged, "Lock a closed month for ever"),
)
