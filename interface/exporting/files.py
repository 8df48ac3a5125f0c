"""Files of an export: there under their names only when they are whole."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class MissingLibrary(Exception):
    """A format needs a library that is not installed; the message says how to get it."""

    def __init__(self, *, format: str, library: str, extra: str) -> None:
        super().__init__(
            f"{format} needs {library}, which is not installed:"
            f" pip install 'backoffice-ledger[{extra}]'"
        )


@contextmanager
def staged(file: Path) -> Iterator[Path]:
    """Gives a path to write to; what was written gets the file's name at the end."""
    part = file.with_name(f".{file.name}.part")
    try:
        yield part
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def write_text(pieces: Iterable[str], file: Path) -> None:
    """Writes a text to a file, in UTF-8, with its line ends as they are."""
    with staged(file) as part, part.open("w", encoding="utf-8", newline="") as opened:
        opened.writelines(pieces)
