"""What a Writer remembers between its commits."""

from uuid import UUID

from application.records import EventShapes
from application.rows import Rows
from domain.books import Books

MAX_CACHED_AUTHORIZATIONS = 50_000
MAX_CACHED_ACCOUNTS = 200_000
"""Beyond these the cache is dropped whole and filled again as commands need it."""


class Cache:
    """What a Writer remembers between its commits: speed, never truth.

    Believed only while the head shows (position, commit_id) of this writer's own last commit.
    """

    def __init__(self, *, ledger: str, schema: str, shapes: EventShapes) -> None:
        self.ledger = ledger
        self.schema = schema
        self.shapes = shapes
        self.drop()

    def drop(self) -> None:
        self.books = Books()
        self.rows = Rows(ledger=self.ledger, schema=self.schema, shapes=self.shapes)
        self.mark: tuple[int, UUID] | None = None

    def confirm(self, mark: tuple[int, UUID]) -> None:
        """Believes what a commit left. Requires that its COMMIT was confirmed."""
        self.mark = mark
        if self.is_full:
            self.drop()

    @property
    def is_full(self) -> bool:
        """True where it should be dropped when no commit is on its way."""
        books = self.books
        return (
            len(books.authorizations.now) > MAX_CACHED_AUTHORIZATIONS
            or len(books.accounts.now) > MAX_CACHED_ACCOUNTS
        )
