"""Bundles: a ledger's evidence as files, as docs/evidence-format.md describes them.

A bundle is a directory. Its `log` is the transparency log as static files, which any web server can
serve to C2SP clients. A file appears under its name only when it is whole, and never changes then:
an export that was interrupted goes on where it stopped.
"""

import gzip
import hashlib
import zlib
from base64 import b64encode
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from application.transparency.tiles import number_path, tile_width
from domain.catalogue import EVENTS
from interface.evidence.comparison import full_state_of
from interface.evidence.divergence import Divergence
from interface.evidence.fold import Fold
from interface.evidence.live import LiveSource
from interface.evidence.replay import Until, replay
from interface.evidence.texts import Text

STATE = "state.json"
STATES = "states"
FORMAT = "backoffice-bundle/1"
RECORDS_A_FILE = 65_536
RECORDS_A_PIECE = 2_048
"""Are in memory at a time, and as many in PostgreSQL's."""
TILES_A_READ = 64
LEVEL = 1
"""Of compression: what the disk saves beyond it costs more time than it is worth."""
GZIP = 31
"""zlib's window bits for the gzip format, which then has no time in its header: the same records
give the same file."""

# Joined there: a row a record costs more than all else.
_LINES = (
    "SELECT count(*) AS n, string_agg(state, '\\x0a'::bytea ORDER BY notification_id) AS lines"
    " FROM events WHERE notification_id > %s AND notification_id <= %s"
)

_encode = msgspec.json.Encoder().encode
Advance = Callable[[int], None]


class Unexportable(Exception):
    """The ledger can't be exported so; the message says why."""


