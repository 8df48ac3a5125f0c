"""What is certified is made again from the records alone."""

from datetime import date
from typing import Any

import pytest

from application.transparency.certificates import canonical
from interface.evidence.recomputed import Recomputation
from interface.evidence.shapes import decode_envelope
from interface.http.door import snapshot
from interface.http.viewing import read_own
from interface.reports.certificates import model, parameters
from interface.reports.making import make_document
from tests.interface.http.reports.past import WITHOUT, Past

DAYS = {"from_": date(2026, 1, 10), "to": date(2026, 3, 1)}
ASKED: list[tuple[str, dict[str, Any]]] = [
    *(("trial-balance", {"basis": basis}) for basis in WITHOUT),
    ("trial-balance", {"depth": 1, "effective_on": date(2026, 2, 1)}),
    *((name, {"basis": "adjusted", **DAYS}) for name in ("trial-balance", "general-ledger")),
    ("trial-balance", {"period": "2026-01", "close": 1, "to": date(2026, 1, 31)}),
    *((name, {}) for name in ("general-ledger", "journal", "roll-forward")),
    *((name, {"account": "assets:bank", **DAYS}) for name in ("general-ledger", "journal")),
    ("roll-forward", DAYS),
    *(
        ("statement", {"account": account, "asset": asset, "basis": basis, **days})
        for account, asset in (("assets:bank", "USD"), ("revenue:sales", "EUR"))
        for basis in ("effective", "booking")
        for days in ({}, {"from_": date(2026, 1, 5)}, {"to": date(2026, 2, 2)})
    ),
    *(
        ("statement", {"account": "assetsx", "basis": basis, "from_": from_, "to": to})
        for basis in ("effective", "booking")
        for from_, to in (
            (date(2026, 3, 1), date(2026, 1, 1)),
            (date.min, date.max),
            (date(9999, 12, 31), date(9999, 12, 31)),
        )
    ),
]


@pytest.mark.parametrize("share", [0.3, 0.8, 1])
def test_what_is_certified_follows_from_the_records_alone(past: Past, share: float) -> None:
    """Made from the views, and made again without them: the same bytes."""
    _, legs, office = past
    known = int(office.position * share)
    records = [decode_envelope(state) for state in office.states()]
    days = sorted(leg.recorded_at for leg in legs)
    between = {"from_": date.fromisoformat(days[9][:10]), "to": date.fromisoformat(days[-9][:10])}
    asked = [*ASKED, ("statement", {"account": "assets:bank", "basis": "booking", **between})]
    with office.ledgers.reader("acme") as connection, snapshot(connection):
        ledger = read_own(connection)
        for name, query in asked:
            document = make_document(connection, ledger=ledger, known=known, name=name, query=query)
            again = Recomputation(report=name, parameters=parameters(document), position=known)
            for record in records:
                again.take(record)
            assert canonical(again.model()) == canonical(model(document)), (name, query)
