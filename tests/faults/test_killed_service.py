"""`kill -9` of the service, and of its PostgreSQL, in the middle of a load over HTTP.

Clients retry with their keys until they are answered. What they were told, before and after, is one
truth: each command is on record once, each group whole, and who asks again gets the same answer.
"""

import os
import signal
from collections import Counter
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from psycopg.conninfo import make_conninfo

from interface.embedded import EmbeddedPostgres
from tests.faults.clients import Clients
from tests.faults.evidence import Evidence, check_sound
from tests.patience import PATIENCE_SECONDS
from tests.service import CHART, MakeService, Service

CLIENTS = 4
GROUP = 60
RETRY_SECONDS = 0.05
CASH, WALLET = "assets:cash", "liabilities:wallets:ann"
MERCHANT = "liabilities:merchant"


class HttpLoad(Clients[httpx.Response]):
    """Clients of one service; a request's name is its key."""

    def __init__(self, service: Service, ledger: str) -> None:
        super().__init__(clients=CLIENTS)
        self._service = service
        self.ledger = ledger
        self.bodies: dict[str, tuple[str, Any]] = {}
        self.retries = 0

    def ask(self, name: str, *, client: int, number: int) -> httpx.Response:
        """Sends a request of one of four kinds until it is answered."""
        self.bodies[name] = request(name, kind=(client + number) % 4)
        return self.ask_until_answered(name)

    def ask_until_answered(self, key: str) -> httpx.Response:
        """Sends a request, and again with its key until it is answered."""
        deadline = monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = self._ask(key)
            except httpx.TransportError:
                pass  # nobody there, or gone before the answer
            else:
                if answer.status_code != 503:
                    return answer
                assert answer.json()["code"] in ("busy", "unavailable", "outcome_unknown")
            self.retries += 1
            assert monotonic() < deadline, f"{key} is not answered any more"
            sleep(RETRY_SECONDS)

    def _ask(self, key: str) -> httpx.Response:
        path, body = self.bodies[key]
        return self._service.request(
            "POST", f"/v1/ledgers/{self.ledger}/{path}", json=body, key=key, role="clerk"
        )


def request(key: str, *, kind: int) -> tuple[str, Any]:
    """A route and a body."""
    if kind == 0:
        return "entries", entry(CASH, WALLET, "10.00")
    if kind == 1:
        hold = {"debit": WALLET, "credit": MERCHANT, "amount": "3.00", "asset": "USD"}
        return "authorizations", hold
    if kind == 2:
        return "entries", entry(WALLET, CASH, "1000000.00")
    posts = [
        {
            "do": "post",
            "key": f"{key}-{number}",
            "group": "all",
            "reference": f"group {key}",
            **entry(CASH, MERCHANT, "0.01"),
        }
        for number in range(GROUP)
    ]
    return "batch", {"commands": posts}


def entry(debit: str, credit: str, amount: str) -> dict[str, Any]:
    legs = [
        {"account": debit, "side": "debit", "amount": amount, "asset": "USD"},
        {"account": credit, "side": "credit", "amount": amount, "asset": "USD"},
    ]
    return {"legs": legs}


@pytest.fixture
def mortal(make_service: MakeService) -> Service:
    """A service with a PostgreSQL of its own, which a test may kill."""
    made = make_service(embedded=True)
    made.start()
    return made


@pytest.fixture
def load(mortal: Service) -> HttpLoad:
    """Clients of a new ledger of that service."""
    ledger = mortal.create_ledger()
    for account in CHART:
        body = {"asset": "USD", **account}
        answer = mortal.request("POST", f"/v1/ledgers/{ledger}/accounts", json=body)
        assert answer.status_code == 201
    return HttpLoad(mortal, ledger)


def test_the_service_is_killed(mortal: Service, load: HttpLoad) -> None:
    with load.running():
        # First the process that answers, which its supervisor starts again; then all of them.
        os.kill(mortal.answering_pid, signal.SIGKILL)
        load.wait_for_answers()
        mortal.restart()
        load.wait_for_answers()
    assert load.retries
    check(mortal, load)


def test_its_postgresql_is_killed(mortal: Service, load: HttpLoad) -> None:
    postmaster = data_dir_of(mortal) / "postgres" / "postmaster.pid"
    with load.running():
        for _ in range(2):
            os.kill(int(postmaster.read_text().splitlines()[0]), signal.SIGKILL)
            load.wait_for_answers()
    # No retry is asked for: the writer may have tried again by itself before a client noticed.
    check(mortal, load)


def check(service: Service, load: HttpLoad) -> None:
    """Fails unless the log is sound, has what was answered and nothing else, and says so again."""
    server = EmbeddedPostgres(data_dir=data_dir_of(service))
    superuser = make_conninfo(server.start().superuser, dbname="backoffice")
    found = check_sound(superuser, load.ledger)
    told = [position for answer in load.first.values() for position in positions(answer)]
    beginning = len(found.records) - len(told)
    assert sorted(told) == list(range(beginning + 1, len(found.records) + 1))
    check_groups(found)
    for key, first in load.first.items():
        again = load.ask_until_answered(key)
        assert (again.status_code, truth(again)) == (first.status_code, truth(first))
        if "results" not in again.json():
            assert again.headers["Idempotency-Replayed"] == "true"
    assert len(check_sound(superuser, load.ledger).records) == len(found.records)
    server.stop()


def positions(answer: httpx.Response) -> list[int]:
    """Of all records that an answer tells of: each command here leaves one."""
    body = answer.json()
    return [item["position"] for item in body.get("results", [body])]


def truth(answer: httpx.Response) -> Any:
    """What an answer says, but for whether it says so for the first time."""
    body = answer.json()
    if "results" not in body:
        return body
    return [{**item, "status": item["status"] == "refused"} for item in body["results"]]


def check_groups(found: Evidence) -> None:
    """Fails where a part of a group is on record and another is not."""
    references = Counter(
        record["payload"].get("reference") for record in found.of_type("EntryPosted")
    )
    assert {size for group, size in references.items() if group} == {GROUP}


def data_dir_of(service: Service) -> Path:
    """Where its PostgreSQL is."""
    return Path(service.environment["BACKOFFICE_DATA_DIR"])
