"""What may fail without being a bug, and the sentence for each: what happened, what to do next."""

import psycopg

from application.ledgers import LedgerNotFound
from application.migrate import SchemaTooNew
from application.outcomes import Unanswered
from interface.bootstrap import UnfitDatabase
from interface.embedded import UnsafePostgresError
from interface.embedded_programs import EmbeddedPostgresError
from interface.logs import masked


class Failed(Exception):
    """A command of the command line could not do what it was asked for; the message says why."""


FAILURES = (
    Failed,
    EmbeddedPostgresError,
    LedgerNotFound,
    SchemaTooNew,
    Unanswered,
    UnfitDatabase,
    UnsafePostgresError,
    psycopg.OperationalError,
)


def said_of(error: Exception) -> str:
    """Returns what a person should read of one of FAILURES, without secrets."""
    match error:
        case LedgerNotFound():
            said = f"{error.detail} `backoffice ledger list` shows which there are."
        case Unanswered():
            said = f"{error.detail} ({error.code}) Nothing is lost by trying again."
        case psycopg.OperationalError():
            said = f"PostgreSQL can't be used: {str(error).strip()}\nCheck DATABASE_URL."
        case _:
            said = str(error)
    return masked(said)
