"""Authorizations and what was pending, as they follow from the records: the view `holds`."""

from collections.abc import Iterator
from struct import Struct as Packing
from uuid import UUID

from psycopg import Connection
from psycopg.rows import DictRow

from interface.evidence.buckets import BUCKETS, Buckets
from interface.evidence.divergence import Divergence
from interface.evidence.fold import Fold
from interface.evidence.holds import Amounts
from interface.evidence.shapes import Envelope, Hold
from interface.evidence.view_tables import Appended, Columns, difference, member_text, moment_text

PENDING = Columns("pending_lines", ("position", "account", "asset", "debits", "credits"), naming=3)
STATES = Columns(
    "authorization_states",
    (
        "id",
        "opened_at_position",
        "debit",
        "credit",
        "asset",
        "held",
        "status",
        "is_open",
        "expires_at",
        "closed_at_position",
    ),
)
FEW_STATES = 20_000
"""So many events of holds are compared at once; of more, a bucket of ids after the other."""

_HEADER = Packing("!16sQ?H")
_pack = _HEADER.pack


class HoldRows:
    """What follows for `pending_lines`, and for the last state of every authorization."""

    def __init__(self, *, shown: int) -> None:
        self._shown = shown
        self.pending = Appended(PENDING, shown=shown)
        self._buckets = Buckets()
        self._pending = self._buckets.pending
        self._events = 0

    @property
    def tables(self) -> tuple[Appended, ...]:
        """Those that are compared as records pass."""
        return (self.pending,)

    def close(self) -> None:
        """Gives its files back."""
        self._buckets.close()

    def hold(self, record: Envelope, fold: Fold) -> None:
        """Works out what an event of an authorization leaves. Requires that the fold took it in."""
        assert fold.holds.after is not None
        hold, amounts, debited, credited = fold.holds.after
        position, asset, text = record.position, hold.asset, member_text
        debit, credit = text(hold.debit), text(hold.credit)
        if position <= self._shown:
            self.pending.due += (
                f"({position},{debit},{asset},{debited.pending_debits},{debited.pending_credits})",
                f"({position},{credit},{asset},{credited.pending_debits},{credited.pending_credits})",
            )
        expires_at = "" if hold.expires_at is None else text(moment_text(hold.expires_at))
        is_open = hold.closed_as is None
        row = (
            f"{debit},{credit},{asset},{amounts.held},{_status(hold, amounts)},"
            f"{'t' if is_open else 'f'},{expires_at}"
        ).encode()
        id = bytes.fromhex(record.stream.replace("-", ""))
        self._pending[id[0]] += _pack(id, position, is_open, len(row)) + row
        self._events += 1

    def spill(self) -> None:
        """Keeps memory flat; to be called after some thousand events."""
        self._buckets.spill()

    def end(self, connection: Connection[DictRow], shown: int) -> None:
        """Compares the states with the table, as of a position. Raises Divergence."""
        step = BUCKETS if self._events <= FEW_STATES else 1
        for first in range(0, BUCKETS, step):
            follows = {
                row for number in range(first, first + step) for row in self._states(number, shown)
            }
            rows = connection.execute(
                f"SELECT ROW({', '.join(STATES.columns)})::text AS row FROM authorization_states"  # noqa: S608 -- this file's words
                " WHERE id >= %s AND id <= %s",
                [
                    UUID(bytes=bytes([first, *[0] * 15])),
                    UUID(bytes=bytes([first + step - 1, *[255] * 15])),
                ],
            ).fetchall()
            found = {row["row"] for row in rows}
            if len(rows) != len(found):
                raise Divergence("the table authorization_states has a row several times")
            if found != follows:
                raise Divergence(difference(STATES, found - follows, follows - found))

    def _states(self, number: int, shown: int) -> Iterator[str]:
        """The rows of a bucket's authorizations, as of a position."""
        opened_at: dict[bytes, int] = {}
        closed_at: dict[bytes, int] = {}
        last: dict[bytes, bytes] = {}
        noted = self._buckets.read(number)
        at = 0
        while at < len(noted):
            id, position, is_open, length = _HEADER.unpack_from(noted, at)
            at += _HEADER.size + length
            if position <= shown:
                opened_at.setdefault(id, position)
                last[id] = noted[at - length : at]
                if is_open:
                    closed_at.pop(id, None)
                else:
                    closed_at.setdefault(id, position)
        for id, row in last.items():
            # As UUID writes it, in a fifth of the time.
            text = id.hex()
            name = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
            yield f"({name},{opened_at[id]},{row.decode()},{closed_at.get(id, '')})"


def _status(hold: Hold, amounts: Amounts) -> str:
    """What an authorization is called, as docs/authorizations.md has it."""
    if amounts.settled:
        return "settled" if amounts.settled >= amounts.authorized else "partially_settled"
    if hold.closed_as is None:
        return "authorized"
    # Closed for good, and what was settled was taken back: nothing is.
    return "released" if hold.closed_as == "final" else hold.closed_as
