"""Rows that are due and rows that are found meet, in whatever order and pieces they come."""

import random
from collections.abc import Iterator
from contextlib import closing

import pytest

from interface.evidence.stretches import STRETCH, Sides, stretch_of

ROWS = [f"({n},b{n % 7})" for n in range(1, 60)]
QUOTED = ['(1,"a\nb")', '(2,"say ""x"",\n(3,y)")', "(3,)", '(4,"\\\\")']


@pytest.fixture(params=["memory", "file"])
def sides(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sides]:
    if request.param == "file":
        monkeypatch.setattr("interface.evidence.stretches.KEPT_CHARACTERS", 20)
    with closing(Sides()) as found:
        yield found


@pytest.mark.parametrize("rows", [ROWS, QUOTED])
def test_the_same_rows_meet_in_any_order(sides: Sides, rows: list[str]) -> None:
    chance = random.Random(4)
    for number in (0, 1):
        shuffled = chance.sample(rows, len(rows))
        sides.add_due(number, rows[:3])
        for row in shuffled:
            sides.add_found(number, row)
        sides.add_due(number, rows[3:])
    assert sides.meet(1) == []
    assert sides.meet(2) == []


def test_the_same_rows_in_the_same_order_meet(sides: Sides) -> None:
    sides.add_due(0, QUOTED)
    sides.add_found(0, "\n".join(QUOTED))
    assert sides.meet(1) == []


def test_a_row_waits_for_its_counterpart(sides: Sides) -> None:
    sides.add_due(3, ROWS)
    sides.add_found(3, "\n".join(ROWS[:-1]))
    assert sides.meet(4) == [3]
    sides.add_found(3, ROWS[-1])
    assert sides.meet(4) == []


def test_what_is_beyond_is_not_looked_at(sides: Sides) -> None:
    sides.add_found(5, ROWS[0])
    assert sides.meet(5) == []
    assert sides.meet(6) == [5]


@pytest.mark.parametrize(
    ("found", "due_alone", "found_alone"),
    [
        ([*ROWS[:-1], "(59,b2)"], {"(59,b3)"}, {"(59,b2)"}),
        (ROWS[1:], {ROWS[0]}, set()),
        ([], {*ROWS}, set()),
        ([*ROWS, "(60,b4)"], set(), {"(60,b4)"}),
        ([*ROWS, ROWS[4]], set(), {ROWS[4]}),
        ([ROWS[5], *ROWS[1:]], {ROWS[0]}, {ROWS[5]}),
    ],
    ids=["another", "one less", "none", "one more", "one twice", "one in another's place"],
)
def test_what_stays_alone_is_named(
    sides: Sides, found: list[str], due_alone: set[str], found_alone: set[str]
) -> None:
    sides.add_due(0, ROWS)
    for row in found:
        sides.add_found(0, row)
    assert sides.meet(1) == [0]
    assert sides.meet(1) == [0]
    assert sides.unlike(0) == (due_alone, found_alone)


def test_stretches_are_counted_from_the_first_position() -> None:
    assert [stretch_of(position) for position in (1, STRETCH, STRETCH + 1)] == [0, 0, 1]
