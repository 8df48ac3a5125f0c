"""The machine finds faults: each rule planted wrong is noticed, and nothing where none is."""

from random import Random

import pytest

from tests.lives.driver import Lives
from tests.lives.faults import FAULTS
from tests.lives.in_memory import InMemory
from tests.lives.seeded import live

STEPS = 80
SEEDS = 60
"""So long is a life, and so many are tried; what the machine wishes may change."""
FOUND_IN: dict[str, int] = {
    "the ceiling is for each settlement": 6,
    "expiry is a moment late for usual commands": 6,
    "all that is due expires, needed or not": 95,
    "a condition does not make what is due expire": 14,
    "a limit does not make what is due expire": 2,
    "what expired for a group falls with it": 4,
    "chargebacks are not counted as returned": 2,
    "a refund needs no funds": 13,
    "a refund is counted as charged back": 1,
    "liens are not kept": 1,
    "legal liens give way to settlements": 27,
    "a legal freeze lets settle": 9,
    "a freeze lets what is beyond the hold pass": 9,
    "an increment needs no funds": 5,
    "an increment takes of no limit": 2,
    "what expires or is released is not given back to limits": 2,
    "what is reduced is not given back to limits": 44,
    "a month's limit begins every day": 2,
    "a day's limit begins every month": 19,
    "what is given back counts in the period of now": 77,
    "a hold is released twice": 15,
    "a settled hold is voided": 4,
    "a refund restores the hold": 1,
    "a final settlement holds the rest": 2,
    "a reversal restores the hold unasked": 1,
    "an entry is corrected twice": 2,
    "a correction counts as a refund": 1,
    "a correction may leave less settled than returned": 2,
    "a reference is settled twice": 1,
    "at least is more than": 9,
    "conditions are judged after funds": 2,
}
"""The seeds that find at once what the first ones do not: only time is saved by them."""


def lives_apart(seed: int) -> bool:
    """True where the ledger is not as the model has it in the life of this seed."""
    try:
        live(Lives(InMemory()), Random(seed), steps=STEPS)
    except AssertionError:
        return True
    return False


def test_nothing_is_found_where_nothing_was_planted() -> None:
    for seed in range(8):
        live(Lives(InMemory()), Random(seed), steps=STEPS)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    FAULTS[fault](monkeypatch)
    seeds = [FOUND_IN[fault]] if fault in FOUND_IN else []
    assert any(lives_apart(seed) for seed in [*seeds, *range(SEEDS)])
