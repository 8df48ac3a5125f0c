"""Checkpoints brought to places outside, where a rewritten log would be held against them.

A place is a directory (a file for each size), a file (a checkpoint after another) or an http(s)
address (a POST of the note). Nothing that lies there is ever overwritten.
"""

import os
import urllib.error
import urllib.request
from pathlib import Path

from application.transparency.notes import BadNote, parse_checkpoint, parse_note

TIMEOUT_SECONDS = 10
ANOTHER = "Another checkpoint of size {size} lies there already: {place}. Compare the two."


class PushFailed(Exception):
    """The checkpoint could not be left there; the message says why."""


class Contradicted(PushFailed):
    """Another checkpoint of the same log and size lies there: two histories were signed."""


def push(note: str, target: str) -> None:
    """Leaves a checkpoint at a place. Raises PushFailed, also where what lies there contradicts."""
    if target.startswith(("http://", "https://")):
        _post(note, target)
        return
    place = Path(target)
    try:
        if place.is_dir():
            _leave(note, place)
        else:
            _append(note, place)
    except OSError as error:
        raise PushFailed(f"{target}: {error}") from error


def _leave(note: str, directory: Path) -> None:
    head = parse_checkpoint(parse_note(note.encode()).text)
    file = directory / f"{head.size:012d}.checkpoint"
    try:
        with file.open("x") as opened:
            opened.write(note)
            opened.flush()
            os.fsync(opened.fileno())
    except FileExistsError as error:
        _check_same(note, file.read_bytes(), str(file), error)


def _append(note: str, file: Path) -> None:
    """The same checkpoint a second time changes nothing."""
    known = file.read_text() if file.exists() else ""
    if note in known:
        return
    head = parse_checkpoint(parse_note(note.encode()).text)
    for other in known.split(f"{head.origin}\n{head.size}\n")[1:]:
        if not other.startswith(str(head).split("\n")[2]):
            raise Contradicted(ANOTHER.format(size=head.size, place=file))
    with file.open("a") as opened:
        opened.write(note + "\n")
        opened.flush()
        os.fsync(opened.fileno())


def _check_same(note: str, found: bytes, place: str, error: Exception) -> None:
    head = parse_checkpoint(parse_note(note.encode()).text)
    try:
        other = parse_checkpoint(parse_note(found).text)
    except BadNote as bad:
        raise PushFailed(f"{place} is no checkpoint: {bad}") from bad
    if other != head:
        raise Contradicted(ANOTHER.format(size=head.size, place=place)) from error


def _post(note: str, address: str) -> None:
    request = urllib.request.Request(  # noqa: S310 -- http or https, by its caller
        address,
        data=note.encode(),
        headers={"Content-Type": "text/plain; charset=utf-8"},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310
            return
    except (urllib.error.URLError, TimeoutError) as error:
        raise PushFailed(f"{address}: {error}") from error
