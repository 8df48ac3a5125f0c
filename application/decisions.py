"""What one commit decides: commands in order, each seeing what the ones before it did.

A refusal turns down its own command, or its group: only the culprit's is recorded.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from application.expiry import MAX_EXPIRED_PER_COMMAND, YIELDS_TO_EXPIRY, DueHolds
from application.identity import CommandIds
from application.needs import acts_on
from application.outcomes import Asked, Outcome, Prepared
from application.permissions import MAY, check, standing_of
from application.plain import PlainForms, fill
from application.private import PrivateRow, has_private_text, seal
from application.recorder import Row
from application.records import FORMAT, MAX_RECORD_BYTES, Record, encode
from application.repeats import Done
from application.rows import Rows
from domain.authorizations import expire
from domain.books import Books
from domain.card_numbers import card_number_in, without_card_numbers
from domain.catalogue import EVENTS, EVOLVE, CommandRefused
from domain.commands import At, Decided, Event
from domain.decisions import decide
from domain.entries import EntryAdjusted, EntryPosted, EntryReversed, Post
from domain.plain import PlainPosting
from domain.refusals import Refusal, Rejection

_NO_STREAM_VERSION = (CommandRefused, EntryPosted, EntryReversed, EntryAdjusted)
_MAY_POST = MAY[Post]


class IdempotencyConflict(Rejection):
    code = "idempotency_conflict"
    sentence = "The key {key} was used for another command; a new command takes a new key."


class GroupRefused(Rejection):
    code = "group_refused"
    sentence = "Another command of the same group was refused: {culprit}."


class TooLarge(Rejection):
    code = "too_large"
    sentence = "The record would have {bytes} bytes; the most is {limit}."


def prepare(asked: Asked, ids: CommandIds) -> Prepared:
    """Returns the command with its id and digest.

    The digest is of the command without a card's number: it would be a trace of it, and there are
    few enough of them to try all.
    """
    command = asked.command
    found = card_number_in(command)
    return Prepared(
        asked,
        ids.command_id(actor=asked.by.actor, key=asked.key),
        ids.digest(command if found is None else without_card_numbers(command)),
        found,
    )


class Decisions:
    """Decides on the books, from one position on and at one moment.

    `known` are the commands that were done before or have been decided here; `asked_for` the
    entries that some command needs on its shelf: the caller fills both. `stored` and `private` are
    what is to be written.
    """

    def __init__(
        self,
        *,
        books: Books,
        rows: Rows,
        ids: CommandIds,
        forms: PlainForms,
        due_holds: DueHolds,
        ledger: str,
        software_version: str,
        position: int,
        incarnation: int,
        at: At,
    ) -> None:
        self._books = books
        self._rows = rows
        self._ids = ids
        self._forms = forms
        self._due_holds = due_holds
        self._ledger = ledger
        self._software_version = software_version
        self._first_position = self.position = position
        self._incarnation = incarnation
        self._at = at
        self._recorded_at_text = at.recorded_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self._plain = PlainPosting(books, at)
        self._due: dict[str, deque[str]] = {}
        self._any_due: bool | None = None
        self._expired: list[tuple[Prepared, str]] = []
        self._command_id = ""
        self.stored: list[Row] = []
        self.private: list[PrivateRow] = []
        self.known: dict[str, Done] = {}
        self.asked_for: set[str] = set()

    def decide(self, unit: Sequence[Prepared]) -> list[Outcome]:
        """Decides commands that stand or fall together, in order."""
        if unit[0].asked.command.validate_only:
            return self._judge(unit)
        if len(unit) == 1:
            return [self._decide_one(unit[0])]
        self._books.begin_group()
        self._expired = []
        before = len(self.stored), len(self.private)
        outcomes: list[Outcome] = []
        for one in unit:
            outcome = self._decide_one(one)
            outcomes.append(outcome)
            if outcome.code is not None:
                self._books.drop_group()
                return self._refuse_group(unit, outcomes, before)
        self._books.keep_group()
        return outcomes

    def _judge(self, unit: Sequence[Prepared]) -> list[Outcome]:
        """Decides as ever, sees what would become of it, and takes all of it back.

        Requires that all commands of the unit ask for that. Nothing is written and no key used.
        """
        judged_at, stored, private = self.position, len(self.stored), len(self.private)
        unknown = [one.command_id for one in unit if one.command_id not in self.known]
        self._books.begin_group()
        found: list[Outcome] = []
        for one in unit:
            found.append(self._decide_one(one))
            if found[-1].code is not None:
                break
        self._books.drop_group()
        del self.stored[stored:], self.private[private:]
        self.position = judged_at
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
        events, private = before
        del self.stored[events:], self.private[private:]
        self.position = self._first_position + events
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
        command, by = one.asked.command, one.asked.by
        known = self.known.get(one.command_id)
        if known is not None:
            return self._repeated(one, known)
        if type(command) is Post and not self._books.in_group:
            outcome = self.post_plain(one, command)
            if outcome is not None:
                return outcome
        try:
            check(command, by)
            self._expire_due(one)
            self._command_id = one.command_id
            outcome = self._emit(one, self._decided(one))
        except Refusal as refusal:
            if not refusal.recorded:
                return Outcome([], code=refusal.code, detail=refusal.detail, facts=refusal.facts)
            try:
                return self._record_refusal(one, refusal.code, refusal.detail, refusal.facts)
            except TooLarge as too_large:
                return Outcome(
                    [], code=too_large.code, detail=too_large.detail, facts=too_large.facts
                )
        self.known[one.command_id] = Done(one.digest, outcome)
        return outcome

    def post_plain(self, one: Prepared, command: Post) -> Outcome | None:
        """The straight line for what most commands are; None where it does not lead there."""
        command_id, digest, by = one.command_id, one.digest, one.asked.by
        if command_id in self.asked_for or by.roles.isdisjoint(_MAY_POST):
            return None
        entry = self._plain.post(command)
        if entry is None:
            return None
        position = self.position = self.position + 1
        form = self._forms.form(
            incarnation=self._incarnation,
            by=by,
            effective_on=entry.effective_on,
            fiscal_year=self._plain.fiscal_year_of(entry.effective_on),
            asset=entry.first.asset,
        )
        state = fill(
            form,
            entry,
            position=position,
            recorded_at=self._recorded_at_text,
            command_id=command_id,
            digest=digest,
        )
        row = Row(position, command_id, 1, "EntryPosted", state, None)
        self.stored.append(row)
        outcome = Outcome([row])
        self.known[command_id] = Done(digest, outcome)
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
                    self._new_stream,
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
        return At(self._at.recorded_at, self._at.today, by.actor, standing_of(by))

    def _expire_due(self, one: Prepared) -> None:
        """Records that a hold's time has come before anything acts on it."""
        authorization = acts_on(self._books, one.asked.command)
        if authorization is not None:
            self._expire(one, authorization)

    def _expire_next(self, one: Prepared, account: str) -> bool:
        """Records that the next due hold on the account has expired; False where there is none."""
        if self._any_due is None:
            earliest = self._due_holds.earliest(self._rows)
            self._any_due = earliest is not None and earliest <= self._at.recorded_at
        if not self._any_due:
            return False
        if account not in self._due:
            self._due[account] = self._due_holds.on(
                account, at=self._at.recorded_at, rows=self._rows, books=self._books
            )
        due = self._due[account]
        while due:
            if self._expire(one, due.popleft()):
                return True
        return False

    def _expire(self, one: Prepared, authorization: str) -> bool:
        """Records that a hold has expired, where it is due.

        The event is caused by the command, not of it: it stays even where the command fails.
        """
        event = expire(self._books, authorization, self._at)
        if event is None:
            return False
        self._keep(self._row(one, authorization, event, of_command=False), event)
        self._expired.append((one, authorization))
        return True

    def _record_refusal(
        self, one: Prepared, code: str, detail: str, facts: dict[str, Any]
    ) -> Outcome:
        self._command_id = one.command_id
        event = CommandRefused(
            do=str(one.asked.command.__struct_config__.tag),
            code=code,
            detail=detail,
            facts=facts,
        )
        stored = self._emit(one, [(self._new_stream(0), event)], private=False).stored
        outcome = Outcome(stored, code=code, detail=detail, facts=facts)
        self.known[one.command_id] = Done(one.digest, outcome)
        return outcome

    def _new_stream(self, number: int) -> str:
        """The command's first new stream has its id, unless a client took that for a thing of
        its own."""
        if number == 0 and not self._books.opened.get(self._command_id):
            return self._command_id
        return self._ids.derived_id(self._command_id, number)

    def _emit(self, one: Prepared, decided: Decided, *, private: bool = True) -> Outcome:
        """Makes the command's records; keeps them and their effect where all are small enough."""
        rows: list[PrivateRow] = []
        if private and has_private_text(one.asked.command):
            decided, rows = seal(one.asked.command, decided, self.position + 1)
        made = [
            self._row(one, stream, event, ahead=ahead)
            for ahead, (stream, event) in enumerate(decided)
        ]
        if made[0].stream != one.command_id or made[0].version != 1:
            made[0] = replace(made[0], command_id=one.command_id)
        for row, (_, event) in zip(made, decided, strict=True):
            self._keep(row, event)
        self.private.extend(rows)
        return Outcome(made)

    def _row(
        self, one: Prepared, stream: str, event: Event, *, ahead: int = 0, of_command: bool = True
    ) -> Row:
        """Raises TooLarge."""
        command, by = one.asked.command, one.asked.by
        position, version = self.position + ahead + 1, self._books.next_version(stream)
        name = type(event).__name__
        record = Record(
            FORMAT,
            self._ledger,
            self._incarnation,
            position,
            stream,
            version,
            name,
            EVENTS[type(event)],
            self._recorded_at_text,
            by.actor,
            command.on_behalf_of,
            by.key_id,
            by.channel,
            self._software_version,
            one.command_id if of_command else None,
            one.digest if of_command else None,
            command.correlation_id,
            None if of_command else one.command_id,
            command.reason if of_command else None,
            event,
        )
        state = encode(record)
        if len(state) > MAX_RECORD_BYTES:
            raise TooLarge(bytes=len(state), limit=MAX_RECORD_BYTES)
        return Row(position, stream, version, name, state, None)

    def _keep(self, row: Row, event: Event) -> None:
        """Takes the record into the commit and folds its event."""
        self.position = row.position
        self.stored.append(row)
        books = self._books
        EVOLVE[type(event)](books, row.stream, event)
        if row.version == 1:
            books.opened.put(row.stream, True)
        if not isinstance(event, _NO_STREAM_VERSION):
            books.streams.put(row.stream, row.version)
