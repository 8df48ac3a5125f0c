"""Checkpoints brought to places outside, where a rewritten log would be held against them.

A place is a directory (a file for each size), a file (a checkpoint after another) or an http(s)
address (a POST of the note). Nothing that lies there is ever overwritten.
"""

import os
import re
import threading
import urllib.request
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from typing import TextIO

from application.transparency.notes import BadNote, Checkpoint, parse_checkpoint, parse_note

TIMEOUT_SECONDS = 10
LATER = (
    "A checkpoint of size {size} of this log lies there already, and the log is shorter: {place}."
    " If events were lost, close it: `backoffice log continue`."
)
ANOTHER = "Another checkpoint of size {size} lies there already: {place}. Compare the two."


class PushFailed(Exception):
    """The checkpoint could not be left there; the message says why."""


class Contradicted(PushFailed):
    """Another checkpoint of the same log and size lies there: two histories were signed."""


class Later(PushFailed):
    """A later checkpoint of the same log lies there: another process was quicker, or this log has
    lost events since. `size`: of that one."""

    def __init__(self, size: int, place: Path) -> None:
        super().__init__(LATER.format(size=size, place=place))
        self.size = size


def push(note: str, target: str) -> None:
    """Leaves a checkpoint at a place. Raises PushFailed, also where what lies there contradicts."""
    if target.startswith(("http://", "https://")):
        _post(note, target)
        return
    place = Path(target)
    head = _head_of(note.encode(), target)
    try:
        if place.is_dir():
            _leave(note, head, place)
        else:
            _append(note, head, place)
    except (OSError, UnicodeDecodeError) as error:
        raise PushFailed(f"{target}: {error}") from error


def _leave(note: str, head: Checkpoint, directory: Path) -> None:
    for file in sorted(directory.glob("*.checkpoint"), reverse=True):
        size = file.name.partition(".")[0]
        if not (size.isdecimal() and int(size) > head.size):
            continue
        if _head_of(file.read_bytes(), str(file)).origin == head.origin:
            raise Later(int(size), directory)
    # A log that goes on under another name may come by a size of the old one.
    own = sha256(head.origin.encode()).hexdigest()[:8]
    for name in (f"{head.size:012d}.checkpoint", f"{head.size:012d}.{own}.checkpoint"):
        file = directory / name
        try:
            _lay(note, file)
        except FileExistsError as error:
            other = _head_of(file.read_bytes(), str(file))
            if other.origin != head.origin:
                continue
            if other != head:
                raise Contradicted(ANOTHER.format(size=head.size, place=file)) from error
        return


def _lay(note: str, file: Path) -> None:
    """Leaves a file that is whole, whatever dies. Raises FileExistsError where one lies there that
    is not the beginning of the same note, by somebody who was killed."""
    part = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        with part.open("w") as opened:
            _write(note, opened)
        try:
            os.link(part, file)
        except FileExistsError:
            if not _is_torn(file.read_bytes(), note):
                raise
            part.replace(file)
        except OSError:
            # Not every place outside knows links: of those, no other way leaves what lies there.
            with file.open("x") as opened:
                _write(note, opened)
    finally:
        part.unlink(missing_ok=True)


def _is_torn(raw: bytes, note: str) -> bool:
    try:
        parse_note(raw)
    except BadNote:
        return note.encode().startswith(raw)
    return False


def _append(note: str, head: Checkpoint, file: Path) -> None:
    """The same checkpoint a second time changes nothing."""
    known = file.read_text() if file.exists() else ""
    # Whole ones: the last one may have been cut off.
    own = re.compile(rf"^{re.escape(head.origin)}\n([0-9]{{1,19}})\n(.*)\n\n\u2014 ", re.MULTILINE)
    for size, root in own.findall(known):
        if int(size) > head.size:
            raise Later(int(size), file)
        if int(size) == head.size and root != str(head).split("\n")[2]:
            raise Contradicted(ANOTHER.format(size=head.size, place=file))
    if note in known:
        return
    begins = "" if not known or known.endswith("\n") else "\n"
    with file.open("a") as opened:
        _write(f"{begins}{note}\n", opened)


def _write(text: str, opened: TextIO) -> None:
    opened.write(text)
    opened.flush()
    os.fsync(opened.fileno())


def _head_of(raw: bytes, place: str) -> Checkpoint:
    try:
        return parse_checkpoint(parse_note(raw).text)
    except BadNote as bad:
        raise PushFailed(f"{place} is no checkpoint: {bad}") from bad


def _post(note: str, address: str) -> None:
    try:
        request = urllib.request.Request(  # noqa: S310 -- http or https, by its caller
            address,
            data=note.encode(),
            headers={"Content-Type": "text/plain; charset=utf-8"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310
            return
    except (OSError, HTTPException, ValueError) as error:
        # Also an answer that is none, and an address that can't be read.
        raise PushFailed(f"{address}: {error}") from error
