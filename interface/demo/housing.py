"""Housing: $500 a month for each accountant who works from home, where a place costs $1,000.

Booked on the last business day of each month: an entry a cost centre with a leg for each person,
then one payment. Four things go wrong over the year and are put right, with their reasons.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

from interface.demo.chart import CASH, HOUSING, HOUSING_PAYABLE, OFFICE, SUPPLIERS
from interface.demo.days import MONTHS, YEAR, business_day_on_or_after, last_business_day
from interface.demo.entries import Body, credit, debit, post, verb
from interface.demo.numbers import stable_id

SUBSIDY_CENTS = 500_00
OFFICE_PLACE_CENTS = 1_000_00


class CostCentre(NamedTuple):
    """`stays`: months from first to last of each accountant at home; `places` in the office."""

    name: str
    stays: tuple[tuple[int, int], ...]
    places: int


WHOLE_YEAR = (1, 12)
COST_CENTRES = (
    CostCentre("reporting", (*[WHOLE_YEAR] * 8, (4, 12)), places=3),
    CostCentre("payables", (*[WHOLE_YEAR] * 6, (1, 6)), places=4),
    CostCentre("client-money", (*[WHOLE_YEAR] * 5, (7, 12), (7, 12)), places=3),
    CostCentre("tax", (WHOLE_YEAR,) * 4, places=2),
    CostCentre("audit-support", (*[WHOLE_YEAR] * 3, (2, 9)), places=2),
)
PAYABLES, CLIENT_MONEY_TEAM, TAX = COST_CENTRES[1], COST_CENTRES[2], COST_CENTRES[3]


def people(centre: CostCentre, month: int) -> list[str]:
    """Returns the parties that a cost centre has at home in a month."""
    return [
        f"{centre.name}-{number}"
        for number, (first, last) in enumerate(centre.stays, start=1)
        if first <= month <= last
    ]


def baselines() -> Iterator[Body]:
    """Yields what the same people's places in the office would have cost, as it was approved."""
    for centre in COST_CENTRES:
        yield {
            "account": HOUSING,
            "dimension": {"cost_centre": centre.name},
            "unit_amount": f"{OFFICE_PLACE_CENTS // 100}.00",
            "units": {f"{YEAR}-{month:02}": str(len(people(centre, month))) for month in MONTHS},
            "source": "Landlord's offer for places, December 2024",
            "approver": "compliance",
        }


def on(day: date) -> Iterator[Body]:
    """Yields what is booked for housing and places on a day."""
    if day == last_business_day(day.month):
        for centre in COST_CENTRES:
            yield from _book(centre, day)
        yield _pay(day)
        yield _places(day)
    if day == business_day_on_or_after(day.replace(day=10)) and day.month > 1:
        total = sum(centre.places for centre in COST_CENTRES) * OFFICE_PLACE_CENTS
        yield post(
            f"places:{day:%m}:paid",
            day,
            debit(SUPPLIERS, total),
            credit(CASH, total),
            journal="BANK",
            narrative="Landlord",
        )


def _book(centre: CostCentre, day: date) -> Iterator[Body]:
    name, month = f"housing:{day:%m}:{centre.name}", day.month
    present = people(centre, month)
    if (centre, month) == (PAYABLES, 3):
        yield _entry(name, day, _legs(centre, present))
        yield _entry(f"{name}:again", day, _legs(centre, present))
        yield _correct("reverse", f"{name}:again", reason="duplicate")
    elif (centre, month) == (TAX, 5):
        wrong = _legs(centre, present)
        wrong[0] = debit(HOUSING, 10 * SUBSIDY_CENTS, **_belongs(centre, present[0]))
        wrong[-1] = credit(HOUSING_PAYABLE, (len(present) + 9) * SUBSIDY_CENTS)
        yield _entry(name, day, wrong)
        right = _legs(centre, present)
        yield _correct("adjust", name, reason="wrong_amount", legs=right)
    elif (centre, month) == (CLIENT_MONEY_TEAM, 7):
        wrong = _legs(centre, present)
        wrong[-2] = debit(HOUSING, SUBSIDY_CENTS, **_belongs(COST_CENTRES[0], present[-1]))
        yield _entry(name, day, wrong)
        right = _legs(centre, present)
        yield _correct("adjust", name, reason="data_entry", legs=right)
    elif (centre, month) == (PAYABLES, 7):
        yield _entry(name, day, _legs(centre, [*present, "payables-7"]))
        yield _correct(
            "adjust",
            name,
            reason="other",
            narrative="payables-7 left at the end of June; the list was the old one.",
            legs=_legs(centre, present),
        )
    else:
        yield _entry(name, day, _legs(centre, present))


def _legs(centre: CostCentre, present: list[str]) -> list[Body]:
    shares = [debit(HOUSING, SUBSIDY_CENTS, **_belongs(centre, person)) for person in present]
    return [*shares, credit(HOUSING_PAYABLE, len(present) * SUBSIDY_CENTS)]


def _belongs(centre: CostCentre, person: str) -> Body:
    return {"party": person, "dimensions": {"cost_centre": centre.name}}


def _entry(name: str, day: date, legs: list[Body]) -> Body:
    narrative = f"Housing subsidy {day:%B %Y}"
    return post(name, day, *legs, id=stable_id(name), journal="PAY", narrative=narrative)


def _correct(do: str, name: str, **members: Any) -> Body:
    return verb(do, f"{name}:{do}", entry=stable_id(name), **members)


def _pay(day: date) -> Body:
    total = sum(len(people(centre, day.month)) for centre in COST_CENTRES) * SUBSIDY_CENTS
    return post(
        f"housing:{day:%m}:paid",
        day,
        debit(HOUSING_PAYABLE, total),
        credit(CASH, total),
        journal="BANK",
        narrative=f"Housing subsidy {day:%B %Y}",
    )


def _places(day: date) -> Body:
    legs = [
        debit(
            OFFICE,
            centre.places * OFFICE_PLACE_CENTS,
            dimensions={"cost_centre": centre.name},
            narrative=f"{centre.places} places",
        )
        for centre in COST_CENTRES
    ]
    total = sum(centre.places for centre in COST_CENTRES) * OFFICE_PLACE_CENTS
    return post(
        f"places:{day:%m}",
        day,
        *legs,
        credit(SUPPLIERS, total, due_on=f"{day.year + day.month // 12}-{day.month % 12 + 1:02}-10"),
        document={"type": "invoice", "number": f"HL-{day:%Y-%m}", "date": day.isoformat()},
        narrative=f"Office places {day:%B %Y}",
    )
