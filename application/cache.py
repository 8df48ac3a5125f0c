"""What a Writer remembers between its commits."""

from uuid import UUID

from application.records import EventShapes
from application.rows import Rows
from domain.books import Books

MAX_CACHED_AUTHORIZATIONS = 50_000
MAX_CACHED_ACCOUNTS = 200_000
MAX_CACHED_RATES = 500_000
MAX_CACHED_ITEMS = 500_000
"""Beyond these the authorizations, or the whole cache, are forgotten, and read again as commands
need them."""


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
        """Believes what a commit left. Requires that its COMMIT was confirmed.

        Forgets nothing: the next commit may have been decided on these books already.
        """
        self.mark = mark

    def make_room(self) -> None:
        """Forgets what is too much. Requires that no commit is on its way."""
        books = self.books
        if (
            len(books.accounts.now) > MAX_CACHED_ACCOUNTS
            or len(books.rates.now) > MAX_CACHED_RATES
            or len(books.items.now) > MAX_CACHED_ITEMS
        ):
            self.drop()
        elif self.is_full:
            books.forget_authorizations()

    @property
    def is_full(self) -> bool:
        """True where there is too much in it: room is made when no commit is on its way."""
        books = self.books
        return (
            len(books.authorizations.now) > MAX_CACHED_AUTHORIZATIONS
            or len(books.accounts.now) > MAX_CACHED_ACCOUNTS
            or len(books.rates.now) > MAX_CACHED_RATES
            or len(books.items.now) > MAX_CACHED_ITEMS
        )
