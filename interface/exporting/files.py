"""Files of an export: there under their names only when they are whole."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


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
