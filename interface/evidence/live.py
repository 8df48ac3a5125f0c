"""A live ledger verified: its records in chunks first, then the rest and all rows in one snapshot.

Records never change once committed, so only the end needs a snapshot, and keeps it short.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow, dict_row, tuple_row

from application.restoring import COPIED
from application.store import schema_of
from application.transparency.notes import Checkpoint
from interface.evidence.divergence import Divergence
from interface.evidence.fold import Fold
from interface.evidence.holds import Reference
from interface.evidence.rows import check_rows
from interface.evidence.shapes import Envelope
from interface.evidence.signed import SignedTree
from interface.evidence.signed_rows import (
    SignedRows,
    check_closed_logs,
    check_cosignatures,
    check_tile_widths,
)
from interface.evidence.texts import Text
from interface.evidence.verification import BATCH, Listener, Stored, Verification
from interface.evidence.views import Views
from projections.showing import hold

Advance = Callable[[int], None]
Hears = Callable[[Envelope, Fold], None]

_RECORDS = (
    "SELECT state, notification_id, uuid_send(originator_id), originator_version, topic,"
    " uuid_send(command_id) FROM events WHERE notification_id > %s AND notification_id <= %s"
    " ORDER BY notification_id"
)
_LEAVES = (
    "SELECT state FROM events WHERE notification_id > %s AND notification_id <= %s"
    " ORDER BY notification_id"
)


class LiveSource(SignedRows):
    """Reads one ledger. Requires that its schema is first in the connection's search_path."""

    def __init__(self, connection: Connection[DictRow], views: Views | None = None) -> None:
        self._views = views
        self.take: Hears = _nobody_hears if views is None else views.take
        """Lets the views hear of a record. Raises Divergence."""
        head = connection.execute(
            "SELECT position, incarnation, halted, texts_withheld_through AS withheld FROM head"
        ).fetchone()
        if head is None:
            raise Divergence("the head is gone")
        self.position: int = head["position"]
        super().__init__(connection, head["incarnation"])
        self.withheld_through: int = head["withheld"]
        self.is_copy = (head["halted"] or "").startswith(COPIED)

    def records(self, after: int, to: int) -> Iterator[list[Stored]]:
        """Yields the records in batches, none of which spans two stretches."""
        with self.connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            while after < to:
                # To where a stretch ends.
                end = min(to, after - after % BATCH + BATCH)
                cursor.execute(_RECORDS, [after, end], prepare=True)
                yield [Stored(*row) for row in cursor.fetchall()]
                after = end

    def leaves(self, after: int, to: int) -> Iterator[list[bytes]]:
        """Yields the records' bytes alone, in batches. Raises Divergence where one is missing."""
        with self.connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            for start in range(after, to, BATCH):
                end = min(to, start + BATCH)
                cursor.execute(_LEAVES, [start, end], prepare=True)
                found = [state for (state,) in cursor.fetchall()]
                if len(found) < end - start:
                    raise Divergence(f"of positions {start + 1} to {end} some are missing")
                yield found

    def texts(self, after: int, to: int) -> dict[int, Text]:
        """Returns the private texts of these positions."""
        rows = self.connection.execute(
            "SELECT position, salt, body FROM private WHERE position > %s AND position <= %s",
            [after, to],
            prepare=True,
        ).fetchall()
        texts = {row["position"]: Text(row["salt"], row["body"]) for row in rows}
        if len(texts) != len(rows):
            raise Divergence(f"a text of positions {after + 1} to {to} has several rows")
        return texts

    def standing_text(self, stream: str, before: int) -> int | None:
        """Returns the position of a text of a stream's record before a position, None without."""
        row = self.connection.execute(
            "SELECT min(p.position) AS position FROM private AS p JOIN events AS e"
            " ON e.notification_id = p.position"
            " WHERE e.originator_id = %s::uuid AND e.notification_id < %s",
            [stream, before],
        ).fetchone()
        return None if row is None else row["position"]

    def compare(self, position: int) -> None:
        """Compares the views' rows to a position. Raises Divergence."""
        if self._views is not None:
            self._views.compare(self.connection, position)

    def check_references(self, wanted: Sequence[Reference]) -> None:
        """Compares the rows of what networks have cleared. Raises Divergence."""
        rows = self.connection.execute(
            "SELECT r.scheme, r.reference, r.entry::text, r.authorization_id::text AS held"
            " FROM unnest(%s::text[], %s::text[]) AS wanted (scheme, reference)"
            " JOIN network_references AS r USING (scheme, reference)",
            [[one[0] for one in wanted], [one[1] for one in wanted]],
        )
        found = {tuple(row.values()) for row in rows}
        for one in wanted:
            if one not in found:
                raise Divergence(f"the network's reference {one[1]} has not the row that follows")


def _nobody_hears(_record: Envelope, _fold: Fold) -> None:
    """Where there are no views."""


def verify_live(
    conninfo: str,
    ledger: str,
    *,
    against: Checkpoint | None,
    advance: Advance,
    listener: Listener | None = None,
) -> Verification:
    """Verifies a ledger in its database and returns what was worked out.

    Raises Divergence, psycopg.Error.
    """
    with session(conninfo, ledger) as connection, closing(Views(connection)) as views:
        source = LiveSource(connection, views)
        verification = _begun(source, ledger, against, listener)
        _take(verification, source, source.signed_size, advance)
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            hold(connection, *views.positions)
            _end(verification, source, views, advance)
    return verification


