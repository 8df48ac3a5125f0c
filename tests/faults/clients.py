"""Clients that go on while harm is done: each asks anew when what it asked was answered."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Generic, TypeVar

from tests.patience import wait_until

PAUSE_SECONDS = 0.03
"""Between an answer and the client's next request: what was killed needs the processor too."""

Answer = TypeVar("Answer")


class Clients(ABC, Generic[Answer]):
    """So many of them at once; `first` has the first answer to each request, by its name."""

    def __init__(self, *, clients: int) -> None:
        self.clients = clients
        self.first: dict[str, Answer] = {}
        self._ends = threading.Event()

    @abstractmethod
    def ask(self, name: str, *, client: int, number: int) -> Answer:
        """Sends a client's next request, again and again until it is answered."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Asks from before the block begins until after it ends; everybody is answered then."""
        with ThreadPoolExecutor(self.clients) as threads:
            clients = [threads.submit(self._go_on, number) for number in range(self.clients)]
            try:
                self.wait_for_answers()
                yield
                self.wait_for_answers()
            finally:
                self._ends.set()
            for client in clients:
                client.result()

    def wait_for_answers(self) -> None:
        """Returns when each client could have been answered three times more."""
        enough = len(self.first) + 3 * self.clients
        wait_until(lambda: len(self.first) >= enough, "answers to the clients")

    def _go_on(self, client: int) -> None:
        for number in count():
            if self._ends.is_set():
                return
            name = f"{client}-{number}"
            self.first[name] = self.ask(name, client=client, number=number)
            self._ends.wait(PAUSE_SECONDS)
