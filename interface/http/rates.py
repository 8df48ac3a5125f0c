"""How often a key may call: a token bucket for each.

A bucket holds a second's worth of requests and fills evenly; two numbers a key. (`limits` knows
windows, which let twice the rate pass at their edges, and starts a timer thread every 10 ms;
`pyrate-limiter` keeps a timestamp for each request.)
"""

import threading
from collections.abc import Callable
from time import monotonic

MAX_BUCKETS = 10_000


class Rates:
    """Counts the requests of each key against one rate. Thread-safe."""

    def __init__(self, *, per_second: float, clock: Callable[[], float] = monotonic) -> None:
        self._per_second = per_second
        self._capacity = max(1.0, per_second)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, key: str) -> float:
        """Takes a token for one request. Returns 0, or the seconds until there is one."""
        now = self._clock()
        with self._lock:
            tokens, filled_at = self._buckets.get(key, (self._capacity, now))
            tokens = min(self._capacity, tokens + (now - filled_at) * self._per_second)
            missing = max(0.0, 1 - tokens)
            self._keep(key, tokens if missing else tokens - 1, now)
        return missing / self._per_second

    def _keep(self, key: str, tokens: float, now: float) -> None:
        if key not in self._buckets and len(self._buckets) >= MAX_BUCKETS:
            # A forgotten bucket comes back full: that errs on the side of the caller.
            self._buckets.pop(next(iter(self._buckets)))
        self._buckets[key] = (tokens, now)
