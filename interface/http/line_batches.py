"""A batch in NDJSON: a command a line in, a result a line out, in memory that does not grow.

It is read, sent and answered in chunks; the results wait in a spooled file until the last line has
come. Most clients read nothing before they have sent everything: results sent while they still
send would fill the buffers between, and both sides would wait for each other.
"""

from collections.abc import Callable, Iterator
from tempfile import SpooledTemporaryFile

import msgspec
import psycopg
import structlog

from application.outcomes import Caller, Unanswered
from interface.http.errors import Problem
from interface.http.lines import BodyTooLong, in_blocks, read_lines
from interface.http.messages import NDJSON_MAX_BYTES, READ_BYTES, BodyCut, Environ
from interface.http.parsing import Element
from interface.http.schemas_batch import BATCH_MAX_COMMANDS
from interface.http.units import (
    GROUP_MAX_COMMANDS,
    Chunk,
    Result,
    Submits,
    Unfit,
    load_lines,
    refused,
)

MEMORY_MAX_BYTES = 4 << 20
"""What the results take of memory; more of them go to a file."""

CUT = "The body was cut: it ended too early."

log = structlog.get_logger("interface.http")

_encode_lines = msgspec.json.Encoder().encode_lines


class Results:
    """The results so far; afterwards an answer's body, which deletes what was spooled."""

    def __init__(self) -> None:
        self._spool = SpooledTemporaryFile[bytes](max_size=MEMORY_MAX_BYTES)

    def write(self, results: list[Result]) -> None:
        """Adds a line for each result."""
        self._spool.write(_encode_lines(results))

    def rewind(self) -> int:
        """Goes back to the first line and returns the size in bytes."""
        size = self._spool.tell()
        self._spool.seek(0)
        return size

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self._spool.read(READ_BYTES), b"")

    def close(self) -> None:
        """Deletes the file. Called by whoever sends the answer."""
        self._spool.close()


class LineBatch:
    """Takes the lines of one request. `position`: of the last record of any of its commands.

    `check_key` is called before lines are sent, which may come for hours. It raises Problem."""

    def __init__(
        self, writer: Submits, caller: Caller, *, atomic: bool, check_key: Callable[[], object]
    ) -> None:
        self._writer = writer
        self._check_key = check_key
        self._caller = caller
        self._atomic = atomic
        self._chunk = Chunk(caller, atomic=atomic)
        self._gone: set[int] = set()  # hashes of the groups that were sent
        self._last: Element | Unfit | None = None
        self._failure: Unanswered | None = None
        self._sent = False
        self.position = 0
        self.results = Results()

    def take(self, environ: Environ) -> int:
        """Takes all lines and returns the size of the results. Raises Problem, Unanswered."""
        try:
            for block in in_blocks(read_lines(environ, NDJSON_MAX_BYTES)):
                for command in load_lines(block):
                    self._add(command)
        except BodyTooLong:
            self._add(Unfit(refused("too_large", f"Only {NDJSON_MAX_BYTES:,} bytes were read.")))
        except BodyCut as cut:
            # What is still here may be the first half of a group.
            if not self._sent:
                raise Problem("malformed", f"{CUT} Nothing was written.") from cut
            self._failure = self._failure or Unanswered("malformed", CUT)
        self._send()
        return self.results.rewind()

    def _add(self, command: Element | Unfit) -> None:
        if self._atomic and len(self._chunk) == GROUP_MAX_COMMANDS:
            raise Problem(
                "too_large",
                f"An atomic batch has up to {GROUP_MAX_COMMANDS:,} commands.",
                facts={"limit": GROUP_MAX_COMMANDS},
            )
        if len(self._chunk) >= BATCH_MAX_COMMANDS and not self._goes_on(command):
            self._send()
        if command.group is not None and hash(command.group) in self._gone:
            wrong = f"Its lines lie more than {BATCH_MAX_COMMANDS:,} lines apart."
            detail = "The group was sent before this line was read."
            command = Unfit(refused("invalid_request", detail, errors={"group": [wrong]}))
        self._chunk.add(command)
        self._last = command

    def _goes_on(self, command: Element | Unfit) -> bool:
        """True for a command of the group that the last one was of, which must go with it."""
        if command.group is None or self._last is None or command.group != self._last.group:
            return False
        return self._chunk.group_size(command.group) <= GROUP_MAX_COMMANDS

    def _send(self) -> None:
        if not len(self._chunk):
            return
        self.results.write(self._answered())
        self.position = max(self.position, self._chunk.position)
        self._gone.update(map(hash, self._chunk.groups()))
        self._chunk = Chunk(self._caller, atomic=self._atomic)

    def _answered(self) -> list[Result]:
        """What was written stays written: only a first chunk can fail as the whole request."""
        if self._failure is None:
            try:
                self._check_key()
                results = self._chunk.send(self._writer)
            except Unanswered as unanswered:
                if not self._sent:
                    raise
                self._failure = unanswered
            except Problem as problem:
                if not self._sent:
                    raise
                self._failure = Unanswered(problem.code, problem.detail)
            except psycopg.OperationalError as error:
                if not self._sent:
                    raise
                log.warning("key_not_checked", error=str(error))
                self._failure = Unanswered("unavailable", "The database does not answer now.")
            else:
                self._sent = True
                return results
        return self._chunk.unanswered(self._failure)
