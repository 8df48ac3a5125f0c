"""Checkpoints that were left outside, and what is left there already."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from application.outcomes import Unanswered
from application.sessions import acting_as_service
from application.transparency.notes import Checkpoint, sign
from application.transparency.publisher import Publisher
from application.transparency.push import Contradicted, Later, PushFailed, push
from tests.application.transparency.archive import Archive
from tests.patience import wait_until

KEY = Ed25519PrivateKey.generate()


def note(size: int, root: int = 1, *, origin: str = "example.com/log") -> str:
    head = Checkpoint(origin, size, bytes([root]) * 32)
    return str(sign(str(head), [("example.com/log", KEY)]))


def test_a_directory_has_a_file_for_each_size(tmp_path: Path) -> None:
    for size in (5, 5, 7):
        push(note(size), str(tmp_path))
    assert [path.read_text() for path in sorted(tmp_path.iterdir())] == [note(5), note(7)]
    with pytest.raises(PushFailed, match="Another checkpoint"):
        push(note(7, root=2), str(tmp_path))
    assert (tmp_path / "000000000007.checkpoint").read_text() == note(7)
    with pytest.raises(Later):
        push(note(6), str(tmp_path))


@pytest.mark.parametrize("written", [0, 20, -5])
def test_what_was_cut_off_by_a_kill_is_written_anew(tmp_path: Path, written: int) -> None:
    directory, file = tmp_path / "directory", tmp_path / "file"
    directory.mkdir()
    (directory / "000000000005.checkpoint").write_text(note(5)[:written])
    file.write_text(f"{note(4)}\n{note(5)[:written]}")
    for place in (directory, file):
        push(note(5), str(place))
        with pytest.raises(Contradicted):
            push(note(5, root=2), str(place))
    assert [path.read_text() for path in directory.iterdir()] == [note(5)]
    assert file.read_text().endswith(f"\n{note(5)}\n")


def test_a_place_without_links_gets_files_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("this file system has no links")

    monkeypatch.setattr("os.link", refuse)
    test_a_directory_has_a_file_for_each_size(tmp_path)


def test_what_else_lies_there_hides_no_later_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "notes.checkpoint").write_text("of somebody else")
    push(note(7), str(tmp_path))
    with pytest.raises(Later):
        push(note(6), str(tmp_path))
    (tmp_path / "file").write_bytes(b"\xff")
    with pytest.raises(PushFailed):
        push(note(7), str(tmp_path / "file"))


@pytest.mark.parametrize("place", ["", "file"])
def test_a_log_under_another_name_has_sizes_of_its_own(tmp_path: Path, place: str) -> None:
    target = str(tmp_path / place)
    renewed = [note(size, root=2, origin="example.com/log/2") for size in (6, 7, 8)]
    for each in (note(7), *renewed, renewed[-1]):
        push(each, target)
    left = "".join(path.read_text() for path in tmp_path.iterdir())
    assert all(each in left for each in renewed)
    with pytest.raises(Contradicted):
        push(note(8, root=3, origin="example.com/log/2"), target)
    with pytest.raises(Later):
        push(renewed[0], target)


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints"
    for size in (5, 5, 7):
        push(note(size), str(file))
    assert file.read_text() == f"{note(5)}\n{note(7)}\n"
    file.write_text(f"{file.read_text()}example.com/log\n")  # by a process that was killed
    with pytest.raises(PushFailed, match="Another checkpoint"):
        push(note(5, root=2), str(file))
    with pytest.raises(PushFailed):
        push(note(5), str(tmp_path / "nowhere" / "file"))


def test_the_publisher_brings_what_is_new_and_stops_a_ledger_with_two_histories(
    archive: Archive, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    publisher = Publisher(
        conninfo=acting_as_service(archive.database.service),
        names=lambda: [archive.ledger],
        targets=[str(outside), str(tmp_path / "file"), str(tmp_path / "nowhere" / "file")],
        interval_seconds=0.01,
    )
    with archive.session() as connection:
        publisher.publish(connection, archive.ledger)
        assert list(outside.iterdir()) == [], "nothing was signed yet"
        archive.seal_all()
        for _ in range(2):
            publisher.publish(connection, archive.ledger)
        (kept,) = (outside / archive.ledger).iterdir()
        with archive.log() as log:
            assert kept.read_text() == log.checkpoint() == (tmp_path / "file").read_text()[:-1]
        archive.grow(10)
        head = archive.seal_all()
        other = Checkpoint(head.origin, head.size, bytes(32))
        forged = sign(str(other), [(head.origin, KEY)])
        (outside / archive.ledger / f"{head.size:012d}.checkpoint").write_text(str(forged))
        publisher.publish(connection, archive.ledger)
    with pytest.raises(Unanswered, match="Another checkpoint"):
        archive.chart()


def test_a_log_that_is_shorter_than_what_lies_outside_has_lost_events(
    archive: Archive, tmp_path: Path
) -> None:
    """As after a restore: it signs nothing more under the old name."""
    head = archive.seal_all()
    publisher = Publisher(
        conninfo=acting_as_service(archive.database.service),
        names=lambda: [archive.ledger],
        targets=[str(tmp_path)],
        interval_seconds=0.01,
    )
    (tmp_path / archive.ledger).mkdir()
    lost = str(Checkpoint(head.origin, head.size + 1, bytes(32)))
    later = tmp_path / archive.ledger / f"{head.size + 1:012d}.checkpoint"
    later.write_text(str(sign(lost, [(head.origin, KEY)])))
    with archive.session() as connection:
        publisher.publish(connection, archive.ledger)
    with pytest.raises(Unanswered, match="the log is shorter"):
        archive.chart()


def test_the_publisher_works_until_it_is_stopped(archive: Archive, tmp_path: Path) -> None:
    stop = threading.Event()
    publisher = Publisher(
        conninfo=acting_as_service(archive.database.service),
        names=lambda: [archive.ledger],
        targets=[str(tmp_path)],
        interval_seconds=0.01,
    )
    thread = threading.Thread(target=publisher.run, args=(stop,))
    thread.start()
    archive.seal_all()
    wait_until(lambda: list(tmp_path.glob("acme/*.checkpoint")), "a checkpoint")
    stop.set()
    thread.join()


@pytest.fixture
def received() -> Iterator[tuple[str, list[bytes]]]:
    """An address, and what is posted to it."""
    bodies: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/silent":
                return
            self.send_response(409 if self.path == "/no" else 200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", bodies
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_address_gets_a_post(received: tuple[str, list[bytes]]) -> None:
    address, bodies = received
    push(note(5), f"{address}/yes")
    assert bodies == [note(5).encode()]
    for place in (f"{address}/no", f"{address}/silent", "http://[nowhere"):
        with pytest.raises(PushFailed):
            push(note(5), place)
