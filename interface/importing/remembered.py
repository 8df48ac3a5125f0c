"""Remembered answers: what a pure reading of a cell gave, kept while there are not too many."""

from collections.abc import Callable
from typing import TypeVar

Cell = TypeVar("Cell")
Answer = TypeVar("Answer")

REMEMBERED = 2_000
"""Few, because what comes again in a file mostly comes again soon."""


class Remembered(dict[Cell, Answer]):
    """A dict that asks `read` for what it lacks and is emptied when it is full."""

    def __init__(self, read: Callable[[Cell], Answer]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, cell: Cell) -> Answer:
        answer = self._read(cell)
        if len(self) >= REMEMBERED:
            self.clear()
        self[cell] = answer
        return answer
