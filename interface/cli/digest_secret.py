"""The secret of a ledger's command digests, as a file: it moves with a ledger, not in its bundle.

Whoever has it and the records can try out what an erased text might have said.
"""

import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from pathlib import Path

from psycopg import Connection
from psycopg.rows import DictRow

from interface.cli.failures import Failed

SECRET_BYTES = 32


def write_digest_secret(connection: Connection[DictRow], file: Path) -> None:
    """Writes the secret of the ledger that search_path leads, for its owner's eyes only.

    Raises Failed where the file is there already.
    """
    row = connection.execute("SELECT secret FROM secrets WHERE name = 'command_digest'").fetchone()
    assert row is not None, "a ledger's schema is made with one"
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Failed(f"--digest-secret {file}: {error.strerror}") from error
    with os.fdopen(opened, "wb") as written:
        written.write(b64encode(row["secret"]) + b"\n")


def read_digest_secret(file: Path) -> bytes:
    """Returns the secret that `write_digest_secret` wrote. Raises Failed."""
    try:
        secret = b64decode(file.read_bytes().strip(), validate=True)
    except (OSError, NotBase64) as error:
        raise Failed(f"--digest-secret {file}: {error}") from error
    if len(secret) != SECRET_BYTES:
        raise Failed(f"--digest-secret {file}: not {SECRET_BYTES} bytes in base64")
    return secret
