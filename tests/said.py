"""What a module says in its log while a test listens."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs


@contextmanager
def said_by(module: str) -> Iterator[list[MutableMapping[str, Any]]]:
    """Captures the lines of a module's `log`.

    By a logger of its own: one that was used before keeps the configuration of that time, which
    another test in this process may have replaced since, and `capture_logs` would not hear it.
    """
    with pytest.MonkeyPatch.context() as patch, capture_logs() as said:
        patch.setattr(f"{module}.log", structlog.get_logger())
        yield said
