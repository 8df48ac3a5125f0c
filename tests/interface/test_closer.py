"""Years are closed by a worker that is cut off after each thing that it writes, and begun anew.

After each close no revenue or expense holds anything, in no asset, no value and no dimension; and
nothing was posted twice.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from datetime import date
from decimal import Decimal
from typing import Any, cast

import pytest

from application.ledgers import Ledgers
from application.outcomes import Caller, Outcome, Unit
from domain.accounts import OpenAccount
from domain.assets import RegisterAsset
from domain.closes import ClosePeriod, FilePeriod, ReopenPeriod
from domain.entries import Post
from domain.ledgers import LockBooks
from domain.legs import LegAsked
from interface.closer import Closer, NotShown
from tests.application.conftest import own_office, template, unchecked_office  # noqa: F401 -- fixtures
from tests.application.office import Office
from tests.interface.evidence.busy import trial_balance_digest
from tests.projections.conftest import Worker

YEARS = range(2021, 2026)
OWN_EUROS_FROM = 2024
"""Until then euros go through conversion into dollars."""

CUTS = (1, 2, 3)
ROUNDS = 12
RESULTS = ("sales", "rent", "travel")
CARL = Caller("carl", "key-7", frozenset({"controller"}), "http")


class Killed(Exception):
    """The worker's end, as far as it can tell."""


class Cutting:
    """Ledgers whose writer's answers do not come back from a certain one on."""

    def __init__(self, ledgers: Ledgers, *, after: int) -> None:
        self._ledgers = ledgers
        self._left = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledgers, name)

    def writer(self, _ledger: str) -> "Cutting":
        return self

    def submit(self, units: Sequence[Unit]) -> list[Outcome]:
        outcomes = self._ledgers.writer("acme").submit(units)
        self._left -= 1
        if not self._left:
            raise Killed
        return outcomes


@pytest.fixture
def worker(own_office: Office) -> Iterator[Worker]:  # noqa: F811
    made = Worker(own_office)
    with closing(made.connection):
        yield made


def test_years_are_closed_whenever_the_worker_is_cut_off(
    own_office: Office,  # noqa: F811
    worker: Worker,
) -> None:
    chance = random.Random(4)
    office = own_office
    found(office)
    for year in YEARS:
        if year == OWN_EUROS_FROM:
            office.done(retained("EUR"))
        december, last_on = f"{year}-12", date(year, 12, 31)
        office.done(LockBooks(through=date(year, 11, 30)))
        live(office, chance, last_on)
        close(office, worker, december, cut_after=chance.choice(CUTS))
        check_closed(office, december, last_on)
        office.done(ReopenPeriod(period=december, reason="regulatory"))
        office.done(ReopenPeriod(period=december), by=CARL)
        if chance.random() < 0.5:  # else the next close takes its entries back itself
            work(office, worker, None)
        live(office, chance, last_on)
        close(office, worker, december, cut_after=chance.choice(CUTS))
        check_closed(office, december, last_on)
        office.done(FilePeriod(period=december))


def found(office: Office) -> None:
    accounts = [OpenAccount(code=code, type="expense", name=code) for code in RESULTS[1:]]
    accounts.append(OpenAccount(code="sales", type="revenue", name="Sales"))
    accounts.append(OpenAccount(code="bank", type="asset", name="Bank"))
    accounts.append(retained("USD"))
    accounts.append(OpenAccount(code="conv", type="equity", name="FX", purpose="conversion"))
    for outcome in office.all(RegisterAsset(code="EUR"), *accounts):
        assert outcome.status == "done", outcome.detail


def retained(asset: str) -> OpenAccount:
    code = f"kept:{asset}"
    return OpenAccount(
        code=code, type="equity", name=code, asset=asset, purpose="retained_earnings"
    )


def live(office: Office, chance: random.Random, day: date) -> None:
    """Random entries of one day: amounts and their worth need not have the same sign in the end."""
    for outcome in office.all(*[_entry(chance, day) for _ in range(8)]):
        assert outcome.status == "done", outcome.detail


def _entry(chance: random.Random, day: date) -> Post:
    asset = chance.choice(("USD", "EUR"))
    amount = f"{chance.choice((1, 2, 3))}.00"
    worth = None if asset == "USD" else f"{chance.randint(0, 4)}.00"
    dimensions = chance.choice((None, {"team": "a"}, {"team": "a", "job": "b"}, {"job": "b"}))
    sides = chance.choice((("debit", "credit"), ("credit", "debit")))
    return Post(
        effective_on=day,
        legs=[
            LegAsked(
                account=account,
                side=cast(Any, side),
                amount=amount,
                asset=asset,
                functional_amount=worth,
                dimensions=dimensions if account != "bank" else None,
            )
            for account, side in zip((chance.choice(RESULTS), "bank"), sides, strict=True)
        ],
    )


def close(office: Office, worker: Worker, period: str, *, cut_after: int) -> None:
    office.done(ClosePeriod(period=period))
    work(office, worker, cut_after)


def work(office: Office, worker: Worker, cut_after: int | None) -> None:
    """One worker after another, each cut off a thing later than the one before, until one comes to
    the end."""
    for number in range(ROUNDS):
        worker.catch_up()
        ledgers = office.ledgers
        if cut_after is not None:
            ledgers = cast(Ledgers, Cutting(office.ledgers, after=cut_after + number))
        with suppress(NotShown, Killed):
            Closer(ledgers, views_seconds=0).look_after("acme")
            return
    raise AssertionError("the closer does not come to an end")


def check_closed(office: Office, name: str, last_on: date) -> None:
    records = office.records()
    touched = {
        leg["account"]
        for record in records
        if record["type"] == "EntryPosted" and record["payload"].get("class") == "closing"
        for leg in record["payload"]["legs"]
        if record["payload"]["effective_on"] == last_on.isoformat()
    }
    assert ("conv" in touched) == (last_on.year < OWN_EUROS_FROM)
    nets: dict[tuple[str, str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    standing: list[str] = []
    for record in records:
        if record["type"] != "EntryPosted":
            continue
        payload = record["payload"]
        for leg in payload["legs"]:
            if leg["account"] in RESULTS and payload["effective_on"] <= last_on.isoformat():
                sign = 1 if leg["side"] == "debit" else -1
                sums = nets[
                    leg["account"], leg["asset"], str(sorted((leg.get("dimensions") or {}).items()))
                ]
                sums[0] += sign * Decimal(leg["amount"])
                sums[1] += sign * Decimal(leg.get("functional_amount", "0"))
        if payload.get("class") == "closing" and payload["effective_on"] == last_on.isoformat():
            if "corrects" in payload:
                standing.remove(payload["corrects"])
            else:
                standing.append(record["stream"])
    assert nets
    assert {key: sums for key, sums in nets.items() if any(sums)} == {}
    last = next(record for record in reversed(records) if record["type"] == "PeriodClosed")
    assert last["payload"]["period"] == name
    assert last["payload"].get("entries", []) == standing
    assert last["payload"]["digest"] == trial_balance_digest(records, last_on.isoformat())
