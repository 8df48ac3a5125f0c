"""Many readers beside a load, while the worker dies and a view is made anew: no error, and every
answer is even at the position that it names."""

import os
import signal
import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.patience import PATIENCE_SECONDS, wait_until
from tests.service import MakeService, Service

READERS = 30
POSTERS = 4
PAUSE_SECONDS = 1.0
"""Between two questions of one of them: whoever reads thinks too."""

ROUNDS = 1
"""How many answers each reader gets, at least; they go on as long as anything else does."""


pytestmark = pytest.mark.long


class Crowd:
    """Threads that ask again and again, and note what should not be."""

    def __init__(self, service: Service, ledger: str) -> None:
        self.ending = threading.Event()
        self.wrong: list[str] = []
        self._path = f"/v1/ledgers/{ledger}"
        self._client = httpx.Client(
            base_url=service.url,
            timeout=PATIENCE_SECONDS,
            headers={"Authorization": f"Bearer {service.keys['controller']}"},
            limits=httpx.Limits(max_connections=READERS + POSTERS),
        )

    def threads(self) -> list[threading.Thread]:
        questions: list[Callable[[], None]] = [
            self.trial_balance,
            self.statement,
            self.entries,
            self.balances,
            self.sheet,
        ]
        return [
            *(
                threading.Thread(target=self._keep, args=(questions[n % len(questions)], ROUNDS))
                for n in range(READERS)
            ),
            *(threading.Thread(target=self._keep, args=(self.post, 0)) for _ in range(POSTERS)),
        ]

    def close(self) -> None:
        self._client.close()

    def _keep(self, ask: Callable[[], None], rounds: int) -> None:
        done = 0
        while not self.ending.is_set() or done < rounds:
            try:
                ask()
            except (AssertionError, httpx.HTTPError) as error:
                self.wrong.append(f"{ask.__name__}: {error!r}")
                return
            done += 1
            self.ending.wait(PAUSE_SECONDS)

    def _get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self._client.get(f"{self._path}{path}", params=query)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def post(self) -> None:
        legs = [
            {"account": "assets:cash", "side": "debit", "amount": "1.25", "asset": "USD"},
            {"account": "revenue:fees", "side": "credit", "amount": "1.25", "asset": "USD"},
        ]
        answer = self._client.post(
            f"{self._path}/entries",
            json={"legs": legs, "effective_on": "2026-02-03"},
            headers={"Idempotency-Key": str(uuid4())},
        )
        assert answer.status_code == 201, answer.text

    def trial_balance(self) -> None:
        for sides in self._get("/reports/trial-balance")["totals"].values():
            assert sides["debit"] == sides["credit"]

    def sheet(self) -> None:
        totals = self._get("/reports/balance-sheet", effective_on="2026-02-03")["totals"]
        assert totals["assets"] == totals["equity"]

    def balances(self) -> None:
        shown = self._get("/accounts/assets:/balances", effective_on="2026-02-28")
        for item in shown["items"]:
            assert Fraction(item["posted"]["balance"]) == Fraction(5, 4) * item["lines"]

    def statement(self) -> None:
        page = self._get("/accounts/assets:cash/statement", limit=20)
        balance = Fraction(page["before"])
        for line in page["lines"]:
            balance += Fraction(line["amount"])
            assert Fraction(line["balance"]) == balance

    def entries(self) -> None:
        found = self._get("/entries", account="assets", limit=20)
        assert all(one["position"] <= found["position"] for one in found["items"])


def test_readers_notice_nothing(make_service: MakeService) -> None:
    service = make_service()
    service.start()
    ledger = service.create_ledger()
    for code, kind in (("assets:cash", "asset"), ("revenue:fees", "revenue")):
        body = {"code": code, "type": kind, "name": code, "asset": "USD"}
        made = service.request("POST", f"/v1/ledgers/{ledger}/accounts", json=body)
        assert made.status_code == 201, made.text
    crowd = Crowd(service, ledger)
    threads = crowd.threads()
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: service.worker_pid is not None, "a worker")
        assert service.worker_pid is not None
        os.kill(service.worker_pid, signal.SIGKILL)
        service.command("projections", "rebuild", "lines", "--ledger", ledger)
    finally:
        crowd.ending.set()
        for thread in threads:
            thread.join()
        crowd.close()
    assert crowd.wrong == []
    service.command("report", "completeness", "--ledger", ledger)
