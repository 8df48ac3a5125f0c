"""What a verification finds."""

import msgspec

UNREADABLE = (
    msgspec.MsgspecError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What is raised where a record or a file has not the form that can be read. Who wrote it may be
hostile: that too is something that is found."""


class Divergence(Exception):
    """A record, a row or a signature is not what it must be; the message says in which way.

    `position`: of the record where it shows, None where it is about no single one.
    """

    def __init__(self, message: str, *, position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position

    def __str__(self) -> str:
        where = "" if self.position is None else f"Position {self.position}: "
        return f"{where}{self.message}"


def unreadable(what: str, error: Exception) -> Divergence:
    """Returns what is found where one of UNREADABLE was raised."""
    said = str(error)
    if not isinstance(error, msgspec.MsgspecError):
        said = f"{type(error).__name__}: {said}"
    return Divergence(f"{what} has not its form: {said}")
