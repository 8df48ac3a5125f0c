"""The intake of an import: commands in, in order, to a ledger's Writer; what was refused, out.

The next commands are read while the writer commits the ones before. Memory does not grow with the
file: at most MAX_IN_FLIGHT chunks wait.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from time import monotonic
from types import TracebackType
from typing import Any, NamedTuple, Self

import structlog

from application.decisions import IdempotencyConflict
from application.outcomes import Caller, Outcome, Prepared, Unanswered
from application.queue import MAX_COMMIT_COMMANDS
from application.writer import Writer
from interface.http.parsing import Element
from interface.http.units import GROUP_MAX_COMMANDS, Chunk, Done, Result, Unfit, refused
from interface.importing.ndjson import Occurrences

CHUNK_COMMANDS = 5 * MAX_COMMIT_COMMANDS
"""Several commits: while one is being stored, the writer decides the next of the same chunk."""

MAX_IN_FLIGHT = 2
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.5
PASSING = frozenset({"busy", "unavailable", "outcome_unknown"})
"""What a later try with the same keys may well get over."""

log = structlog.get_logger(__name__)


class Origin(NamedTuple):
    """Where a command came from: its line, and the id of its journal or its key."""

    line: int
    id: str | None


class PatientWriter:
    """A writer that is asked again while what keeps it may pass."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._given_up = threading.Event()

    def prepare(self, chunk: Chunk) -> list[list[Prepared]]:
        """Works out what can be before the chunk is submitted."""
        return self._writer.prepare(chunk.units())

    def submit(self, prepared: Future[list[list[Prepared]]]) -> list[Outcome]:
        """Returns the outcomes. Raises Unanswered after PATIENCE_SECONDS."""
        units = prepared.result()
        deadline = monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self._writer.submit_prepared(units)
            except Unanswered as unanswered:
                if unanswered.code not in PASSING or monotonic() > deadline:
                    raise
                log.warning("import_waits", code=unanswered.code, detail=str(unanswered))
                if self._given_up.wait(PAUSE_SECONDS):
                    raise

    def give_up(self) -> None:
        """Waits no longer."""
        self._given_up.set()


class Intake:
    """Sends commands in the order in which they are added; a context manager, finished at its end.

    Commands of one group stand or fall together. They must follow one another: what comes back
    later is refused.
    `refuse` hears of each refusal, in order, in the caller's thread; `groups` counts them.
    `are_there`: says which commands are there already though their keys were used for others.
    """

    def __init__(
        self,
        writer: Writer,
        caller: Caller,
        *,
        groups: Occurrences,
        refuse: Callable[[Origin, dict[str, Any]], None],
        are_there: Callable[[Sequence[Element]], list[bool]] | None = None,
    ) -> None:
        self._writer = PatientWriter(writer)
        self._caller = caller
        self._refuse = refuse
        self._are_there = are_there
        self._chunk = Chunk(caller, atomic=False)
        self._origins: list[Origin] = []
        self._last_group: str | None = None
        self._groups = groups
        self._ended = False
        self._sending: deque[tuple[Future[list[Outcome]], Chunk, list[Origin]]] = deque()
        # The next chunk is prepared while one is being committed: the writer need not wait for it.
        self._preparer = ThreadPoolExecutor(1, thread_name_prefix="import-preparer")
        # One thread: what was added first must be submitted first.
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="import")
        self.done = self.replayed = self.position = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exception_type is not None:
            self._abandon()
            return
        try:
            self.finish()
        except BaseException:  # Ctrl-C, most of all: what has been read waits here for its answers
            self._abandon()
            raise

    def add(self, origin: Origin, command: Element | Unfit) -> None:
        """Takes one more command. Raises Unanswered."""
        group = command.group
        goes_on = group is not None and group == self._last_group
        if group is not None and not goes_on:
            digest = sha256(group.encode()).digest()
            self._ended = self._groups.count(digest) > 1
        if group is not None and self._ended:
            detail = f"The group {group} ended before; its lines must follow one another."
            command = Unfit(refused("invalid_request", detail))
        elif len(self._chunk) >= CHUNK_COMMANDS and not (goes_on and self._has_room(group)):
            self._send()
        self._chunk.add(command)
        self._origins.append(origin)
        self._last_group = group

    def add_all(self, lines: Sequence[int], commands: Sequence[Element]) -> None:
        """Takes the commands of so many lines. Raises Unanswered."""
        origins = map(Origin, lines, [command.key for command in commands])
        if any(command.group is not None for command in commands):
            for origin, command in zip(origins, commands, strict=True):
                self.add(origin, command)
            return
        if len(self._chunk) >= CHUNK_COMMANDS:
            self._send()
        self._chunk.add_all(commands)
        self._origins.extend(origins)
        self._last_group = None

    def _has_room(self, group: str | None) -> bool:
        # A group that is too large is refused anyway: it need not all be held in memory.
        return group is not None and self._chunk.group_size(group) <= GROUP_MAX_COMMANDS

    def finish(self) -> None:
        """Sends what is left and takes all answers. Raises Unanswered."""
        self._send()
        while self._sending:
            self._take_answers()
        self._preparer.shutdown()
        self._sender.shutdown()

    def _abandon(self) -> None:
        # What is being committed is not waited for: it is there or not, and can be sent again.
        self._writer.give_up()
        self._preparer.shutdown(wait=False, cancel_futures=True)
        self._sender.shutdown(wait=False, cancel_futures=True)

    def _send(self) -> None:
        if not len(self._chunk):
            return
        while len(self._sending) >= MAX_IN_FLIGHT:
            self._take_answers()
        chunk, origins = self._chunk, self._origins
        prepared = self._preparer.submit(self._writer.prepare, chunk)
        self._sending.append((self._sender.submit(self._writer.submit, prepared), chunk, origins))
        self._chunk, self._origins = Chunk(self._caller, atomic=False), []

    def _there(self, chunk: Chunk, results: Sequence[Result]) -> set[int]:
        """Returns the places of commands that are there already, from another file."""
        if self._are_there is None:
            return set()
        places = [
            place
            for place, result in enumerate(results)
            if not isinstance(result, Done) and result["code"] == IdempotencyConflict.code
        ]
        said = self._are_there(chunk.commands(places)) if places else []
        return {place for place, is_there in zip(places, said, strict=True) if is_there}

    def _take_answers(self) -> None:
        future, chunk, origins = self._sending.popleft()
        results = chunk.results(future.result())
        there = self._there(chunk, results)
        for place, (origin, result) in enumerate(zip(origins, results, strict=True)):
            if place in there:
                self.replayed += 1
            elif not isinstance(result, Done):
                self._refuse(origin, result)
            elif result.status == "done":
                self.done += 1
            else:
                self.replayed += 1
        self.position = max(self.position, chunk.position)
