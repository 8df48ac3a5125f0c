"""What a path names: ledgers, accounts, entries, authorizations, periods, baselines, records.

What can't be one isn't there.
"""

import re
from collections.abc import Callable

from application.ledgers import LedgerNotFound
from domain.accounts import AccountNotFound
from domain.authorizations import AuthorizationNotFound
from domain.baselines import BaselineNotFound
from domain.entries import EntryNotFound
from domain.erasures import EventNotFound
from domain.refusals import Refusal
from interface.http.errors import Problem
from interface.http.fields import UUID, fits
from interface.http.schemas import ACCOUNT_CODE_MAX, LEDGER_ID, PERIOD

_is_ledger = re.compile(LEDGER_ID).fullmatch
_is_period = re.compile(PERIOD).fullmatch
_is_position = re.compile(r"[1-9][0-9]{0,17}").fullmatch
_is_uuid = re.compile(UUID).fullmatch


def named_ledger(text: str) -> str:
    """Returns the ledger's id. Raises LedgerNotFound for what no ledger can have."""
    if _is_ledger(text) is None:
        raise LedgerNotFound(ledger=text[:64])
    return text


def named_account(text: str) -> str:
    """Returns the account's code. Raises Problem (account_not_found) for what none can have."""
    if not 0 < len(text) <= ACCOUNT_CODE_MAX or not fits(text):
        raise Problem.of(AccountNotFound(account=text[:ACCOUNT_CODE_MAX]))
    return text


def named_entry(text: str) -> str:
    """Returns the entry's id in its canonical form. Raises Problem (entry_not_found)."""
    return _canonical(text, EntryNotFound(entry=text[:64]))


def named_authorization(text: str) -> str:
    """Returns the authorization's id in its canonical form. Raises Problem
    (authorization_not_found)."""
    return _canonical(text, AuthorizationNotFound(authorization=text[:64]))


def named_period(text: str) -> str:
    """Returns the period's name. Raises Problem (not_found) for what no month can have."""
    if _is_period(text) is None:
        raise Problem("not_found", "There is no such period; they are named as 2026-03 is.")
    return text


def named_baseline(text: str) -> str:
    """Returns the baseline's id in its canonical form. Raises Problem (not_found)."""
    return _canonical(text, BaselineNotFound(baseline=text[:64]))


def named_event(text: str) -> str:
    """Returns the position of a record, in digits. Raises Problem (not_found)."""
    if _is_position(text) is None:
        raise Problem.of(EventNotFound(event=text[:64]))
    return text


def _canonical(text: str, missing: Refusal) -> str:
    if _is_uuid(text.lower()) is None:
        raise Problem.of(missing)
    return text.lower()


NAMED: dict[str, Callable[[str], str]] = {
    "account": named_account,
    "entry": named_entry,
    "authorization": named_authorization,
    "period": named_period,
    "baseline": named_baseline,
    "event": named_event,
}
"""How each kind of target is read from a path."""
