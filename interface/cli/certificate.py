"""What `backoffice report --certificate` does beside the report."""

from time import monotonic, sleep

from application.ledgers import Ledgers
from application.sessions import acting_as_service
from application.transparency.sealer import Contradiction, Sealer
from application.transparency.sealer import connect as connect_sealer
from application.transparency.vault import VaultClosed
from domain.statements import StateAccount
from interface.bootstrap import Database
from interface.cli.access import send
from interface.cli.failures import Failed
from interface.reports.certificates import Draft, certify, signed_size

SIGNED_WITHIN_SECONDS = 30.0
LOOK_AGAIN_SECONDS = 0.1


def state_account(ledgers: Ledgers, ledger: str, *, account: str, asset: str | None) -> int:
    """Puts on record how many lines an account has, and returns the position. Raises Failed."""
    outcome = send(ledgers, ledger, StateAccount(account=account, asset=asset))
    assert outcome.position is not None
    return outcome.position


def make_certificate(database: Database, ledgers: Ledgers, drafted: Draft) -> str:
    """Returns the certificate, after signing the log where no worker has yet.

    Raises Failed, Unanswered.
    """
    source = drafted.document.source
    ledger, position = source.ledger.id, source.known
    sealer = Sealer(
        conninfo=acting_as_service(database.service),
        names=lambda: [ledger],
        vault=ledgers.signing_keys.vault,
    )
    deadline = monotonic() + SIGNED_WITHIN_SECONDS
    try:
        with connect_sealer(acting_as_service(database.service)) as connection:
            while not _is_signed(ledgers, ledger, position):
                if monotonic() > deadline:
                    raise Failed(
                        f"Position {position} was not signed; `backoffice verify` may say why."
                    )
                # None: a worker's sealer is at it, or the ledger was stopped.
                if not sealer.seal(connection, ledger):
                    sleep(LOOK_AGAIN_SECONDS)
    except (Contradiction, VaultClosed) as error:
        raise Failed(f"The log can't be signed: {error}") from error
    return certify(ledgers, drafted)


def _is_signed(ledgers: Ledgers, ledger: str, position: int) -> bool:
    with ledgers.reader(ledger) as connection:
        return signed_size(connection) >= position
