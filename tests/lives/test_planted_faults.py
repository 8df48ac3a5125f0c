"""The machine finds faults: each rule planted wrong is noticed, and nothing where none is."""

from random import Random

import pytest

from tests.lives.driver import Lives
from tests.lives.faults import FAULTS
from tests.lives.in_memory import InMemory
from tests.lives.seeded import live

SEEDS = 40
STEPS = 100
"""So many lives at most, and so long each; most faults are found in the first."""


def lives_apart(seed: int) -> bool:
    """True where the ledger is not as the model has it in the lives of this seed."""
    try:
        live(Lives(InMemory()), Random(seed), steps=STEPS)
    except AssertionError:
        return True
    return False


def test_nothing_is_found_where_nothing_was_planted() -> None:
    live(Lives(InMemory()), Random(0), steps=10 * STEPS)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    FAULTS[fault](monkeypatch)
    assert any(lives_apart(seed) for seed in range(SEEDS))
