"""Load, described: what a generator is to send, where, for how long, and what came of it.

A unit is one or more requests sent one after the other on one connection: a post, a pair of
authorize and settle, a batch. Its requests are encoded beforehand. Only `MARK`, wherever it stands
in them, is replaced on sending by a number that no other unit of the run has, so that every
idempotency key is new.
"""

import msgspec

MARK = b"@@@@@@@@@@@@"
"""Stands for twelve hexadecimal digits."""


class Request(msgspec.Struct, frozen=True):
    """One request, encoded, and what a right answer to it looks like."""

    message: bytes
    status: int
    """The HTTP status expected."""
    results: int = 0
    """How many results a batch must answer, each of them done; 0: the request is no batch."""


class Unit(msgspec.Struct, frozen=True):
    requests: list[Request]
    transfers: int
    """How many transfers it is worth in the rate: 1, or a batch's number of commands."""


class Connection(msgspec.Struct, frozen=True):
    host: str
    port: int
    pool: int
    """Which of the plan's pools it takes its units from, in turn with the others that do."""


class Plan(msgspec.Struct, frozen=True):
    """One run of a generator: by the clock (`seconds`), or through the pools once (0)."""

    pools: list[list[Unit]]
    connections: list[Connection]
    seconds: float = 0.0
    warm_seconds: float = 0.0
    """Sent before the measured window, and not counted."""
    units_a_second: float = 0.0
    """Offered, whatever is answered; 0: the next one as soon as the last is answered."""
    patience_seconds: float = 60.0
    """No answer on any connection for so long ends the run."""


class Outcome(msgspec.Struct, frozen=True):
    """What was measured: `seconds`, `units`, `transfers`, latencies and CPU of the window alone."""

    seconds: float
    units: int
    transfers: int
    latencies_ms: dict[str, float]
    """A unit's, from its first byte sent to its last answer read: p50, p90, p99, max."""
    cpu_seconds: float
    """The generator's own, user and system."""
    transfers_in_all: int
    """Warming up and running out included: what WAL and events are divided by."""
    sent_bytes: int
    received_bytes: int
    failures: int = 0
    """Units with another answer than the expected one; they count nowhere else."""
    examples: list[str] = []
    """The first of those answers."""
    samples: list[bytes] = []
    """A right answer, as received, to each request of a unit."""
    stopped: str = ""
    """Why the run ended early; empty: it did not."""

    @property
    def rate(self) -> float:
        """Transfers a second."""
        return self.transfers / self.seconds if self.seconds else 0.0

    @property
    def cpu_share(self) -> float:
        """The generator's share of one core."""
        return self.cpu_seconds / self.seconds if self.seconds else 0.0


class Progress(msgspec.Struct, frozen=True):
    """What a running generator tells: how much of its plan is behind it, 0 to 1."""

    share: float
    transfers: int


def encoded(method: str, path: str, *, key: str, body: bytes, idempotency: bytes = b"") -> bytes:
    """Returns a keep-alive HTTP/1.1 request with a JSON body; `idempotency` is its key, if any."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    ).encode()
    keyed = b"Idempotency-Key: " + idempotency + b"\r\n" if idempotency else b""
    return head + keyed + b"\r\n" + body
