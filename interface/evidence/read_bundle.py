"""A bundle verified: the same checks as on a live ledger, on what was exported."""

import gzip
import re
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from io import BufferedReader, BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from application.transparency.notes import (
    BadNote,
    Checkpoint,
    check_signed,
    parse_checkpoint,
    parse_note,
    parse_verifier_key,
)
from application.transparency.tiles import TileAt, number_path, tile_width
from application.transparency.tree import HASH_BYTES
from interface.evidence.bundle import FORMAT
from interface.evidence.divergence import UNREADABLE, Divergence
from interface.evidence.fold import Fold
from interface.evidence.holds import Reference
from interface.evidence.shapes import Envelope
from interface.evidence.signed import RECORD_MAX_BYTES, SignedTree, Signers
from interface.evidence.texts import Text
from interface.evidence.verification import BATCH, Listener, Stored, Verification

Advance = Callable[[int], None]

_FILE_NAME = re.compile(
    r"(records|texts)/[0-9]{12}\.ndjson\.gz|states/[0-9]{12}\.json\.gz|state\.json"
)
UNPACKED_BYTES = 1 << 20
"""Of a file of records are unpacked at a time."""


class Manifest(Struct):
    """What a bundle says of itself."""

    format: str
    ledger: str
    incarnation: int
    origin: str
    verifier_keys: list[str]
    size: int
    first: int
    last: int
    texts: bool
    files: dict[str, str]
    texts_withheld_through: int = 0


class _TextLine(Struct):
    position: int
    salt: str
    body: str


_decode_text = msgspec.json.Decoder(_TextLine).decode


class Bundle:
    """Reads a bundle. Raises Divergence where it is none, or its own checkpoint is not signed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        try:
            self.manifest = msgspec.json.decode(self._read("manifest.json"), type=Manifest)
            for name in self.manifest.files:
                if _FILE_NAME.fullmatch(name) is None:
                    raise Divergence(f"the manifest names {name!r}, which is no file of a bundle")
            self.keys = [parse_verifier_key(key) for key in self.manifest.verifier_keys]
            self.note = self._read("log/checkpoint").decode()
            check_signed(parse_note(self.note.encode()), self.keys)
            self.checkpoint = parse_checkpoint(parse_note(self.note.encode()).text)
        except (BadNote, *UNREADABLE) as error:
            raise Divergence(f"this is no bundle: {error}") from error
        if self.manifest.format != FORMAT:
            raise Divergence(f"the bundle has the format {self.manifest.format}")
        stated = (self.manifest.origin, self.manifest.size)
        if (self.checkpoint.origin, self.checkpoint.size) != stated:
            raise Divergence("the manifest states another log or size than the checkpoint")
        self.signers = Signers(self.manifest.origin, self.keys)
        self._texts: dict[int, Text] = {}
        self._texts_to = 0

    def records(self) -> Iterator[list[Stored]]:
        """Yields the records in batches. Raises Divergence where a file was changed."""
        for name in sorted(name for name in self.manifest.files if name.startswith("records/")):
            lines = _unpacked(name, self._verified(name))
            while batch := [Stored(line) for line in islice(lines, BATCH)]:
                yield batch

    def states(self) -> dict[int, str]:
        """Returns the positions at which the exporting software states what it came to, and the
        names of the files; none where it was not asked to."""
        names = {
            int(Path(name).name.partition(".")[0]): name
            for name in self.manifest.files
            if name.startswith("states/")
        }
        if "state.json" in self.manifest.files:
            names[self.manifest.last] = "state.json"
        return dict(sorted(names.items()))

    def require(self, name: str) -> None:
        """Requires that a file is the one that the manifest names. Raises Divergence."""
        self._verified(name)

    def state(self, name: str) -> dict[str, Any]:
        """Returns one of them. Raises Divergence where the file was changed."""
        raw = self._verified(name)
        try:
            found = msgspec.json.decode(
                _decompressed(name, raw) if name.endswith(".gz") else raw, type=dict[str, Any]
            )
        except UNREADABLE as error:
            raise Divergence(f"{name} can't be read: {error}") from error
        return found

    def tiles(self, wanted: Sequence[TileAt]) -> Mapping[TileAt, bytes]:
        """Returns the tiles of these that there are."""
        found = {}
        for at in wanted:
            width = tile_width(at, self.manifest.size)
            name = f"log/tile/{at[0]}/{number_path(at[1])}" + (
                "" if width == 256 else f".p/{width}"
            )
            if (self.directory / name).exists():
                found[at] = self._read(name)
                if len(found[at]) != width * HASH_BYTES:
                    raise Divergence(f"{name} has {len(found[at])} bytes")
        return found

    def notes(self, after: int, to: int) -> Mapping[int, str]:
        """Returns the bundle's checkpoint where its size is asked for."""
        return {self.checkpoint.size: self.note} if after < self.checkpoint.size <= to else {}

    def texts(self, after: int, to: int) -> dict[int, Text] | None:
        """Returns the texts of these positions; None where the bundle has none."""
        if not self.manifest.texts:
            return None
        while self._texts_to < to:
            self._texts_to = self._read_texts(self._texts_to + 1)
        found = {at: text for at, text in self._texts.items() if after < at <= to}
        for at in found:
            del self._texts[at]
        return found

    def standing_text(self, stream: str, before: int) -> int | None:  # noqa: ARG002 -- a TextSource's
        """Streams are not looked up in a bundle; it may have been written before the erasure."""
        return None

    def take(self, record: Envelope, fold: Fold) -> None:
        """A bundle has no rows."""

    def compare(self, position: int) -> None:
        """A bundle has no rows."""

    def check_references(self, wanted: Sequence[Reference]) -> None:
        """A bundle has no rows."""

    def _read_texts(self, first: int) -> int:
        """Reads the file that begins with a position; returns where the next one begins."""
        names = sorted(name for name in self.manifest.files if name.startswith("texts/"))
        starts = [int(Path(name).name.partition(".")[0]) for name in names]
        if first not in starts:
            raise Divergence("the texts of a stretch are missing", position=first)
        number = starts.index(first)
        last = starts[number + 1] - 1 if number + 1 < len(starts) else self.manifest.last
        before = first - 1
        try:
            for line in self._lines(names[number]):
                text = _decode_text(line)
                if not before < text.position <= last:
                    raise Divergence("a text that belongs to no record", position=text.position)
                before = text.position
                body = b64decode(text.body, validate=True)
                self._texts[before] = Text(bytes.fromhex(text.salt), body)
        except UNREADABLE as error:
            raise Divergence(f"{names[number]} can't be read: {error}") from error
        return last

    def _lines(self, name: str) -> list[bytes]:
        return _decompressed(name, self._verified(name)).splitlines()

    def _verified(self, name: str) -> bytes:
        raw = self._read(name)
        if sha256(raw).hexdigest() != self.manifest.files[name]:
            raise Divergence(f"{name} is not the file that the manifest names")
        return raw

    def _read(self, name: str) -> bytes:
        try:
            return (self.directory / name).read_bytes()
        except OSError as error:
            raise Divergence(f"{name} can't be read: {error}") from error