class Export:
    """One export: all records up to the last checkpoint, or a part of them with the whole tree.

    `with_texts`: with the private texts, which may hold personal data. `with_state`: with what the
    records come to at the last position, at the end of each file and at `state_at`, for software
    that comes later to be held against.
    """

    def __init__(
        self,
        connection: Connection[DictRow],
        directory: Path,
        *,
        ledger: str,
        software_version: str,
        with_texts: bool,
        with_state: bool = False,
        state_at: Collection[int] = (),
        first: int = 1,
        last: int | None = None,
    ) -> None:
        self._connection = connection
        self._directory = directory
        self._ledger = ledger
        self._software_version = software_version
        self._with_texts = with_texts
        self._source = LiveSource(connection)
        row = connection.execute(
            "SELECT size, note FROM checkpoints WHERE incarnation = %s ORDER BY size DESC LIMIT 1",
            [self._source.incarnation],
        ).fetchone()
        if row is None:
            raise Unexportable("Nothing of this ledger was signed yet; is a worker running?")
        self.first = first
        newest: tuple[int, str] = (row["size"], row["note"])
        self._size, self._note = self._begun() or newest
        opened = self._opened_at()
        if self._size < opened:
            raise Unexportable(
                f"The log goes on since position {opened} and is signed to {self._size} so far;"
                " is a worker running?"
            )
        self.last = min(last or self._size, self._size)
        if not 1 <= self.first <= self.last:
            raise Unexportable(f"The log is signed from position 1 to {self._size}.")
        if not all(1 <= position <= self.last for position in state_at):
            raise Unexportable(f"States are of positions from 1 to {self.last}.")
        ends = {end for _, end in self._stretches()}
        self._states = {*state_at, *ends} if with_state or state_at else set()

    def write(self, advance: Advance) -> dict[str, Any]:
        """Writes what is missing and returns the manifest. `advance` hears the last position."""
        self._keep("log/checkpoint", self._note.encode())
        self._write_records(advance)
        self._write_tiles()
        if self._states:
            self._write_states()
        for event, version in EVENTS.items():
            schema = _encode(msgspec.json.schema(event))
            self._keep(f"schemas/{event.__name__}.v{version}.json", schema)
        readme = files("interface.evidence").joinpath("bundle_readme.md").read_bytes()
        self._keep("README.md", readme)
        manifest = self._manifest()
        self._keep("manifest.json", msgspec.json.format(_encode(manifest), indent=1))
        return manifest

    def _opened_at(self) -> int:
        """The position of the record that began this incarnation."""
        row = self._connection.execute(
            "SELECT coalesce(max(notification_id), 1) AS position FROM events"
            " WHERE topic = 'LedgerContinued' AND originator_id ="
            " (SELECT convert_from(document, 'UTF8')::json ->> 'stream' FROM ledger)::uuid"
        ).fetchone()
        assert row is not None
        position: int = row["position"]
        return position

    def _begun(self) -> tuple[int, str] | None:
        """The checkpoint of an export that was interrupted: it goes on with that one."""
        file = self._directory / "log/checkpoint"
        if not file.exists():
            if self._directory.exists() and any(self._directory.iterdir()):
                raise Unexportable(f"{self._directory} holds something else.")
            return None
        note = file.read_text()
        size = int(note.split("\n")[1])
        row = self._connection.execute(
            "SELECT note FROM checkpoints WHERE incarnation = %s AND size = %s",
            [self._source.incarnation, size],
        ).fetchone()
        if row is None or row["note"] != note:
            raise Unexportable(f"{self._directory} was exported from another ledger.")
        return size, note

    def _write_records(self, advance: Advance) -> None:
        """Compresses in another thread while PostgreSQL is read in this one."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            for start, end in self._stretches():
                name = f"{start:012d}.ndjson.gz"
                if not (self._directory / "records" / name).exists():
                    self._compress(f"records/{name}", self._records(start, end, advance), pool)
                if self._with_texts and not (self._directory / "texts" / name).exists():
                    self._compress(f"texts/{name}", self._texts(start, end), pool)
                advance(end)

    def _stretches(self) -> Iterator[tuple[int, int]]:
        start = self.first
        while start <= self.last:
            end = min(self.last, (start - 1) // RECORDS_A_FILE * RECORDS_A_FILE + RECORDS_A_FILE)
            yield start, end
            start = end + 1

    def _records(self, start: int, end: int, advance: Advance) -> Iterator[bytes]:
        for first, last in _pieces(start, end):
            row = self._connection.execute(
                _LINES, [first - 1, last], prepare=True, binary=True
            ).fetchone()
            assert row is not None
            if row["n"] != last - first + 1:
                raise Divergence("the log has a gap", position=first)
            yield row["lines"] + b"\n"
            advance(last)

    def _texts(self, start: int, end: int) -> Iterator[bytes]:
        for first, last in _pieces(start, end):
            texts = sorted(self._source.texts(first - 1, last).items())
            yield b"".join([_text_line(position, text) for position, text in texts])

    def _compress(self, name: str, pieces: Iterable[bytes], pool: ThreadPoolExecutor) -> None:
        compressor = zlib.compressobj(LEVEL, wbits=GZIP)
        with self._kept(name) as opened:
            waiting: Future[int] | None = None
            for piece in pieces:
                if waiting is not None:
                    waiting.result()
                waiting = pool.submit(lambda lines: opened.write(compressor.compress(lines)), piece)
            if waiting is not None:
                waiting.result()
            opened.write(compressor.flush())

    def _write_tiles(self) -> None:
        level = 0
        while count := -(-(self._size >> (8 * level)) // 256):
            for start in range(0, count, TILES_A_READ):
                wanted = [(level, number) for number in range(start, min(count, start + 64))]
                stored = self._source.tiles(wanted)
                for at in wanted:
                    width = tile_width(at, self._size)
                    name = f"log/tile/{level}/{number_path(at[1])}"
                    if width < 256:
                        name += f".p/{width}"
                    self._keep(name, stored[at][: 32 * width])
            level += 1

    def _write_states(self) -> None:
        """What all records up to the last one come to, and up to some before. Raises Divergence."""
        fold = Fold(self._ledger)
        for record in replay(fold, self._source.records(0, self.last), Until(None)):
            if record.position in self._states and record.position < self.last:
                state = gzip.compress(_encode(full_state_of(fold)), LEVEL, mtime=0)
                self._keep(f"{STATES}/{record.position:012d}.json.gz", state)
        self._keep(STATE, msgspec.json.format(_encode(full_state_of(fold)), indent=1))

    def _manifest(self) -> dict[str, Any]:
        row = self._connection.execute("SELECT document FROM ledger").fetchone()
        assert row is not None
        document = msgspec.json.decode(row["document"])
        return {
            "format": FORMAT,
            "ledger": self._ledger,
            "incarnation": self._source.incarnation,
            "origin": document.get("origin"),
            "verifier_keys": [
                *document.get("verifier_keys", []),
                *document.get("retired_keys", []),
            ],
            "size": self._size,
            "first": self.first,
            "last": self.last,
            "texts": self._with_texts,
            "texts_withheld_through": self._source.withheld_through,
            "software_version": self._software_version,
            "files": {
                name: hashlib.sha256((self._directory / name).read_bytes()).hexdigest()
                for name in sorted(
                    str(path.relative_to(self._directory))
                    for pattern in ("records/*.gz", "texts/*.gz", f"{STATES}/*.gz", STATE)
                    for path in self._directory.glob(pattern)
                )
            },
        }

    def _keep(self, name: str, content: bytes) -> None:
        if not (self._directory / name).exists():
            with self._kept(name) as opened:
                opened.write(content)

    @contextmanager
    def _kept(self, name: str) -> Iterator[BinaryIO]:
        """Gives a file that gets its name when all is written."""
        file = self._directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}.part")
        with part.open("wb") as opened:
            yield opened
        part.replace(file)


def _pieces(start: int, end: int) -> Iterator[tuple[int, int]]:
    for first in range(start, end + 1, RECORDS_A_PIECE):
        yield first, min(end, first + RECORDS_A_PIECE - 1)


def _text_line(position: int, text: Text) -> bytes:
    said = {"position": position, "salt": text.salt.hex(), "body": b64encode(text.body).decode()}
    return _encode(said) + b"\n"
