"""A door to the command handling alone: decisions and books in memory, no database, no HTTP."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, get_args
from zoneinfo import ZoneInfo

import msgspec

from application.decisions import prepare
from application.outcomes import Asked, Caller, Outcome
from application.plain import PlainForms
from application.recorder import Row
from application.repeats import Done
from domain.accounts import OpenAccount
from domain.authorizations import Authorize, Settle
from domain.balances import available, posted
from domain.books import Books
from domain.commands import At
from domain.corrections import Adjust, Reverse
from domain.entries import Entry, EntryAdjusted, EntryPosted, EntryReversed, Post
from domain.freezes import FreezeAccount, UnfreezeAccount
from domain.hold_ends import Release, Void
from domain.holds import Authorization
from domain.increments import Increment, Reduce
from domain.ledgers import CreateLedger
from domain.limits import SetLimit
from domain.mandatory_settlements import SettleMandatory
from domain.money import format_amount
from domain.pages import EMPTY
from domain.refunds import Chargeback, Refund, Representment
from tests.application.in_memory import IDS, decide
from tests.lives.deeds import Answer, Command
from tests.lives.driver import Told

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
CALLER = Caller("carla", "key-1", frozenset({"operator", "controller"}), "http")
Commands = (
    Post
    | Reverse
    | Adjust
    | Authorize
    | Increment
    | Reduce
    | Settle
    | Void
    | Release
    | Refund
    | Chargeback
    | Representment
    | SettleMandatory
    | FreezeAccount
    | UnfreezeAccount
    | SetLimit
    | OpenAccount
    | CreateLedger
)
KINDS = {kind.__struct_config__.tag: kind for kind in get_args(Commands)}


class InMemory:
    """One ledger. What a commit would write is kept here, and given to the next one."""

    def __init__(self) -> None:
        self._now = NOON
        self._last_at = NOON
        self._books = Books()
        self._forms = PlainForms(ledger="l", software_version="1")
        self._position = 0
        self._numbers = count(1)
        self._known: dict[str, Done] = {}
        self._entries: dict[str, Entry] = {}
        self._exceptions: dict[str, list[str]] = {}
        self._chains: dict[str, list[str]] = {}
        self._references: dict[Any, Any] = {}
        ledger = {
            "do": "create_ledger",
            "id": "l",
            "name": "L",
            "functional_asset": "USD",
            "timezone": "America/New_York",
        }
        self.send(ledger, "ledger")

    # -- time

    def now(self) -> datetime:
        return self._now

    def move_clock(self, seconds: int) -> None:
        self._now += timedelta(seconds=seconds)

    # -- commands

    def account(self, **members: Any) -> str:
        code = f"account:{next(self._numbers)}"
        told = self.send(
            {"do": "open_account", "code": code, "name": "An account", "asset": "USD", **members},
            f"open {code}",
        )
        assert told.code is None, told.answer
        return code

    def send(self, command: Command, key: str) -> Told:
        return self._commit([[command]], [key])[0]

    def send_together(
        self, units: Sequence[Sequence[Command]], keys: Sequence[str], *, atomic: bool
    ) -> list[Told]:
        return self._commit(units, keys)

    def _commit(self, units: Sequence[Sequence[Command]], keys: Sequence[str]) -> list[Told]:
        given = iter(keys)
        prepared = [
            [prepare(Asked(loaded(command), next(given), CALLER), IDS) for command in unit]
            for unit in units
        ]
        self._last_at = max(self._now, self._last_at + timedelta(microseconds=1))
        at = At(self._last_at, self._last_at.astimezone(ZoneInfo("America/New_York")).date())
        books = self._books
        books.entries.now.update(self._entries)
        books.network_references.now.update(self._references)
        decisions, outcomes = decide(books, prepared, at, self._position, self._forms, self._known)
        self._known = {
            id: Done(done.digest, remembered(done.outcome)) for id, done in decisions.known.items()
        }
        for row in decisions.stored:
            self._keep(row)
        self._references.update(books.network_references.now)
        self._position = decisions.position
        books.confirm()
        return [self._told(outcome) for outcome in outcomes]

    def _keep(self, row: Row) -> None:
        """What the rows of entries would be read from."""
        event = row.record.payload
        if isinstance(event, EntryPosted):
            self._entries[row.stream] = Entry(event)
            chain = self._chains.get(event.corrects or "", [])
            chain.append(row.stream)
            self._chains[row.stream] = chain
        elif isinstance(event, EntryReversed):
            self._entries[row.stream] = Entry(self._entries[row.stream].posted, event.reversal)
        elif isinstance(event, EntryAdjusted):
            old = self._entries[row.stream].posted
            self._entries[row.stream] = Entry(old, event.reversal, event.replacement)
        if getattr(event, "exceptions", None) is not None:
            self._exceptions[event.entry] = event.exceptions

    # -- answers

    def _told(self, outcome: Outcome) -> Told:
        if outcome.code is not None:
            answer = {**outcome.facts, "code": outcome.code, "detail": outcome.detail}
        else:
            answer = self._answer([(row.stream, row.record.payload) for row in outcome.stored])
        states = [row.state for row in outcome.stored]
        return Told(outcome.code, answer, (outcome.code, outcome.facts, states), outcome.replayed)

    def _answer(self, events: list[tuple[str, Any]]) -> Answer:
        """As the service answers: of what the last event is about."""
        stream, event = events[-1]
        entries = [id for id, one in events if isinstance(one, EntryPosted)]
        answer: Answer = {"id": stream}
        if entries:
            answer |= {"id": entries[-1], "entry": entries[0]}
        if len(entries) == 2:
            answer |= {"reversal": entries[0], "replacement": entries[1]}
        elif not hasattr(event, "corrects"):
            state = getattr(event, "authorization", None)
            if isinstance(state, Authorization):
                answer |= self._shown(stream, state)
        for name in ("freeze_id", "limit_id"):
            if hasattr(event, name):
                answer[name] = getattr(event, name)
        return answer

    # -- reading

    def position(self) -> int:
        return self._position

    def authorization(self, id: str) -> Answer:
        return self._shown(id, self._books.authorizations.now[id])

    def _shown(self, id: str, state: Authorization) -> Answer:
        due = state.expires_at is not None and state.expires_at <= self._now
        if due and state.closed_as is None:
            state = msgspec.structs.replace(state, closed_as="expired")
        return {
            **msgspec.to_builtins(state),
            "id": id,
            "status": state.status,
            "closed": state.closed_as is not None,
            "closed_as": state.closed_as,
            "settlements": state.settlements,
            "ceiling": format_amount(state.ceiling_minor, 2),
            "history": [
                {"entry": entry, "exceptions": found} for entry, found in self._exceptions.items()
            ],
        }

    def balance(self, account: str) -> Answer:
        books = self._books
        found = books.accounts.now[account]
        balance = books.balances.get((account, "USD")) or EMPTY
        return {
            "posted": format_amount(posted(found, balance), 2),
            "pending": format_amount(balance.pending_debits, 2),
            "available": format_amount(available(found, balance), 2),
            "version": books.version_of(account),
        }

    def chain(self, entry: str) -> list[str]:
        return self._chains[entry]


def loaded(command: Command) -> Any:
    return msgspec.convert(command, KINDS[command["do"]])


def remembered(outcome: Outcome) -> Outcome:
    """What a later commit would read of it in the log."""
    return Outcome(
        outcome.stored,
        replayed=True,
        code=outcome.code,
        detail=outcome.detail,
        facts=outcome.facts,
    )
