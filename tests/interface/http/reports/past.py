"""What the tests of reports ask, and of what: a ledger with a random history, and its legs."""

import random
from collections import defaultdict
from contextlib import closing
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from interface.http.app import create_app
from interface.http.door import HttpSettings
from tests.application.office import Office
from tests.interface.http.world import World, body_of
from tests.projections.conftest import Worker
from tests.projections.history import (
    CHART,
    Leg,
    legs_of,
    live,
    prepare,
)

WITHOUT = {
    "unadjusted": {
        "adjusting",
        "reclassification",
        "audit_adjustment",
        "revaluation",
        "closing",
    },
    "adjusted": {"closing"},
    "post-closing": set(),
}


CLOSED = "2025-12"
"""The month that was closed with its year, reopened and closed anew."""

Past = tuple[World, list[Leg], Office]


def lived(office: Office) -> Past:
    """Gives the ledger a random history and takes its views to the end of it."""
    prepare(office)
    live(office, random.Random(5), 120)
    catch_up(office)
    world = World(office.ledgers, create_app(office.ledgers, HttpSettings()), ledger=None)
    world.path = "/v1/ledgers/acme"
    return world, legs_of(office.records()), office


def catch_up(office: Office) -> None:
    worker = Worker(office)
    with closing(worker.connection):
        worker.catch_up()


def get(world: World, name: str, **query: Any) -> dict[str, Any]:
    asked = "&".join(f"{k}={v}" for k, v in query.items() if v is not None)
    answer = world.auditor.get(f"{world.path}/reports/{name}?{asked}")
    assert answer.status_code == 200, answer.text
    return body_of(answer)


def questions(legs: list[Leg], head: int) -> list[tuple[date, int]]:
    chance = random.Random(9)
    days = sorted({leg.effective_on for leg in legs})
    found = [(days[-1], head), (days[0] - timedelta(days=1), head)]
    found += [(chance.choice(days), chance.randint(1, head)) for _ in range(12)]
    return found


def functional(legs: list[Leg]) -> dict[str, Fraction]:
    found: dict[str, Fraction] = defaultdict(Fraction)
    for leg in legs:
        found[leg.account] += leg.functional if leg.is_debit else -leg.functional
    return found


def of_kind(nets: dict[str, Fraction], *kinds: str) -> Fraction:
    return sum((net for code, net in nets.items() if CHART[code] in kinds), Fraction(0))


def follow(world: World, path: str) -> dict[str, Any]:
    answer = world.auditor.get(path)
    assert answer.status_code == 200, (path, answer.text)
    return body_of(answer)


def net(row: dict[str, Any]) -> Fraction:
    return Fraction(row["debit"] or 0) - Fraction(row["credit"] or 0)
