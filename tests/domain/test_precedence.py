"""Which refusal a command gets when several things are wrong with it: one order for all commands.

Each fault is tried alone, then every two of different rank together, whichever of them comes first
in the command. The tables name every command and every refusal that the domain has.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from domain.catalogue import DECISIONS
from domain.refusals import Refusal
from tests.domain.faults import (
    Fault,
    Good,
    common_faults,
)
from tests.domain.faulty_chart import CHART_CHANGES
from tests.domain.faulty_holds import HOLDS
from tests.domain.faulty_periods import PERIODS
from tests.domain.faulty_postings import POSTINGS
from tests.domain.faulty_rates import RATES
from tests.domain.harness import ledger

TABLES = [
    good._replace(faults=[*good.faults, *common_faults()])
    if ledger.what[0] in good.start.what
    else good
    for good in (*POSTINGS, *HOLDS, *CHART_CHANGES, *PERIODS, *RATES)
]


def alone() -> list[Any]:
    return [
        pytest.param(good, one, id=f"{good.command.__name__}-{one.code}")
        for good in TABLES
        for one in good.faults
    ]


@pytest.mark.parametrize("good", TABLES, ids=lambda good: good.command.__name__)
def test_without_a_fault_the_command_succeeds(good: Good) -> None:
    assert good.when().code is None


@pytest.mark.parametrize(("good", "one"), alone())
def test_a_fault_alone(good: Good, one: Fault) -> None:
    assert good.when(one).code == one.code


@pytest.mark.parametrize("good", TABLES, ids=lambda good: good.command.__name__)
def test_of_two_faults_the_earlier_rank_is_told(good: Good) -> None:
    told_wrongly = [
        (first.code, second.code)
        for one, other in good.pairs()
        for first, second in ((one, other), (other, one))
        if good.when(first, second).code != one.code
    ]
    assert told_wrongly == []


def test_the_tables_name_every_command() -> None:
    assert {good.command for good in TABLES} == set(DECISIONS)


def test_the_tables_name_every_refusal_of_the_domain() -> None:
    def all_of(kind: type[Refusal]) -> Iterator[type[Refusal]]:
        for one in kind.__subclasses__():
            yield one
            yield from all_of(one)

    codes = {
        one.code
        for one in all_of(Refusal)
        if one.__module__.startswith("domain.") and "code" in vars(one)
    }
    # Who may send a command is decided outside of the domain.
    assert codes - {one.code for good in TABLES for one in good.faults} == {"forbidden"}
