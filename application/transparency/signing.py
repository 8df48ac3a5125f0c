"""Which keys sign a ledger's log: the first one made with the ledger, further ones by an operator.

A key is stored first and named in an event then: what dies in between is taken up again, because a
key has a number and whoever comes first has made it.
"""

from collections.abc import Callable, Collection
from secrets import token_hex
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from application.outcomes import Asked, Caller, Outcome, Unanswered
from application.restoring import COPIED
from application.store import schema_of
from application.transparency.notes import Note, sign
from application.transparency.vault import Signing, Vault, VaultClosed
from domain.ledgers import Ledger
from domain.signing_keys import AddSigningKey, ContinueLedger

FIRST_KEY = "signing-key:1"


class SigningKeys:
    """Makes keys for the ledgers of a database.

    `connect` opens a session of the service, `submit` hands a command to a ledger's Writer.
    """

    def __init__(
        self,
        signing: Signing,
        *,
        connect: Callable[[], Connection[Any]],
        submit: Callable[[str, Asked], Outcome],
    ) -> None:
        self.vault = Vault(signing)
        self._signing = signing
        self._connect = connect
        self._submit = submit

    def give_first(self, ledger: str, *, by: Caller) -> None:
        """Gives a log its name and first key, where it has none. Raises VaultClosed, Unanswered."""
        state = self._state(ledger)
        if state is None or state.verifier_keys:
            return
        outcome = self.add(ledger, key=FIRST_KEY, by=by)
        # Another process was quicker: its key is the same one, or the ledger has its own by now.
        if outcome.code not in (None, "already_exists", "idempotency_conflict"):
            raise Unanswered("internal", outcome.detail)

    def add(self, ledger: str, *, key: str, by: Caller) -> Outcome:
        """Makes a further key, which signs beside the others. Raises VaultClosed, Unanswered."""
        state = self._state(ledger)
        assert state is not None
        origin = state.origin or self._signing.origin(ledger)
        command = AddSigningKey(
            origin=origin, verifier_key=self._make(ledger, origin, _known(state))
        )
        return self._submit(ledger, Asked(command, key, by))

    def continue_ledger(
        self,
        ledger: str,
        *,
        old_size: int,
        old_root: str,
        reason: str,
        key: str,
        by: Caller,
        last_origin: str | None = None,
    ) -> Outcome:
        """Opens a new incarnation with a name and a key of its own, the old log's end on record.

        `last_origin`: the name that the log had last, where others saw that. Raises VaultClosed,
        Unanswered.
        """
        state = self._state(ledger)
        assert state is not None
        origin = self._signing.origin(ledger, incarnation=state.incarnation + 1)
        if self._is_copy(ledger) or last_origin not in (None, state.origin):
            # The one that it was copied from may go on too, or what is lost now has gone on before:
            # no two logs may have one name.
            origin = f"{origin}/{token_hex(4)}"
        command = ContinueLedger(
            origin=origin,
            verifier_key=self._make(ledger, origin, _known(state)),
            old_size=old_size,
            old_root=old_root,
            reason=reason,
        )
        return self._submit(ledger, Asked(command, key, by))

    def sign(self, ledger: str, origin: str, text: str) -> Note:
        """Returns a text signed with the keys that sign the ledger's log. Raises Unanswered.

        Requires a text that can't be taken for a checkpoint's.
        """
        state = self._state(ledger)
        assert state is not None
        if state.origin != origin:
            raise Unanswered("busy", "The log goes on under another name by now; ask again.")
        with self._connect() as connection:
            rows = connection.execute(
                SQL(
                    "SELECT sealed FROM {}.signing_keys WHERE verifier_key = ANY(%s)"
                    " ORDER BY number"
                ).format(Identifier(schema_of(ledger))),
                [list(state.verifier_keys)],
            ).fetchall()
        try:
            keys = [self.vault.private_key(row[0]) for row in rows]
        except VaultClosed as closed:
            raise Unanswered("unavailable", str(closed)) from closed
        if not keys:
            raise Unanswered("unavailable", "None of the keys that sign this log is stored here.")
        return sign(text, [(origin, key) for key in keys])

    def _make(self, ledger: str, origin: str, known: Collection[str]) -> str:
        with self._connect() as connection:
            connection.row_factory = dict_row
            return self.vault.new_key(
                connection, schema=schema_of(ledger), origin=origin, known=known
            )

    def _is_copy(self, ledger: str) -> bool:
        with self._connect() as connection:
            row = connection.execute(
                SQL("SELECT halted FROM {}.head").format(Identifier(schema_of(ledger)))
            ).fetchone()
        return row is not None and (row[0] or "").startswith(COPIED)

    def _state(self, ledger: str) -> Ledger | None:
        with self._connect() as connection:
            row = connection.execute(
                SQL("SELECT document FROM {}.ledger").format(Identifier(schema_of(ledger)))
            ).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=Ledger)


def _known(state: Ledger) -> tuple[str, ...]:
    return (*state.verifier_keys, *state.retired_keys)
