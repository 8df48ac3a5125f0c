"""Past balances equal what adding up the records gives, for random histories and questions."""

import random
from datetime import date, timedelta
from fractions import Fraction

import pytest

from projections.balances import read_past
from projections.lines import PLACES
from tests.application.office import Office
from tests.projections.conftest import Worker
from tests.projections.history import CHART, balances, legs_of, live, prepare

QUESTIONS = 60


@pytest.mark.parametrize(("seed", "run_lines"), [(1, 1), (2, 5), (3, 20), (4, 128)])
def test_past_balances_equal_the_records(
    own_office: Office,
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    run_lines: int,
) -> None:
    monkeypatch.setattr("projections.totals.RUN_LINES", run_lines)
    # Many an account by the chart, and a stretch of it that ends now and then.
    monkeypatch.setattr("projections.balances.MANY_ACCOUNTS", 1 if seed % 2 else 4)
    monkeypatch.setattr("projections.chart_totals.STRETCH_PLACES", run_lines * PLACES * 10)
    chance = random.Random(seed)
    prepare(own_office)
    worker.catch_up()
    # Caught up in steps of different sizes, in between and at last.
    for _ in range(3):
        live(own_office, chance, 40)
        worker.catch_up(batch=chance.choice((1, 7, 100)))
    legs = legs_of(own_office.records())
    head = own_office.position
    first = min(leg.effective_on for leg in legs)
    last = max(leg.effective_on for leg in legs)
    for _ in range(QUESTIONS):
        position = chance.choice((head, chance.randint(1, head)))
        day: date | None = first + timedelta(days=chance.randint(-2, (last - first).days + 2))
        day = chance.choice((day, None, chance.choice(legs).effective_on))
        expected = balances(legs, position=position, effective_on=day)
        found = read_past(worker.connection, position=position, effective_on=day)
        assert {
            (row.account, row.asset): (
                Fraction(row.debits, 100),
                Fraction(row.credits, 100),
                Fraction(row.functional, 100),
            )
            for row in found
        } == expected
        account = chance.choice(list(CHART))
        branch = [
            (row.account, row.asset)
            for row in read_past(
                worker.connection, position=position, effective_on=day, branch="assets"
            )
        ]
        assert branch == sorted(key for key in expected if key[0].startswith("assets:"))
        one = read_past(worker.connection, position=position, effective_on=day, account=account)
        assert {(row.account, row.asset) for row in one} == {
            key for key in expected if key[0] == account
        }
