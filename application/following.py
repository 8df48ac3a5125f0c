"""A commit that is decided while the one before it is still being written.

PostgreSQL stores a big commit while Python decides the next: two processors instead of one after
the other. What makes it sound:

- What is decided ahead is decided on what the commit before leaves, and all that it looks at is in
  memory: plain commands say themselves where it is not (application/plain_commands.py), others are
  decided ahead only if nothing has to be read for any command of the commit. Groups, judgements and
  who would have to look for holds that are due wait for the lock, with all that comes after them.
- The look-up of what was done already needs no lock: the commit before holds it, so that whatever
  was committed earlier can be seen, and what that commit does itself is known here. Where either
  has any of the ids, nothing is decided ahead.
- It has its moment (recorded_at) before it has the lock, and still later than the commit before:
  it is counted from that one's, and the head must be what that one left, so nobody's is between.
  All of its commands had come by then. Expiry, today and the days of limits are judged at that
  moment, which is in the record, and not at the one when the lock is had, which is nowhere.
- Nothing is sent before the lock is had and the head is what the commit before has left. Where it
  is not (that commit failed, another writer came between), the cache is dropped and the commands
  are decided anew: nothing of what was decided ahead was seen by anybody.
"""

from collections.abc import Sequence
from datetime import UTC
from time import perf_counter
from uuid import UUID

from application.commit import Commit, continues
from application.metrics import COMMIT_STEPS
from application.needs import Needs
from application.outcomes import Outcome, Prepared
from application.records import FORMAT
from application.repeats import begin, find_done


class Overtaken(Exception):
    """The head is not what the commit before has left, or was told to stop since."""


class Following(Commit):
    """A commit on top of one that holds the lock, on a connection of its own."""

    _left: tuple[int, UUID]
    """What the commit before leaves as the head. Not that commit itself: it would hold the one
    before it, and so on, with all their records, for as long as commits follow one another."""

    _ahead: list[list[Outcome]]

    def decide_ahead(self, previous: Commit, units: Sequence[Sequence[Prepared]]) -> None:
        """Decides the commands that come first, on what `previous` leaves.

        Requires that `previous` holds the lock and has closed its books. Raises psycopg.Error,
        Unanswered.
        """
        started = perf_counter()
        self._left = previous.mark
        self._ahead = []
        prepared = [one for unit in units for one in unit]
        self._command_ids = [one.command_id for one in prepared]
        self._continues = continues(prepared)
        self._begin(previous.position, previous.recorded_at.astimezone(UTC), previous.incarnation)
        self._needs = self._needed(prepared)
        needs = self._needs
        self.decisions.reserve(asked_for=needs.entries, wished_for=needs.new_ids)
        if not self._is_new(previous):
            return
        is_there = needs.are_met(knows_exchange=self._cache.rows.knows_exchange)
        self._due_holds.is_locked = False
        for unit in units:
            outcomes = self.decisions.decide_ahead(unit, all_in_memory=is_there)
            if outcomes is None:
                break
            self._ahead.append(outcomes)
        COMMIT_STEPS["decide"].observe(perf_counter() - started)

    def decide_behind(self, units: Sequence[Sequence[Prepared]]) -> list[list[Outcome]]:
        """Takes the lock and decides the rest. Requires that the commit before stands.

        Raises Overtaken, psycopg.Error, what `decide_all` raises.
        """
        started = perf_counter()
        # What was decided ahead is known to be new already.
        head, found = begin(
            self.connection,
            lock=self._recorder.lock_head,
            rows=self._cache.rows,
            command_ids=[] if self._ahead else self._command_ids,
            new_ids=[] if self._ahead else self._needs.new_ids,
        )
        COMMIT_STEPS["lock"].observe(perf_counter() - started)
        is_as_left = (head.position, head.commit_id) == self._left
        if not is_as_left or head.halted is not None or head.format > FORMAT:
            raise Overtaken
        self._due_holds.is_locked = True
        self._read(self._needs, found, self._command_ids)
        rest = units[len(self._ahead) :]
        return [*self._ahead, *(self.decide_all(rest) if rest else [])]

    def _is_new(self, previous: Commit) -> bool:
        """True where none of the ids is on record or being recorded by the commit before."""
        ids = {*self._command_ids, *self._needs.new_ids}
        if not (ids.isdisjoint(previous.known_ids) and ids.isdisjoint(previous.opened)):
            return False
        return not self._find_done()

    def _find_done(self) -> list[tuple[int, str]]:
        return find_done(
            self.connection,
            rows=self._cache.rows,
            command_ids=self._command_ids,
            new_ids=self._needs.new_ids,
        )

    def _needed(self, prepared: Sequence[Prepared]) -> Needs:
        needs = Needs(self._books)
        for one in prepared:
            needs.of(one.asked.command)
        return needs
