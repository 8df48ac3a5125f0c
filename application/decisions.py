"""What one commit decides: commands in order, each seeing what the ones before it did.

A refusal turns down its own command, or its group: only the culprit's is recorded.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from application.expiry import (
    MAX_EXPIRED_PER_COMMAND,
    YIELDS_TO_EXPIRY,
    DueHolds,
    LockNeeded,
)
from application.identity import CommandIds
from application.needs import acts_on, named_by
from application.outcomes import Asked, Outcome, Prepared
from application.permissions import check, standing_of
from application.plain import PlainForms
from application.plain_commands import PlainCommands
from application.private import PrivateRow
from application.recorder import Row
from application.recording import Recording, TooLarge
from application.repeats import Done
from domain.books import Books
from domain.card_numbers import card_number_in, without_card_numbers
from domain.catalogue import CommandRefused
from domain.commands import At, Decided
from domain.decisions import decide
from domain.hold_ends import expire
from domain.refusals import Refusal, Rejection


class IdempotencyConflict(Rejection):
    code = "idempotency_conflict"
    sentence = "The key {key} was used for another command; a new command takes a new key."


class GroupRefused(Rejection):
    code = "group_refused"
    sentence = "Another command of the same group was refused: {culprit}."


def prepare(asked: Asked, ids: CommandIds) -> Prepared:
    """Returns the command with its id and digest.

    The digest is of the command without a card's number: it would be a trace of it, and there are
    few enough of them to try all.
    """
    command = asked.command
    found = card_number_in(command)
    digest, size = ids.digest(command if found is None else without_card_numbers(command))
    return Prepared(asked, ids.command_id(actor=asked.by.actor, key=asked.key), digest, size, found)


class Decisions:
    """Decides on the books, from one position on and at one moment.

    `known` are the commands that were done before or have been decided here: the caller fills it
    with the former. `keep_alive` is called before each: many take their time, and the lock is held.
    """

    def __init__(
        self,
        *,
        books: Books,
        ids: CommandIds,
        forms: PlainForms,
        due_holds: DueHolds,
        ledger: str,
        software_version: str,
        position: int,
        incarnation: int,
        at: At,
        keep_alive: Callable[[], None],
    ) -> None:
        self._books = books
        self._keep_alive = keep_alive
        self._due_holds = due_holds
        self._at = at
        self._recording = Recording(
            books=books,
            ids=ids,
            ledger=ledger,
            software_version=software_version,
            position=position,
            incarnation=incarnation,
            at=at,
        )
        self._plain = PlainCommands(books=books, at=at, recording=self._recording, forms=forms)
        self._due: dict[str, Iterator[str]] = {}
        self._any_due: bool | None = None
        self._expired: list[tuple[Prepared, str]] = []
        self.known: dict[str, Done] = {}

    @property
    def stored(self) -> list[Row]:
        """The events that are to be written, in order."""
        return self._recording.stored

    @property
    def private(self) -> list[PrivateRow]:
        """The texts that are to be written beside them."""
        return self._recording.private

    @property
    def position(self) -> int:
        """Of the last event."""
        return self._recording.position

    def reserve(self, *, asked_for: set[str], wished_for: set[str]) -> None:
        """Says which entries some command of the commit asks for, and so must find, and which ids
        clients wish for, or are taken."""
        self._plain.asked_for = asked_for
        self._plain.wished_for = wished_for

    def decide(self, unit: Sequence[Prepared]) -> list[Outcome]:
        """Decides commands that stand or fall together, in order."""
        if unit[0].asked.command.validate_only:
            return self._judge(unit)
        if len(unit) == 1:
            return [self._decide_one(unit[0])]
        self._books.begin_group()
        self._expired = []
        before = self._recording.mark
        outcomes: list[Outcome] = []
        for one in unit:
            outcome = self._decide_one(one)
            outcomes.append(outcome)
            if outcome.code is not None:
                self._books.drop_group()
                return self._refuse_group(unit, outcomes, before)
        self._books.keep_group()
        return outcomes

    def decide_ahead(
        self, unit: Sequence[Prepared], *, all_in_memory: bool
    ) -> list[Outcome] | None:
        """Decides without the lock, as `decide` does behind it; None, and nothing has changed but
        what is true anyhow, where that can't be. `all_in_memory`: all that the commands of the
        commit need is; else what has no straight line waits."""
        one = unit[0]
        if len(unit) > 1 or one.asked.command.validate_only:
            return None
        try:
            if all_in_memory:
                return [self._decide_one(one)]
        except LockNeeded:
            return None
        outcome = None if one.command_id in self.known else self.decide_plain(one)
        return None if outcome is None else [outcome]

    def _judge(self, unit: Sequence[Prepared]) -> list[Outcome]:
        """Decides as ever, sees what would become of it, and takes all of it back.

        Requires that all commands of the unit ask for that. Nothing is written and no key used.
        """
        judged_at, before = self.position, self._recording.mark
        unknown = [one.command_id for one in unit if one.command_id not in self.known]
        self._books.begin_group()
        found: list[Outcome] = []
        for one in unit:
            found.append(self._decide_one(one))
            if found[-1].code is not None:
                break
        self._books.drop_group()
        self._recording.take_back(before)
        self._due.clear()  # what seemed to expire has not
        for command_id in unknown:
            self.known.pop(command_id, None)
        if found[-1].code is not None:
            rejection = GroupRefused(culprit=found[-1].code)
            others = Outcome(
                [], code=rejection.code, detail=rejection.detail, facts=rejection.facts
            )
            found = [*[others] * (len(found) - 1), found[-1], *[others] * (len(unit) - len(found))]
        return [
            Outcome(
                outcome.stored,
                replayed=outcome.replayed,
                code=outcome.code,
                detail=outcome.detail,
                facts=outcome.facts,
                judged_at=judged_at,
            )
            for outcome in found
        ]

    def _refuse_group(
        self, unit: Sequence[Prepared], outcomes: list[Outcome], before: tuple[int, int]
    ) -> list[Outcome]:
        """Forgets what the group did and records the culprit's refusal alone.

        Holds whose time had come stay expired: that is true whatever becomes of the group. What
        was done by an earlier request stays done.
        """
        self._recording.take_back(before)
        undone = set()
        for one, outcome in zip(unit, outcomes, strict=False):
            known = self.known.get(one.command_id)
            if known is not None and known.outcome is outcome and not outcome.replayed:
                del self.known[one.command_id]
                undone.add(one.command_id)
        for one, authorization in tuple(self._expired):
            self._expire(one, authorization)
        culprit, refused = unit[len(outcomes) - 1], outcomes[-1]
        if refused.stored and not refused.replayed:
            refused = self._record_refusal(
                culprit, refused.code or "", refused.detail, refused.facts
            )
        rejection = GroupRefused(culprit=refused.code)
        others = Outcome([], code=rejection.code, detail=rejection.detail, facts=rejection.facts)
        kept = [
            outcome if outcome.replayed and one.command_id not in undone else others
            for one, outcome in zip(unit, outcomes[:-1], strict=False)
        ]
        return [*kept, refused, *[others] * (len(unit) - len(outcomes))]

    def _decide_one(self, one: Prepared) -> Outcome:
        self._keep_alive()
        known = self.known.get(one.command_id)
        if known is not None:
            return self._repeated(one, known)
        if not self._books.in_group:
            outcome = self.decide_plain(one)
            if outcome is not None:
                return outcome
        try:
            check(one.asked.command, one.asked.by)
            self._expire_due(one)
            outcome = Outcome(self._recording.emit(one, self._decided(one)))
        except Refusal as refusal:
            if not refusal.recorded:
                return Outcome([], code=refusal.code, detail=refusal.detail, facts=refusal.facts)
            # What it would have acted on: the audit trail of that is to have the refusal, too.
            facts = named_by(one.asked.command) | refusal.facts
            try:
                return self._record_refusal(one, refusal.code, refusal.detail, facts)
            except TooLarge as too_large:
                return Outcome(
                    [], code=too_large.code, detail=too_large.detail, facts=too_large.facts
                )
        self.known[one.command_id] = Done(one.digest, outcome)
        return outcome

    def decide_plain(self, one: Prepared) -> Outcome | None:
        """The straight line for what most commands are; None, and nothing has changed, where it
        does not lead there. Requires that the command is not known."""
        rows = self._plain.decide(one)
        if rows is None:
            return None
        outcome = Outcome(rows)
        self.known[one.command_id] = Done(one.digest, outcome)
        return outcome

    def _repeated(self, one: Prepared, known: Done) -> Outcome:
        first = known.outcome
        if known.digest != one.digest:
            conflict = IdempotencyConflict(key=one.asked.key)
            return Outcome([], code=conflict.code, detail=conflict.detail, facts=conflict.facts)
        if first.replayed:
            return first
        return Outcome(
            first.stored, replayed=True, code=first.code, detail=first.detail, facts=first.facts
        )

    def _decided(self, one: Prepared) -> Decided:
        """Decides; where funds, a limit or a condition would stand in the way, due holds on that
        account expire first, one after another, until it passes.

        Raises Refusal.
        """
        expired = 0
        while True:
            try:
                return decide(
                    self._books,
                    one.asked.command,
                    self._at_of(one),
                    self._recording.new_streams(one.command_id),
                    card_number_in=one.card_number_in,
                )
            except Refusal as refusal:
                if (
                    refusal.code not in YIELDS_TO_EXPIRY
                    or expired == MAX_EXPIRED_PER_COMMAND
                    or not self._expire_next(one, refusal.facts["account"])
                ):
                    raise
                expired += 1

    def _at_of(self, one: Prepared) -> At:
        by = one.asked.by
        return At(self._at.recorded_at, self._at.today, by.actor, standing_of(by), by.owner)

    def _expire_due(self, one: Prepared) -> None:
        """Records that a hold's time has come before anything acts on it."""
        authorization = acts_on(self._books, one.asked.command)
        if authorization is not None:
            self._expire(one, authorization)

    def _expire_next(self, one: Prepared, account: str) -> bool:
        """Records that the next due hold on the account has expired; False where there is none."""
        if self._any_due is None:
            earliest = self._due_holds.earliest()
            self._any_due = earliest is not None and earliest <= self._at.recorded_at
        if not self._any_due:
            return False
        if account not in self._due:
            self._due[account] = self._due_holds.on(
                account, at=self._at.recorded_at, books=self._books
            )
        return any(self._expire(one, authorization) for authorization in self._due[account])

    def _expire(self, one: Prepared, authorization: str) -> bool:
        """Records that a hold has expired, where it is due.

        The event is caused by the command, not of it: it stays even where the command fails.
        """
        event = expire(self._books, authorization, self._at)
        if event is None:
            return False
        self._recording.emit_caused(one, authorization, event)
        self._expired.append((one, authorization))
        return True

    def _record_refusal(
        self, one: Prepared, code: str, detail: str, facts: dict[str, Any]
    ) -> Outcome:
        event = CommandRefused(
            do=str(one.asked.command.__struct_config__.tag),
            code=code,
            detail=detail,
            facts=facts,
        )
        stream = self._recording.new_streams(one.command_id)(0)
        stored = self._recording.emit(one, [(stream, event)], private=False)
        outcome = Outcome(stored, code=code, detail=detail, facts=facts)
        self.known[one.command_id] = Done(one.digest, outcome)
        return outcome
