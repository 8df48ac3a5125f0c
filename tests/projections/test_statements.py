"""Statements by effective day, page by page, equal what sorting the records gives."""

import json
import random
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest

from application.records import SHAPES
from projections.account_statement import decode_record
from projections.lines import PLACES
from projections.statements import by_effective_day
from tests.application.office import Office
from tests.projections.conftest import Worker
from tests.projections.history import Leg, legs_of, live, prepare

QUESTIONS = 40

ENTRIES = sorted((Path(__file__).parents[1] / "application" / "shapes").glob("EntryPosted.v*.json"))


@pytest.mark.parametrize("fixture", ENTRIES, ids=lambda path: str(path.stem))
def test_entries_of_every_version_say_what_a_statement_shows(fixture: Path) -> None:
    for read in json.loads(fixture.read_bytes()):
        state = json.dumps(read).encode()
        recorded, whole = decode_record(state), SHAPES.decode(state)
        assert (recorded.stream, recorded.recorded_at) == (read["stream"], read["recorded_at"])
        event = msgspec.to_builtins(whole.payload)
        posted = msgspec.to_builtins(recorded.payload)
        legs = zip(posted.pop("legs"), event["legs"], strict=True)
        by_default = (None, "ordinary")  # what records leave out
        assert {name: said for name, said in posted.items() if said not in by_default} == {
            name: event[name] for name in posted if event.get(name) not in by_default
        }
        for leg, same in legs:
            assert leg == {name: same.get(name) for name in leg}


def test_pages_equal_the_records(
    own_office: Office, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sorted for each page, as of an account with few lines, and day by day."""
    monkeypatch.setattr("projections.totals.RUN_LINES", 3)
    chance = random.Random(5)
    prepare(own_office)
    live(own_office, chance, 90)
    worker.catch_up()
    legs = legs_of(own_office.records())
    days = sorted({leg.effective_on for leg in legs})
    for number in range(QUESTIONS):
        monkeypatch.setattr("projections.statements.SORTED_LINES", 0 if number % 2 else 1_000)
        one = chance.choice(legs)
        from_: date | None = chance.choice((None, chance.choice(days)))
        to = chance.choice((None, chance.choice(days), days[-1] + timedelta(days=3)))
        known = chance.randint(1, own_office.position)
        meant = [
            leg
            for leg in legs
            if (leg.account, leg.asset) == (one.account, one.asset) and leg.position <= known
        ]
        meant.sort(key=lambda leg: (leg.effective_on, leg.position, leg.number))
        expected, balance = [], Fraction(0)
        for leg in meant:
            balance += _signed(leg)
            if (from_ or date.min) <= leg.effective_on <= (to or date.max):
                expected.append((leg.position, leg.number, balance))
        found, after = [], None
        while True:
            page = by_effective_day(
                worker.connection,
                account=one.account,
                asset=one.asset,
                from_=from_,
                to=to,
                known=known,
                after=after,
                limit=chance.choice((1, 2, 7, 50)),
            )
            found += [(line.position, line.leg, Fraction(line.balance, 100)) for line in page.lines]
            if not page.more:
                break
            last = page.lines[-1]
            after = last.effective_on, last.position * PLACES + last.leg
        assert found == expected


def _signed(leg: Leg) -> Fraction:
    return leg.amount if leg.is_debit else -leg.amount
