"""Lines of a request's body, as they come, each and all of them bounded."""

from collections.abc import Iterable, Iterator

from interface.http.messages import READ_BYTES, BodyCut, Environ

LINE_MAX_BYTES = 2 << 20
"""A hundred legs, each with a narrative of a thousand escaped characters, fit well."""

TOO_LONG = b""
"""Stands for a line of more than LINE_MAX_BYTES; lines that are really empty are left out."""


BLOCK_LINES = 500
BLOCK_BYTES = 512 << 10
"""Lines are loaded so many at a time, however long."""


class BodyTooLong(Exception):
    """The body goes on beyond its limit."""


def read_lines(environ: Environ, limit: int) -> Iterator[bytes]:
    """Yields the lines of the body that hold more than blanks, TOO_LONG for one that is too long.

    Raises BodyTooLong after `limit` bytes, BodyCut where the body ends too early.
    """
    rest, skipping = b"", False
    for piece in _pieces(environ, limit):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            if skipping:
                skipping = False
            elif len(line) > LINE_MAX_BYTES:
                yield TOO_LONG
            elif line.strip():
                yield line
        if len(rest) > LINE_MAX_BYTES:
            if not skipping:
                yield TOO_LONG
            rest, skipping = b"", True
        elif skipping:
            rest = b""
    if rest.strip() and not skipping:
        yield rest


def in_blocks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yields lines that follow one another together, also those before an error is raised."""
    block: list[bytes] = []
    size = 0
    try:
        for line in lines:
            block.append(line)
            size += len(line)
            if len(block) == BLOCK_LINES or size >= BLOCK_BYTES:
                yield block
                block, size = [], 0
    except (BodyTooLong, BodyCut):
        yield block
        raise
    yield block


def _pieces(environ: Environ, limit: int) -> Iterator[bytes]:
    stream = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH")
    if not length and not environ.get("wsgi.input_terminated"):
        return
    left = int(length) if length else limit + 1
    while left > 0 and (piece := stream.read(min(READ_BYTES, left))):
        left -= len(piece)
        yield piece
    if not length and left <= 0:
        raise BodyTooLong
    if length and left > 0:
        raise BodyCut
