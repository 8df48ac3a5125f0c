"""Bundles: a ledger's evidence as files, as docs/evidence-format.md describes them.

A bundle is a directory. Its `log` is the transparency log as static files, which any web server can
serve to C2SP clients. A file appears under its name only when it is whole, and never changes then:
an export that was interrupted goes on where it stopped.
"""

import gzip
import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any

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

STATE = "state.json"
FORMAT = "backoffice-bundle/1"
RECORDS_A_FILE = 65_536
TILES_A_READ = 64
LEVEL = 1
"""Of compression: what the disk saves beyond it costs more time than it is worth."""

_encode = msgspec.json.Encoder().encode
Advance = Callable[[int], None]


class Unexportable(Exception):
    """The ledger can't be exported so; the message says why."""


class Export:
    """One export: all records up to the last checkpoint, or a part of them with the whole tree.

    `with_texts`: with the private texts, which may hold personal data. `with_state`: with what the
    records come to, for software that comes later to be held against.
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
        first: int = 1,
        last: int | None = None,
    ) -> None:
        self._connection = connection
        self._directory = directory
        self._ledger = ledger
        self._software_version = software_version
        self._with_texts = with_texts
        self._with_state = with_state
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
        self.last = min(last or self._size, self._size)
        if not 1 <= self.first <= self.last:
            raise Unexportable(f"The log is signed from position 1 to {self._size}.")

    def write(self, advance: Advance) -> dict[str, Any]:
        """Writes what is missing and returns the manifest. `advance` hears the last position."""
        self._keep("log/checkpoint", self._note.encode())
        self._write_records(advance)
        self._write_tiles()
        if self._with_state:
            self._write_state()
        for event, version in EVENTS.items():
            schema = _encode(msgspec.json.schema(event))
            self._keep(f"schemas/{event.__name__}.v{version}.json", schema)
        readme = files("interface.evidence").joinpath("bundle_readme.md").read_bytes()
        self._keep("README.md", readme)
        manifest = self._manifest()
        self._keep("manifest.json", msgspec.json.format(_encode(manifest), indent=1))
        return manifest

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
        """Compresses in other threads while PostgreSQL is read in this one."""
        with ThreadPoolExecutor(max_workers=2) as pool:
            waiting: list[tuple[int, Future[None]]] = []
            for start, end in self._stretches():
                name = f"records/{start:012d}.ndjson.gz"
                texts = f"texts/{start:012d}.ndjson.gz"
                if not (self._directory / name).exists():
                    records = self._records(start, end)
                    waiting.append((end, pool.submit(self._compress, name, records)))
                if self._with_texts and not (self._directory / texts).exists():
                    lines = self._texts(start, end)
                    waiting.append((end, pool.submit(self._compress, texts, lines)))
                while len(waiting) > 3:
                    _finish(waiting, advance)
            while waiting:
                _finish(waiting, advance)

    def _stretches(self) -> Iterator[tuple[int, int]]:
        start = self.first
        while start <= self.last:
            end = min(self.last, (start - 1) // RECORDS_A_FILE * RECORDS_A_FILE + RECORDS_A_FILE)
            yield start, end
            start = end + 1

    def _records(self, start: int, end: int) -> list[bytes]:
        found = []
        for batch in self._source.records(start - 1, end):
            found += [one.state for one in batch]
        if len(found) != end - start + 1:
            raise Divergence("the log has a gap", position=start)
        return found

    def _texts(self, start: int, end: int) -> list[bytes]:
        return [
            _encode(
                {
                    "position": position,
                    "salt": text.salt.hex(),
                    "body": b64encode(text.body).decode(),
                }
            )
            for position, text in sorted(self._source.texts(start - 1, end).items())
        ]

    def _compress(self, name: str, lines: Sequence[bytes]) -> None:
        # No time in the header: the same records give the same file.
        self._keep(name, gzip.compress(b"".join([line + b"\n" for line in lines]), LEVEL, mtime=0))

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

    def _write_state(self) -> None:
        """What all records up to the last one come to. Raises Divergence."""
        fold = Fold(self._ledger)
        for _ in replay(fold, self._source.records(0, self.last), Until(None)):
            pass
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
                    for pattern in ("records/*.gz", "texts/*.gz", STATE)
                    for path in self._directory.glob(pattern)
                )
            },
        }

    def _keep(self, name: str, content: bytes) -> None:
        file = self._directory / name
        if file.exists():
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}.part")
        with part.open("wb") as opened:
            opened.write(content)
        part.replace(file)


def _finish(waiting: list[tuple[int, Future[None]]], advance: Advance) -> None:
    end, future = waiting.pop(0)
    future.result()
    advance(end)