def verify_signed(
    conninfo: str, ledger: str, *, against: Checkpoint | None, advance: Advance
) -> SignedTree:
    """Verifies leaves, tiles, roots and signatures of what was signed, and nothing else.

    Raises Divergence, psycopg.Error.
    """
    with session(conninfo, ledger) as connection:
        source = LiveSource(connection)
        check_closed_logs(source)
        tree = SignedTree(source, signed_size=source.signed_size, against=against)
        _take_leaves(tree, source, advance)
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            rest = LiveSource(connection)
            _check_same_log(source, rest)
            tree.source, tree.signed_size = rest, rest.signed_size
            _take_leaves(tree, rest, advance)
            tree.end()
            check_tile_widths(connection, rest)
            check_cosignatures(connection, rest.signers)
    return tree


def _take_leaves(tree: SignedTree, source: LiveSource, advance: Advance) -> None:
    for batch in source.leaves(tree.size, source.signed_size):
        tree.take(batch)
        advance(tree.size)


def verify_within(
    connection: Connection[DictRow], ledger: str, *, against: Checkpoint | None, advance: Advance
) -> Verification:
    """Verifies a ledger as a transaction sees it, whose search_path it leads. Raises Divergence."""
    with closing(Views(connection)) as views:
        source = LiveSource(connection, views)
        verification = _begun(source, ledger, against, None)
        _end(verification, source, views, advance)
    return verification


def _begun(
    source: LiveSource, ledger: str, against: Checkpoint | None, listener: Listener | None
) -> Verification:
    verification = Verification(
        source,
        ledger=ledger,
        signed_size=source.signed_size,
        against=against,
        listener=listener,
    )
    verification.withhold(source.withheld_through)
    check_closed_logs(source)
    return verification


def _check_same_log(begun: LiveSource, rest: LiveSource) -> None:
    if rest.incarnation != begun.incarnation:
        raise Divergence("the log was continued under another name meanwhile: verify again")


def _end(verification: Verification, begun: LiveSource, views: Views, advance: Advance) -> None:
    connection = begun.connection
    rest = LiveSource(connection, views)
    _check_same_log(begun, rest)
    verification.go_on(rest, signed_size=rest.signed_size)
    _take(verification, rest, rest.position, advance)
    _check_tables(connection)
    _check_end(connection, rest)
    verification.end()
    verification.check_withheld(copied_at=rest.position if rest.is_copy else None)
    check_tile_widths(connection, rest)
    check_cosignatures(connection, rest.signers)
    row = connection.execute("SELECT count(*) AS n FROM network_references").fetchone()
    if row is None or row["n"] != verification.references:
        raise Divergence("a network's reference has a row and no record, or the other way round")
    check_rows(connection, verification.fold)
    views.end(connection, rest.position)
    verification.views = views.positions


def _take(verification: Verification, source: LiveSource, to: int, advance: Advance) -> None:
    for batch in source.records(verification.size, to):
        verification.take(batch)
        advance(verification.size)
    if verification.size < to:
        raise Divergence(
            f"the head says {to}, and the log ends at {verification.size}",
            position=verification.size + 1,
        )


def _check_tables(connection: Connection[DictRow]) -> None:
    """What was read must be what the service reads: tables, that show all of their rows to all."""
    row = connection.execute(
        "SELECT relname AS name FROM pg_class WHERE relnamespace ="
        " (SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
        " AND (relkind IN ('v', 'm', 'f') OR relrowsecurity) ORDER BY 1 LIMIT 1"
    ).fetchone()
    if row is not None:
        raise Divergence(f"{row['name']} is no table, or hides rows from some")


def _check_end(connection: Connection[DictRow], source: LiveSource) -> None:
    for table, number, what in (
        ("events", "notification_id", "a record"),
        ("private", "position", "a text"),
    ):
        row = connection.execute(
            f"SELECT min({number}) AS first FROM {table} WHERE {number} > %s OR {number} < 1",  # noqa: S608 -- literals
            [source.position],
        ).fetchone()
        if row is not None and row["first"] is not None:
            raise Divergence(f"{what} stands where the head knows none", position=row["first"])


@contextmanager
def session(conninfo: str, ledger: str) -> Iterator[Connection[DictRow]]:
    """Gives a session that reads one ledger, without a timeout."""
    with psycopg.connect(
        conninfo, autocommit=True, row_factory=dict_row, connect_timeout=15
    ) as connection:
        connection.execute("SELECT set_config('search_path', %s, false)", [schema_of(ledger)])
        connection.execute("SET default_transaction_read_only = on")
        yield connection


def shown_record(conninfo: str, ledger: str, position: int | None) -> str | None:
    """Returns a record as it stands, for a person to look at."""
    if position is None:
        return None
    with session(conninfo, ledger) as connection:
        row = connection.execute(
            "SELECT state FROM events WHERE notification_id = %s", [position]
        ).fetchone()
    return None if row is None else bytes(row["state"]).decode(errors="backslashreplace")
