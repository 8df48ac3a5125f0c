"""Rows that follow and rows that are found, as text, until they meet: by stretches of positions.

Of a stretch whose rows are the same on both sides one comparison of two texts is all. What waits
for its counterpart goes to a file where it is much: memory is flat in whatever order rows come.
"""

import re
import tempfile
from collections import Counter
from typing import BinaryIO, NamedTuple

STRETCH = 4096
"""Positions. Records are taken in batches that do not span two stretches."""

KEPT_CHARACTERS = 1 << 22
"""Of each side of a table; what is more goes to its file."""

# A row's text (PostgreSQL 8.16.6) has line feeds between quotation marks only.
_rows = re.compile(r'(?:[^"\n]|"[^"]*")+').findall


def stretch_of(position: int) -> int:
    """Returns the number of the stretch that a position is in."""
    return (position - 1) // STRETCH


class Unlike(NamedTuple):
    """What the two sides of a stretch do not have in common."""

    due: set[str]
    found: set[str]


class Sides:
    """Rows of one table: those due, and those found."""

    def __init__(self) -> None:
        self._due = _Pieces()
        self._found = _Pieces()
        self._tried: set[tuple[int, int]] = set()

    def close(self) -> None:
        """Gives the files back."""
        self._due.close()
        self._found.close()

    def add_due(self, stretch: int, rows: list[str]) -> None:
        """Takes rows that follow, in the order in which they are found at best."""
        self._due.add(stretch, "\n".join(rows))

    def add_found(self, stretch: int, rows: str) -> None:
        """Takes rows that stand in the table, a line feed between two."""
        self._found.add(stretch, rows)

    def meet(self, before: int) -> list[int]:
        """Forgets the stretches below a number whose sides are the same, and returns the others
        that there are, in order."""
        known = {*self._due.characters, *self._found.characters}
        return sorted(stretch for stretch in known if stretch < before and not self._meets(stretch))

    def unlike(self, stretch: int) -> Unlike:
        """Returns the rows of a stretch that only one side has, or both unequally often."""
        due, found = (Counter(_split(side.read(stretch))) for side in (self._due, self._found))
        return Unlike({*(due - found)}, {*(found - due)})

    def due_rows(self, stretch: int) -> set[str]:
        """Returns the rows that follow for a stretch."""
        return {*_split(self._due.read(stretch))}

    def _meets(self, stretch: int) -> bool:
        characters = self._due.characters.get(stretch, 0)
        if characters != self._found.characters.get(stretch, 0):
            return False
        if (stretch, characters) in self._tried:
            return False
        due, found = self._due.read(stretch), self._found.read(stretch)
        # Pieces of a stretch that were read apart may have to be put in order.
        if due != found and sorted(_split(due)) != sorted(_split(found)):
            self._tried.add((stretch, characters))
            return False
        self._due.forget(stretch)
        self._found.forget(stretch)
        return True


class _Pieces:
    """Texts by stretch, put together from pieces."""

    def __init__(self) -> None:
        self.characters: dict[int, int] = {}
        self._kept: dict[int, list[str]] = {}
        self._kept_characters = 0
        self._stored: dict[int, list[tuple[int, int]]] = {}
        """Where in the file they begin, and how many bytes they have."""
        self._file: BinaryIO | None = None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, stretch: int, text: str) -> None:
        self._kept.setdefault(stretch, []).append(text)
        # With what is put between two pieces.
        size = len(text) + 1
        self.characters[stretch] = self.characters.get(stretch, 0) + size
        self._kept_characters += size
        if self._kept_characters > KEPT_CHARACTERS:
            self._store()

    def read(self, stretch: int) -> str:
        stored = []
        for start, size in self._stored.get(stretch, ()):
            assert self._file is not None
            self._file.seek(start)
            stored.append(self._file.read(size).decode(errors="surrogatepass"))
        return "\n".join([*stored, *self._kept.get(stretch, ())])

    def forget(self, stretch: int) -> None:
        self.characters.pop(stretch, None)
        self._stored.pop(stretch, None)
        self._kept_characters -= sum(len(text) + 1 for text in self._kept.pop(stretch, ()))

    def _store(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 -- `close` closes it
        start = self._file.seek(0, 2)
        for stretch, texts in self._kept.items():
            written = self._file.write("\n".join(texts).encode(errors="surrogatepass"))
            self._stored.setdefault(stretch, []).append((start, written))
            start += written
        self._kept.clear()
        self._kept_characters = 0


def _split(text: str) -> list[str]:
    if not text:
        return []
    return _rows(text) if '"' in text else text.split("\n")
