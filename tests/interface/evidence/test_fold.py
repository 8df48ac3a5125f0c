"""The second fold has a rule for every event, or says so."""

import msgspec
import pytest

from domain.catalogue import EVENTS
from interface.evidence.divergence import Divergence
from interface.evidence.fold import Fold
from interface.evidence.shapes import Envelope


@pytest.mark.parametrize("name", sorted(event.__name__ for event in EVENTS))
def test_every_event_has_a_rule_in_the_second_fold(name: str) -> None:
    assert name in Fold("acme").known, (
        f"{name} is new: say in interface/evidence/fold.py (or chart.py, holds.py, passbook.py)"
        " what follows from it, in interface/evidence/rows.py which rows it changes, and in"
        " docs/evidence-format.md what its members mean to a verifier"
    )


def test_the_fold_has_no_rules_for_events_that_there_are_not() -> None:
    assert Fold("acme").known == {event.__name__ for event in EVENTS}


def test_an_unknown_event_is_no_quiet_matter() -> None:
    record = Envelope(1, "acme", 1, 1, "s", 1, "Teleported", "", None, msgspec.Raw(b"{}"))
    with pytest.raises(Divergence, match="Teleported"):
        Fold("acme").apply(record)
