"""The state as it was: from the records alone, at any position and moment."""

from typing import Any

import pytest

from application.sessions import acting_as_service
from interface.evidence.fold import Fold
from interface.evidence.live import LiveSource, session
from interface.evidence.replay import Until, changes_of, replay, state_of
from tests.application.transparency.archive import Archive


def replayed(archive: Archive, until: str | None) -> tuple[dict[str, Any], list[Any]]:
    fold = Fold(archive.ledger)
    changes: list[Any] = []
    with session(acting_as_service(archive.database.service), archive.ledger) as connection:
        source = LiveSource(connection)
        batches = source.records(0, source.position)
        changes += [
            (record.position, changes_of(fold, record))
            for record in replay(fold, batches, Until(until))
        ]
    return state_of(fold), changes


def test_the_end_is_what_the_rows_say(busy: Archive) -> None:
    state, changes = replayed(busy, None)
    assert state["position"] == busy.position == len(changes)
    for balance in state["balances"]:
        row = busy.balance(balance["account"], balance["asset"])
        found = tuple(
            int(balance[name].replace(".", ""))
            for name in ("debits", "credits", "pending_debits", "pending_credits")
        )
        assert found == row
    assert len(state["holds"]) == 2
    last: dict[Any, Any] = {}
    for _, changed in changes:
        last |= {(one["account"], one["asset"]): one for one in changed}
    assert list(last.values()) == sorted(
        state["balances"], key=lambda one: list(last).index((one["account"], one["asset"]))
    )


def test_any_position_is_the_state_that_its_records_left(busy: Archive) -> None:
    records = busy.records()
    for record in records:
        if record["type"] != "EntryPosted" or record["position"] > 60:
            continue
        state, _ = replayed(busy, str(record["position"]))
        assert state["position"] == record["position"]
        assert state["recorded_at"] == record["recorded_at"]
        last = {(leg["account"], leg["asset"]): leg for leg in record["payload"]["legs"]}
        for balance in state["balances"]:
            leg = last.get((balance["account"], balance["asset"]))
            if leg is not None:
                assert (balance["balance"], balance["lines"]) == (leg["balance"], leg["line"])


def test_a_moment_is_all_that_was_recorded_by_then(busy: Archive) -> None:
    records = busy.records()
    moment = records[40]["recorded_at"]
    state, _ = replayed(busy, moment)
    assert state["position"] == max(r["position"] for r in records if r["recorded_at"] <= moment)
    assert replayed(busy, "1999-01-01T00:00:00+01:00")[0]["position"] == 0


@pytest.mark.parametrize("text", ["", "-1", "tomorrow", "2026-03-31T12:00:00", "1.5"])
def test_what_is_neither_a_position_nor_a_moment(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- which it is says the command line
        Until(text)
