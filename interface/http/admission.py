"""Who may come in: the key, its rate, its ledger, before all else of a request is looked at."""

from math import ceil
from typing import NamedTuple

from application.ledgers import Ledgers
from application.outcomes import Caller
from application.permissions import one_of
from domain.access import ApiKey
from domain.ledgers import SYSTEM
from interface.http.errors import Problem
from interface.http.messages import Environ, bearer_token
from interface.http.rates import Rates

PREFIX = "/v1"
LEDGERS = f"{PREFIX}/ledgers"
OPEN_PATHS = frozenset({f"{PREFIX}/openapi.json"})
"""Under the prefix, and for everybody."""


class Guest(NamedTuple):
    """A caller whose key is valid."""

    key: ApiKey
    caller: Caller


class Admission:
    """Knows the keys' holders."""

    def __init__(self, ledgers: Ledgers, *, rate_limit_per_second: float | None) -> None:
        self._ledgers = ledgers
        self._guests: dict[str, Guest] = {}
        self._rates = None
        if rate_limit_per_second is not None:
            self._rates = Rates(per_second=rate_limit_per_second)

    def check_key(self, environ: Environ) -> ApiKey:
        """Returns the key of a request. Asked again when its body has come, which its sender may
        have kept back until the key was revoked. Raises Problem (unauthenticated)."""
        token = bearer_token(environ)
        key = None if token is None else self._ledgers.authenticate(token)
        if key is None:
            raise Problem("unauthenticated", "Send Authorization: Bearer KEY, with a valid key.")
        return key

    def holder(self, key: ApiKey) -> Guest:
        """Returns the holder of a valid key, who is noted whether let in or not: never waits."""
        guest = self._guests.get(key.key_id)
        if guest is None or guest.key is not key:
            roles = frozenset(key.roles)
            caller = Caller(key.actor, key.key_id, roles, "http", key.network_feed, owner=key.owner)
            guest = self._guests[key.key_id] = Guest(key, caller)
        return guest

    def check_welcome(self, key: ApiKey, environ: Environ) -> None:
        """Raises Problem: too_many_requests, forbidden (another ledger's key). Never waits."""
        if self._rates is not None and (seconds := self._rates.take(key.key_id)):
            raise Problem(
                "too_many_requests",
                "This key calls too often.",
                headers=(("Retry-After", str(ceil(seconds))),),
            )
        ledger = ledger_of_path(environ["PATH_INFO"])
        if key.ledger is not None and ledger is not None and ledger != key.ledger:
            raise Problem("forbidden", "This key is for another ledger.")


def ledger_of_path(path: str) -> str | None:
    """Returns the ledger that a path names: `/v1/ledgers/{l}...`."""
    if not path.startswith(f"{LEDGERS}/"):
        return None
    return path[len(LEDGERS) + 1 :].partition("/")[0]


def check_may_read(guest: Guest, needed: frozenset[str], what: str) -> None:
    """Raises Problem (forbidden) where none of the caller's roles may read this."""
    if guest.caller.roles.isdisjoint(needed):
        raise Problem(
            "forbidden", f"None of this key's roles may read {what}; that takes {one_of(needed)}."
        )


def check_takes_commands(ledger: str) -> None:
    """Raises Problem (forbidden): the service alone writes to the system ledger."""
    if ledger == SYSTEM:
        raise Problem("forbidden", f"The ledger {SYSTEM} takes no commands over HTTP.")
