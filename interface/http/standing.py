"""How the views of all ledgers stand, for who watches the service."""

from typing import Any

from prometheus_client import Gauge

from application.ledgers import Ledgers
from domain.ledgers import SYSTEM
from projections.status import ViewStatus, read_status

LAG_EVENTS = Gauge(
    "backoffice_view_lag_events", "Events that a view does not show yet.", ["ledger", "view"]
)
LAG_SECONDS = Gauge(
    "backoffice_view_lag_seconds",
    "Age of the oldest event that a view does not show yet.",
    ["ledger", "view"],
)
STOPPED = Gauge(
    "backoffice_view_stopped", "1: a view can't process its next event.", ["ledger", "view"]
)


def view_statuses(ledgers: Ledgers) -> list[tuple[str, ViewStatus]]:
    """Returns how each view of each ledger stands. Raises psycopg.Error."""
    found = []
    for name in ledgers.names():
        if name != SYSTEM:
            with ledgers.reader(name) as connection:
                found += [(name, status) for status in read_status(connection)]
    return found


def measure_views(ledgers: Ledgers) -> None:
    """Sets the metrics of all views. Raises psycopg.Error."""
    for ledger, status in view_statuses(ledgers):
        LAG_EVENTS.labels(ledger, status.view).set(status.lag_events)
        LAG_SECONDS.labels(ledger, status.view).set(status.lag_seconds)
        STOPPED.labels(ledger, status.view).set(status.error is not None)


def stopped_views(ledgers: Ledgers) -> list[dict[str, Any]]:
    """Returns what stands still and at which event; why is for `projections status`, which takes
    who runs the machine. Raises psycopg.Error."""
    return [
        {"ledger": ledger, "view": status.view, "position": status.stopped_at_position}
        for ledger, status in view_statuses(ledgers)
        if status.error is not None
    ]
