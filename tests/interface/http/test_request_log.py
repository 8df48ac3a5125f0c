"""The request log goes on, whatever becomes of where it is written to."""

import json
import os
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pytest

from interface.http.request_log import Gathering, Line
from tests.patience import PATIENCE_SECONDS, wait_until


def line(request_id: str) -> Line:
    return Line(request_id, "GET", "/", 200, None, 0.1, None, None, datetime.now(UTC))


def test_lines_that_nobody_can_take_hold_up_no_later_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    log = Gathering()
    # (Unbuffered: a file would try once more to write what it holds when it is closed.)
    said = tmp_path / "said"
    with os.fdopen(writing, "wb", buffering=0) as unread, said.open("wb") as file:
        broken = Stderr(unread)
        monkeypatch.setattr(sys, "stderr", broken)
        log.take(line("lost"))
        assert broken.taken.wait(PATIENCE_SECONDS)
        monkeypatch.setattr(sys, "stderr", Stderr(file))
        log.take(line("kept"))
        wait_until(lambda: b"kept" in said.read_bytes())
    assert [json.loads(one)["request_id"] for one in said.read_bytes().splitlines()] == ["kept"]


class Stderr:
    """A text stream, of which the log uses the bytes below."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.taken = threading.Event()

    @property
    def buffer(self) -> BinaryIO:
        self.taken.set()
        return self._file
