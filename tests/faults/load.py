"""Clients of writers: they retry with their keys until they are answered."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic, sleep
from uuid import NAMESPACE_URL, uuid5

from msgspec.structs import replace

from application.outcomes import Unanswered, Unit
from tests.faults.book import (
    CASH,
    LEDGER,
    MERCHANT,
    WALLET,
    authorize,
    group,
    post,
    settle,
    single,
)
from tests.faults.clients import Clients
from tests.faults.evidence import Evidence, check_sound
from tests.faults.writer_process import Answer, Killed, WriterProcess
from tests.patience import PATIENCE_SECONDS

CLIENTS = 6
GROUP_SIZES = (3, 70)
"""A few commands, and as many as take a COPY."""

RETRY_SECONDS = 0.02

Door = Callable[[Sequence[Unit]], Sequence[Answer]]
"""Takes a request; raises Unanswered or Killed."""


class MortalWriter:
    """A writer's process, and its successors when it was killed."""

    def __init__(self, start: Callable[[], WriterProcess]) -> None:
        self._start = start
        self._process = start()
        self.is_dead = threading.Event()

    def submit(self, units: Sequence[Unit]) -> Sequence[Answer]:
        """Returns the answers. Raises Unanswered, Killed."""
        return self._process.submit(units)

    def kill(self) -> None:
        """Kills it, as `kill -9` does."""
        self._process.kill()
        self.is_dead.set()

    def rise(self) -> None:
        """Starts the next one."""
        self.is_dead.clear()
        self._process = self._start()


class Load(Clients[Sequence[Answer]]):
    """Requests to all of the doors; `sent` has every one by its name."""

    def __init__(self, doors: Sequence[Door]) -> None:
        super().__init__(clients=CLIENTS)
        self._doors = doors
        self.sent: dict[str, Sequence[Unit]] = {}
        self.retries: Counter[str] = Counter()

    def check(self, superuser: str) -> None:
        """Fails unless each command is on record once, as its client was told, then and again."""
        found = check_sound(superuser, LEDGER)
        check_groups(found)
        told = [answer for answers in self.first.values() for answer in answers]
        for answer in told:
            records = [found.records[position - 1] for position in answer.positions]
            assert records == [json.loads(state) for state in answer.states]
        positions = sorted(position for answer in told for position in answer.positions)
        # Nothing else is there but the ledger's own beginning.
        last = len(found.records)
        assert positions == list(range(last - len(positions) + 1, last + 1))
        for name, units in self.sent.items():
            again = self._doors[len(name) % len(self._doors)](units)
            assert [(answer.code, answer.states) for answer in again] == [
                (answer.code, answer.states) for answer in self.first[name]
            ]
        assert len(check_sound(superuser, LEDGER).records) == last

    def ask(self, name: str, *, client: int, number: int) -> Sequence[Answer]:
        """Sends a request of one of four kinds until it is answered."""
        self.sent[name] = request(name, kind=(client + number) % 4)
        door = self._doors[number % len(self._doors)]
        deadline = monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return door(self.sent[name])
            except Unanswered as unanswered:
                if unanswered.code not in ("busy", "unavailable", "outcome_unknown"):
                    raise
                self.retries[unanswered.code] += 1
            except Killed:
                self.retries["killed"] += 1
            assert monotonic() < deadline, f"{name} is not answered any more"
            sleep(RETRY_SECONDS)


def request(name: str, *, kind: int) -> Sequence[Unit]:
    """A request of one of four kinds, with keys of its own."""
    if kind == 0:
        return [single(post(CASH, WALLET, "10.00"), name)]
    if kind == 1:
        hold = str(uuid5(NAMESPACE_URL, name))
        return [
            single(authorize("3.00", id=hold), f"{name}-hold"),
            single(settle(hold, "2.00"), f"{name}-settle"),
            single(post(WALLET, CASH, "1000000.00"), f"{name}-too-much"),
        ]
    size = GROUP_SIZES[kind - 2]
    # The reference says which group an entry is of, and how large that is.
    entry = replace(post(CASH, MERCHANT, "0.01"), reference=f"group {name} of {size}")
    return [group([(entry, f"{name}-{number}") for number in range(size)])]


def check_groups(found: Evidence) -> None:
    """Fails where a part of a group is on record and another is not."""
    references = Counter(
        record["payload"].get("reference", "") for record in found.of_type("EntryPosted")
    )
    for reference, entries in references.items():
        if reference.startswith("group "):
            assert entries == int(reference.rpartition(" ")[2])
