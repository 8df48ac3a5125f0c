"""Years are closed by a worker that is cut off after each thing that it writes, and begun anew.

After each close no revenue or expense holds anything, in no asset, no value and no dimension; and
nothing was posted twice.
"""

import random
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from datetime import date
from decimal import Decimal
from typing import Any, cast

import pytest

from application.identity import CommandIds
from application.ledgers import Ledgers
from application.outcomes import Caller, Outcome, Unit
from domain.accounts import CloseAccount, OpenAccount
from domain.assets import RegisterAsset
from domain.closes import ClosePeriod, FilePeriod, ReopenPeriod
from domain.entries import Post
from domain.ledgers import LockBooks
from domain.legs import LegAsked
from domain.rates import RecordRate
from interface.closer import Closer, NotShown
from tests.application.conftest import own_office, template, unchecked_office  # noqa: F401 -- fixtures
from tests.application.office import Office, transfer
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

    @property
    def ids(self) -> CommandIds:
        return self._ledgers.writer("acme").ids

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


def test_what_was_closed_since_stands_in_no_ones_way(
    own_office: Office,  # noqa: F811
    worker: Worker,
) -> None:
    """Rent was moved to travel in the new year and its account closed before the old year was."""
    office = own_office
    found(office)
    office.done(LockBooks(through=date(2025, 11, 30)))
    office.done(transfer("rent", "bank", "100.00", effective_on=date(2025, 12, 1)))
    office.done(transfer("travel", "rent", "100.00", effective_on=date(2026, 1, 1)))
    office.done(CloseAccount(account="rent"))
    close(office, worker, "2025-12", cut_after=1)
    closed = last_of(office, "PeriodClosed")
    (entry,) = [one for one in office.records() if one["stream"] in closed["entries"]]
    assert [(leg["account"], leg["side"]) for leg in entry["payload"]["legs"]] == [
        ("rent", "credit"),
        ("kept:USD", "debit"),
    ]
    refused = office.do(transfer("rent", "bank", "1.00", class_="closing"))
    assert refused.code == "account_closed"


CLOSING_RATES = {"2025-12": "1.15", "2026-01": "1.05", "2026-02": "1.20"}
HELD = {"2025-12": 1000, "2026-01": 1100, "2026-02": 1200}
"""So many euros at the end of each month, booked at 1.10."""


def test_a_close_revalues_and_takes_the_revaluation_before_it_back(
    own_office: Office,  # noqa: F811
    worker: Worker,
) -> None:
    """No revaluer works: whatever is due is done by the close, however often it is cut off."""
    office = own_office
    found(office)
    office.done(OpenAccount(code="euros", type="asset", name="Euros", asset="EUR", monetary=True))
    office.done(LockBooks(through=date(2025, 11, 30)))
    held = 0
    for cut, (period, rate) in enumerate(CLOSING_RATES.items(), start=1):
        last_on = _last_day(period)
        office.done(_bought(HELD[period] - held, last_on))
        held = HELD[period]
        close(office, worker, period, cut_after=cut)
        assert last_of(office, "CloseAbandoned")["why"] == "rate_not_found"
        office.done(
            RecordRate(base="EUR", quote="USD", kind="closing", rate=rate, effective_on=last_on)
        )
        close(office, worker, period, cut_after=cut)
        closed = last_of(office, "PeriodClosed")
        assert closed["period"] == period
        records = office.records()
        assert closed["digest"] == trial_balance_digest(records, last_on.isoformat())
        assert _worth_of_euros(records, last_on) == HELD[period] * int(rate.replace(".", ""))
    records = office.records()
    # Whatever was revalued is taken back on the first of the next month, the last one still due.
    assert _worth_of_euros(records, date(2026, 1, 1)) == HELD["2025-12"] * 110
    assert _worth_of_euros(records, date(2026, 2, 1)) == HELD["2026-01"] * 110
    assert len(office.query("SELECT entry FROM {}.due_reversals")) == 1
    office.done(ReopenPeriod(period="2026-02", reason="regulatory"))
    office.done(ReopenPeriod(period="2026-02"), by=CARL)
    close(office, worker, "2026-02", cut_after=2)
    assert last_of(office, "RevaluationPosted")["entries"] == []


def _last_day(period: str) -> date:
    year, month = int(period[:4]), int(period[5:])
    return date(year, month, monthrange(year, month)[1])


def _bought(euros: int, day: date) -> Post:
    amount, worth = f"{euros}.00", f"{euros * 11 // 10}.00"
    return Post(
        effective_on=day,
        legs=[
            LegAsked(
                account=account,
                side=cast(Any, side),
                amount=amount,
                asset="EUR",
                functional_amount=worth,
            )
            for account, side in (("euros", "debit"), ("conv", "credit"))
        ],
    )


def _worth_of_euros(records: list[dict[str, Any]], day: date) -> int:
    """In cents, at the end of a day."""
    return sum(
        (1 if leg["side"] == "debit" else -1) * int(leg["functional_amount"].replace(".", ""))
        for record in records
        if record["type"] == "EntryPosted" and record["payload"]["effective_on"] <= str(day)
        for leg in record["payload"]["legs"]
        if leg["account"] == "euros"
    )


def last_of(office: Office, type: str) -> dict[str, Any]:
    return next(
        dict(record["payload"]) for record in reversed(office.records()) if record["type"] == type
    )


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
