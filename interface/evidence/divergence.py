"""What a verification finds."""


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