def _unpacked(name: str, raw: bytes) -> Iterator[bytes]:
    """Yields the lines of a file; all of them at once would take many times its size."""
    try:
        with gzip.open(BytesIO(raw)) as unpacked:
            lines = BufferedReader(unpacked, UNPACKED_BYTES)
            # Of what is no record, and never ends, not all.
            for line in iter(partial(lines.readline, 2 * RECORD_MAX_BYTES), b""):
                yield line.removesuffix(b"\n")
    except (OSError, EOFError, zlib.error) as error:
        raise Divergence(f"{name} can't be read: {error}") from error


def _decompressed(name: str, raw: bytes) -> bytes:
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise Divergence(f"{name} can't be read: {error}") from error


def verify_bundle(
    directory: Path,
    *,
    against: Checkpoint | None,
    advance: Advance,
    listener: Listener | None = None,
) -> Verification:
    """Verifies a bundle of all records from the first one on. Raises Divergence."""
    bundle = Bundle(directory)
    verification = begin(bundle, against=against, listener=listener)
    for batch in bundle.records():
        verification.take(batch)
        advance(verification.size)
    end(verification, bundle)
    return verification


def verify_signed_bundle(
    directory: Path, *, against: Checkpoint | None, advance: Advance
) -> SignedTree:
    """Verifies leaves, tiles, root and signature of a whole bundle, and nothing else. Raises
    Divergence."""
    bundle = Bundle(directory)
    _require_all(bundle)
    size = bundle.manifest.size
    tree = SignedTree(bundle, signed_size=size, against=against)
    for batch in bundle.records():
        tree.take([one.state for one in batch])
        advance(tree.size)
    tree.end()
    return tree


def begin(
    bundle: Bundle, *, against: Checkpoint | None, listener: Listener | None = None
) -> Verification:
    """Returns the verification of a bundle, before its first record. Raises Divergence."""
    _require_all(bundle)
    verification = Verification(
        bundle,
        ledger=bundle.manifest.ledger,
        signed_size=bundle.manifest.size,
        against=against,
        listener=listener,
    )
    verification.withhold(bundle.manifest.texts_withheld_through)
    return verification


def _require_all(bundle: Bundle) -> None:
    if (bundle.manifest.first, bundle.manifest.last) != (1, bundle.manifest.size):
        raise Divergence("the bundle has a part of the records; only a whole one can be folded")


def end(verification: Verification, bundle: Bundle) -> None:
    """Ends it, after the last record. Raises Divergence."""
    verification.end()
    verification.check_withheld(copied_at=bundle.manifest.size)
    for name in bundle.states().values():
        bundle.require(name)
    if verification.fold.incarnation != bundle.manifest.incarnation:
        raise Divergence("the manifest states another incarnation than the records")
