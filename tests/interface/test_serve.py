"""`backoffice serve`: it starts, stops, dies and comes back without losing what it confirmed."""

import json
import multiprocessing
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from application.ledgers import THE_SERVICE
from application.outcomes import Asked
from domain.access import RecordActor
from interface.bootstrap import Database as Connections
from interface.embedded_processes import has_postmaster
from interface.server import make_application
from interface.settings import read_settings
from tests.conftest import Databases
from tests.patience import PATIENCE_SECONDS, wait_until
from tests.service import PROGRAM, MakeService, Service, free_port, on_database

LOAD_THREADS = 8
PROCESSES = multiprocessing.get_context("forkserver")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def processes_of(service: Service) -> tuple[int, int]:
    """The one that answers, and the worker once it is there."""
    wait_until(lambda: service.worker_pid is not None, "a worker")
    assert service.worker_pid is not None
    return service.answering_pid, service.worker_pid


class Load:
    """Threads that post entries, each under a key of its own, and note what was answered."""

    def __init__(self, service: Service, ledger: str) -> None:
        self._service = service
        self._path = f"/v1/ledgers/{ledger}/entries"
        self._ending = threading.Event()
        self.acknowledged: dict[str, str] = {}
        """The entries' ids by key."""
        self.statuses: set[int] = set()

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._post, args=(n,)) for n in range(LOAD_THREADS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ending.set()
            for thread in threads:
                thread.join()

    def post(self, key: str) -> httpx.Response:
        return self._service.request("POST", self._path, json=ENTRY, role="clerk", key=key)

    def post_until_answered(self, key: str) -> httpx.Response:
        """Posts until the answer is another one than to try again."""
        answers: list[httpx.Response] = []

        def is_answered() -> bool:
            # What was killed may hold the ledger's lock until the server notices.
            answers.append(self.post(key))
            return answers[-1].status_code != 503

        wait_until(is_answered, "an answer")
        return answers[-1]

    def _post(self, thread: int) -> None:
        number = 0
        while not self._ending.is_set():
            number += 1
            key = f"load-{thread}-{number}"
            with suppress(httpx.TransportError):
                answer = self.post(key)
                self.statuses.add(answer.status_code)
                if answer.status_code == 201:
                    self.acknowledged[key] = answer.json()["id"]
            # What was killed needs the processor too, to come back.
            self._ending.wait(0.01)

    def wait_for(self, number: int) -> None:
        wait_until(lambda: len(self.acknowledged) >= number, f"{number} entries")


ENTRY = {
    "legs": [
        {"account": "assets:cash", "side": "debit", "amount": "1.00", "asset": "USD"},
        {"account": "revenue:fees", "side": "credit", "amount": "1.00", "asset": "USD"},
    ]
}


def prepared(service: Service) -> str:
    """Makes a ledger with the two accounts of ENTRY."""
    ledger = service.create_ledger()
    for code, kind in (("assets:cash", "asset"), ("revenue:fees", "revenue")):
        body = {"code": code, "type": kind, "name": code, "asset": "USD"}
        answer = service.request("POST", f"/v1/ledgers/{ledger}/accounts", json=body)
        assert answer.status_code == 201, answer.text
    return ledger


def assert_all_there_once(service: Service, ledger: str, load: Load) -> None:
    """What was acknowledged is there, under its key; the balance counts what is on record."""
    for key, entry in load.acknowledged.items():
        answer = load.post_until_answered(key)
        assert answer.status_code == 201, answer.text
        assert answer.json()["id"] == entry
        assert answer.headers["Idempotency-Replayed"] == "true"
    path = f"/v1/ledgers/{ledger}"
    shown = service.request("GET", f"{path}/accounts/assets:cash/balances").json()["items"][0]
    posted, position, events = 0, 0, []
    while page := service.request(
        "GET", f"{path}/events", params={"from_position": position + 1, "limit": 1000}
    ).json()["items"]:
        events += [event["position"] for event in page]
        posted += sum(event["type"] == "EntryPosted" for event in page)
        position = page[-1]["position"]
    assert events == list(range(1, len(events) + 1))
    assert posted >= len(load.acknowledged)
    assert shown["posted"]["balance"] == f"{posted}.00"


@pytest.fixture(scope="module")
def mortal(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service that a test may kill and stop, but for starting it again."""
    made = on_database(databases.create(), directory=tmp_path_factory.mktemp("service"))
    made.start()
    yield made
    made.close()


def test_a_stop_answers_what_was_begun_and_loses_nothing(mortal: Service) -> None:
    service = mortal
    ledger = prepared(service)
    load = Load(service, ledger)
    with load.running():
        load.wait_for(20)
        processes = processes_of(service)
        assert service.stop() == 0
        assert not any(map(is_alive, processes))
    # A request that had come was done and answered; others found nobody.
    assert load.statuses == {201}
    log = service.log.read_text()
    assert not [key for key in service.keys.values() if key in log]
    for line in log.splitlines():
        assert {"event", "level", "timestamp"} <= json.loads(line).keys()
    service.start()
    assert_all_there_once(service, ledger, load)


def test_its_processes_end_with_a_supervisor_that_was_killed(mortal: Service) -> None:
    service = mortal
    ledger = prepared(service)
    load = Load(service, ledger)
    with load.running():
        load.wait_for(20)
        processes = processes_of(service)
        os.kill(service.pid, signal.SIGKILL)
        wait_until(lambda: not any(map(is_alive, processes)), "their end")
    service.restart()
    assert load.statuses == {201}
    assert_all_there_once(service, ledger, load)


def test_a_killed_worker_is_replaced_and_nobody_notices(mortal: Service) -> None:
    service = mortal
    ledger = prepared(service)
    load = Load(service, ledger)
    with load.running():
        _, killed = processes_of(service)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: service.worker_pid not in (None, killed), "another worker")
    assert load.statuses == {201}


def test_a_killed_process_that_answers_is_replaced(mortal: Service) -> None:
    service = mortal
    ledger = prepared(service)
    load = Load(service, ledger)
    with load.running():
        load.wait_for(20)
        os.kill(service.answering_pid, signal.SIGKILL)
        load.wait_for(len(load.acknowledged) + 20)
    assert_all_there_once(service, ledger, load)


def test_a_process_whose_writer_fails_ends(mortal: Service) -> None:
    url = mortal.environment["DATABASE_URL"]
    database = Connections(owner=url, service=url)
    process = PROCESSES.Process(target=answer_until_its_writer_fails, args=(database,))
    process.start()
    process.join(PATIENCE_SECONDS)
    assert process.exitcode == os.EX_SOFTWARE


def answer_until_its_writer_fails(database: Connections) -> None:
    settings = read_settings({}, data_dir=Path("unused"))
    front = make_application(database, settings, threads=4)
    asked = Asked(RecordActor(actor="unlucky"), "unlucky", THE_SERVICE)
    front._door.ledgers.writer("system").send([(asked,)], ended=lambda: 1 // 0)
    threading.Event().wait(PATIENCE_SECONDS)


def test_the_embedded_postgres_comes_back_and_goes_with_it(make_service: MakeService) -> None:
    service = make_service(embedded=True)
    service.start()
    ledger = prepared(service)
    load = Load(service, ledger)
    cluster = service.directory / "var" / "postgres"
    with load.running():
        load.wait_for(20)
        killed = int(cluster.joinpath("postmaster.pid").read_text().split()[0])
        os.kill(killed, signal.SIGKILL)
        load.wait_for(len(load.acknowledged) + 20)
    assert load.statuses <= {201, 503}
    assert_all_there_once(service, ledger, load)
    # Killed altogether, and started again at once in the same place.
    service.restart()
    assert_all_there_once(service, ledger, load)
    assert service.stop() == 0
    assert not has_postmaster(cluster)


def test_two_do_not_share_a_port(service: Service) -> None:
    done = service.command("serve", "--port", str(service.port), status=1)
    assert "in use" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stop_while_it_starts_leaves_nothing_running(
    make_service: MakeService,
) -> None:
    service = make_service(embedded=True)
    cluster = service.directory / "var" / "postgres"
    process = subprocess.Popen(
        [*PROGRAM, "serve", "--port", str(free_port())],
        env=service.environment,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: has_postmaster(cluster), "PostgreSQL's start")
    process.terminate()
    assert process.wait(PATIENCE_SECONDS) in (0, 128 + signal.SIGTERM)
    wait_until(lambda: not has_postmaster(cluster), "PostgreSQL's end")


def test_on_all_addresses_and_without_a_worker(service: Service, make_service: MakeService) -> None:
    assert service.greeting == f"Listening on {service.url}\n"
    alone = make_service(arguments=("--host", "0.0.0.0", "--no-worker"))
    alone.start()
    assert alone.greeting == f"Listening on http://0.0.0.0:{alone.port}\n"
    assert alone.request("GET", "/health/ready", role=None).status_code == 200
    assert alone.worker_pid is None
    assert alone.stop(by=signal.SIGINT) == 0
    assert alone.farewell == ""
