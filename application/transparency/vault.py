"""The vault: private signing keys, stored encrypted, readable only with a secret from outside.

Fernet (AES-128-CBC with HMAC-SHA256) of the cryptography library. The first secret encrypts, all of
them decrypt: to change it, put the new one in front of the old one.
"""

import os
import threading
from collections.abc import Collection
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from application.transparency.notes import verifier_key

MAX_PASSED_OVER = 100
"""Rows of keys that were made for another name of the log, or under another secret."""


class VaultClosed(Exception):
    """The secret is missing or opens nothing; the message says what to do."""


class Signing(Struct, frozen=True, kw_only=True):
    """How this process signs: the address that logs are named after, and where the secret is.

    `secret`: one or more Fernet keys, separated by commas or spaces; None: in `secret_file`, which
    is made where it is missing. `targets`: where checkpoints are brought, and how often.
    """

    public_url: str = "http://localhost:8000"
    secret: str | None = None
    secret_file: Path
    targets: tuple[str, ...] = ()
    push_seconds: float = 3600.0

    def origin(self, ledger: str, *, incarnation: int = 1) -> str:
        """Returns the name of a ledger's log: host and path, as C2SP tlog-tiles recommends."""
        host_and_path = self.public_url.partition("://")[2] or self.public_url
        origin = f"{host_and_path.rstrip('/')}/v1/ledgers/{ledger}/log"
        return origin if incarnation == 1 else f"{origin}/{incarnation}"


class Vault:
    """Makes signing keys and gives them back. Reads the secret when it is first needed."""

    def __init__(self, signing: Signing) -> None:
        self._signing = signing
        self._reading = threading.Lock()
        self._fernet: MultiFernet | None = None

    def new_key(
        self, connection: Connection[DictRow], *, schema: str, origin: str, known: Collection[str]
    ) -> str:
        """Returns the verifier key of a ledger's next signing key, made and stored where it is
        missing. Repeatable: whoever was first has made it. `known`: the verifier keys that its
        records name. Raises VaultClosed."""
        private = Ed25519PrivateKey.generate()
        new = (str(verifier_key(origin, private)), self.sealed(private))
        for number in range(len(known) + 1, len(known) + 1 + MAX_PASSED_OVER):
            connection.execute(
                SQL(
                    "INSERT INTO {}.signing_keys (number, verifier_key, sealed) VALUES (%s, %s, %s)"
                    " ON CONFLICT (number) DO NOTHING"
                ).format(Identifier(schema)),
                [number, *new],
            )
            row = connection.execute(
                SQL("SELECT verifier_key, sealed FROM {}.signing_keys WHERE number = %s").format(
                    Identifier(schema)
                ),
                [number],
            ).fetchone()
            assert row is not None
            stored: str = row["verifier_key"]
            if stored not in known and self._is_ours(origin, stored, row["sealed"]):
                return stored
        raise VaultClosed(f"The table of signing keys has {MAX_PASSED_OVER} rows of no use.")

    def _is_ours(self, origin: str, stored: str, sealed: bytes) -> bool:
        """True for a key that the secret opens and that was made under this name: who can write to
        the database, and no more, does not get a key of his own into the records."""
        try:
            return str(verifier_key(origin, self.private_key(sealed))) == stored
        except VaultClosed:
            return False

    def sealed(self, private: Ed25519PrivateKey) -> bytes:
        """Returns a private key as it is stored. Raises VaultClosed."""
        return self._secret().encrypt(private.private_bytes_raw())

    def private_key(self, sealed: bytes) -> Ed25519PrivateKey:
        """Raises VaultClosed."""
        try:
            raw = self._secret().decrypt(sealed)
        except InvalidToken as error:
            raise VaultClosed(
                "The signing keys were encrypted under another secret. Set"
                " BACKOFFICE_SIGNING_SECRET or BACKOFFICE_SIGNING_SECRET_FILE to that one."
            ) from error
        try:
            return Ed25519PrivateKey.from_private_bytes(raw)
        except ValueError as error:
            raise VaultClosed(f"What is stored as a signing key is none: {error}") from error

    def _secret(self) -> MultiFernet:
        with self._reading:
            if self._fernet is None:
                given = self._signing.secret or _read(self._signing.secret_file)
                try:
                    keys = [Fernet(key) for key in given.replace(",", " ").split()]
                    self._fernet = MultiFernet(keys)
                except ValueError as error:
                    raise VaultClosed(
                        "The signing secret is none. `python -c 'from cryptography.fernet import"
                        " Fernet; print(Fernet.generate_key().decode())'` makes one."
                    ) from error
            return self._fernet


def _read(file: Path) -> str:
    """The secret in a file; a new one, for its owner alone, where there is none yet."""
    try:
        return file.read_text()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise VaultClosed(f"The signing secret can't be read: {error}") from error
    new = Fernet.generate_key()
    beside = file.with_name(f"{file.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as made:
            made.write(new + b"\n")
            os.fsync(made.fileno())
        try:
            os.link(beside, file)  # whole, and only where no other process was first
        except FileExistsError:
            pass
        finally:
            beside.unlink()
        return file.read_text()
    except OSError as error:
        raise VaultClosed(f"The signing secret can't be made: {error}") from error
