"""How long a test waits for what must happen: far longer than it takes on a machine that has much
else to do. Nothing waits so long unless it is broken."""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 300.0
FIRST_PAUSE_SECONDS = 0.005
LONGEST_PAUSE_SECONDS = 0.1


def wait_until(condition: Callable[[], object], what: str = "what was waited for") -> None:
    """Returns when the condition holds; fails where it never does.

    It asks less and less often: who asks takes the processor from what is waited for.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = FIRST_PAUSE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(pause)
        pause = min(1.5 * pause, LONGEST_PAUSE_SECONDS)
