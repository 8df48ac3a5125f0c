"""The one-file verifier finds the same, without any code of the service."""

import ast
import gzip
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from application.transparency.certificates import canonical
from application.transparency.notes import Checkpoint, sign, verifier_key
from domain.catalogue import EVENTS
from interface import backoffice_verify
from interface.evidence.divergence import Divergence
from interface.evidence.read_bundle import verify_bundle
from interface.evidence.recomputed import Recomputation
from interface.evidence.shapes import decode_envelope
from interface.http.viewing import read_own
from interface.reports.certificates import model
from interface.reports.making import make_document
from tests.application.transparency.archive import Archive
from tests.interface.evidence.test_bundle import contents, evidence_of, export

FILE = Path(backoffice_verify.__file__)


@pytest.fixture(scope="module")
def whole(busy: Archive, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of everything. Not to be changed."""
    directory = tmp_path_factory.mktemp("bundle") / "whole"
    export(busy, directory)
    return directory


def run(*arguments: str | Path) -> tuple[int, str]:
    """As on a machine without the service: from another folder, nothing of ours in reach."""
    copy = Path(arguments[0]).parent / FILE.name
    shutil.copy(FILE, copy)
    done = subprocess.run(
        [sys.executable, "-P", copy, *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=copy.parent,
    )
    return done.returncode, done.stdout + done.stderr


def holds(directory: Path) -> bool:
    try:
        backoffice_verify.Verifier(directory, [], []).run()
    except (backoffice_verify.Wrong, OSError, EOFError, KeyError, ValueError):
        return False
    return True


def test_it_needs_the_standard_library_and_cryptography_alone() -> None:
    imported = set()
    for node in ast.walk(ast.parse(FILE.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
    assert imported <= sys.stdlib_module_names | {"cryptography"}


@pytest.mark.parametrize("name", sorted(event.__name__ for event in EVENTS))
def test_it_has_a_rule_for_every_event(name: str) -> None:
    known = (
        name.startswith("Authorization")
        or name in backoffice_verify.NO_EFFECT
        or name == "LedgerContinued"
        or hasattr(backoffice_verify.Books, f"_{name}")
    )
    assert known, (
        f"{name} is new: add it to NO_EFFECT in backoffice_verify.py, or a rule to Books, and to"
        " docs/evidence-format.md"
    )


def test_a_bundle_holds(busy: Archive, whole: Path) -> None:
    status, said = run(whole, "--against", whole / "log/checkpoint")
    assert (status, said.split()[0]) == (0, "All"), said
    status, _ = run(whole, "--key", busy.keys()[0])
    assert status == 0


def test_a_key_that_has_not_signed_proves_nothing(whole: Path) -> None:
    other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    status, said = run(whole, "--key", other)
    assert (status, said.split()[0]) == (1, "WRONG:")
    assert run(whole / "nothing")[0] == 2


def test_records_are_held_against_older_checkpoints(
    busy: Archive, whole: Path, tmp_path: Path
) -> None:
    rows = busy.query("SELECT size, note FROM {}.checkpoints ORDER BY size LIMIT 2")
    for row in rows:
        older = tmp_path / f"checkpoint-{row['size']}"
        older.write_text(row["note"])
        assert run(whole, "--against", older)[0] == 0


@pytest.mark.parametrize("seed", range(2))
def test_any_byte_that_is_changed_is_found(whole: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    directory = tmp_path / "bundle"
    shutil.copytree(whole, directory)
    names = sorted(
        name for name in contents(directory) if evidence_of(name) and name != "manifest.json"
    )
    for _ in range(40):
        file = directory / chance.choice(names)
        kept = file.read_bytes()
        at = chance.randrange(len(kept))
        file.write_bytes(kept[:at] + bytes([kept[at] ^ 1 << chance.randrange(8)]) + kept[at + 1 :])
        assert not holds(directory), (file, at)
        file.write_bytes(kept)
    assert holds(directory)


def rewritten(directory: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """The records changed, and what the manifest says of their file with them."""
    (file,) = (directory / "records").iterdir()
    lines = change(gzip.decompress(file.read_bytes()).splitlines())
    packed(directory, file, gzip.compress(b"\n".join(lines) + b"\n", 1))


def packed(directory: Path, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    manifest = json.loads((directory / "manifest.json").read_bytes())
    manifest["files"][f"{file.parent.name}/{file.name}"] = sha256(content).hexdigest()
    (directory / "manifest.json").write_text(json.dumps(manifest))


def cut_short(directory: Path) -> None:
    (file,) = (directory / "records").iterdir()
    packed(directory, file, file.read_bytes()[:-20])


def record(number: int, member: str, value: object) -> Callable[[Path], None]:
    def change(lines: list[bytes]) -> list[bytes]:
        changed = json.dumps(json.loads(lines[number - 1]) | {member: value}).encode()
        return [*lines[: number - 1], changed, *lines[number:]]

    return lambda directory: rewritten(directory, change)


def longer(directory: Path) -> None:
    with (directory / "log/tile/0/000").open("ab") as tile:
        tile.write(bytes(32))


def text_more(directory: Path) -> None:
    (file,) = (directory / "texts").iterdir()
    more = json.dumps({"position": 99999, "salt": "00" * 16, "body": ""}).encode()
    packed(directory, file, gzip.compress(gzip.decompress(file.read_bytes()) + more + b"\n"))


def stating(**members: object) -> Callable[[Path], object]:
    def change(directory: Path) -> None:
        file = directory / "manifest.json"
        file.write_text(json.dumps(json.loads(file.read_bytes()) | members))

    return change


CHEATS: dict[str, tuple[Callable[[Path], object], str]] = {
    "records exchanged": (
        lambda at: rewritten(at, lambda lines: [*lines[:9], lines[10], lines[9], *lines[11:]]),
        "position 10: it says position 11",
    ),
    "the newest records left out": (
        lambda at: rewritten(at, lambda lines: lines[:-5]),
        "records; the checkpoint is of",
    ),
    "a record that is none": (record(7, "payload", []), "position 7: this can't be read"),
    "a record without its type": (record(7, "type", None), "position 7: this can't be read"),
    "a version that is no number": (record(7, "version", "one"), "position 7: this can't be read"),
    "a position with decimals": (record(7, "position", 7.0), "position 7: 7.0 is no integer"),
    "a member too many": (record(7, "more", 1), "position 7: it has other members"),
    "words for a terminal": (
        record(7, "type", "\x1b[2J\ud800\n"),
        r"position 7: \x1b[2J\ud800\n is",
    ),
    "a line that never ends": (
        lambda at: rewritten(at, lambda lines: [*lines[:9], b"x" * (3 << 20)]),
        "position 10: a record of 1048576 bytes",
    ),
    "a file from elsewhere": (
        stating(files={"records/../../000000000001.ndjson.gz": "00"}),
        "no file of a bundle",
    ),
    "a text of no record": (text_more, "a text of position 99999 belongs to no record"),
    "a file cut short": (cut_short, "can't be read: "),
    "a tile made longer": (longer, "log/tile/0/000 has 8224 bytes"),
    "a tile gone": (lambda at: (at / "log/tile/0/000").unlink(), "log/tile/0/000"),
    "a manifest of another log": (stating(origin="other"), "another log or size"),
    "a manifest of another size": (stating(size=5), "another log or size"),
    "a manifest of another copy": (stating(incarnation=2), "another incarnation"),
    "a manifest of another form": (stating(format="tar"), "the bundle has the format tar"),
    "a manifest that is none": (lambda at: (at / "manifest.json").write_text("[]"), "can't be"),
}
"""What an operator may do to a bundle, and what is said of it."""


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_is_named(
    whole: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    cheat, said = CHEATS[name]
    shutil.copytree(whole, tmp_path / "bundle")
    cheat(tmp_path / "bundle")
    monkeypatch.setattr(sys, "argv", ["backoffice-verify", str(tmp_path / "bundle")])
    with pytest.raises(SystemExit) as ended:
        backoffice_verify.main()
    assert ended.value.code == 1
    out = capsys.readouterr().out
    assert said in out
    assert all(line.isprintable() for line in out.splitlines())
    with pytest.raises(Divergence):
        verify_bundle(tmp_path / "bundle", against=None, advance=lambda _: None)


@pytest.mark.parametrize(
    ("origin", "is_one"),
    [
        ("localhost:8000/v1/ledgers/acme/log", True),
        ("example.com/books/v1/ledgers/acme/log/2", True),
        ("example.com/v1/ledgers/acme/log/3/1a2b3c4d", True),
        ("example.com/v1/ledgers/acme/log/certificate", False),
        ("example.com/v1/ledgers/acme.x/log", False),
        ("example.com/v1/ledgers/acme/log\n", False),
    ],
)
def test_names_of_a_ledgers_logs(origin: str, is_one: bool) -> None:
    assert backoffice_verify.is_log_of(origin, "acme") is is_one


def test_a_key_signs_under_its_own_name_only() -> None:
    private = Ed25519PrivateKey.generate()
    note = str(sign(str(Checkpoint("a.com/log", 5, bytes(32))), [("b.com/log", private)])).encode()
    key = str(verifier_key("b.com/log", private))
    with pytest.raises(backoffice_verify.Wrong):
        backoffice_verify.read_checkpoint(note, [key])


def test_ids_that_come_again_are_found_wherever_they_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of their positions, in the file and in memory."""
    monkeypatch.setattr(backoffice_verify.Ids, "BLOCK", 2 * backoffice_verify.Ids.ROW.size)
    names = [f"00000000-0000-5000-8000-{number:012d}" for number in range(9)]

    def checked(*ids: tuple[int, int, int]) -> None:
        with TemporaryFile() as file:
            found = backoffice_verify.Ids(file)
            for position, (stream, version, command) in enumerate(ids, start=1):
                named = {"stream": names[stream], "command_id": names[command]}
                found.take(named | {"version": version}, position)
            found.check()

    several = [(1, 1, 1), (2, 1, 2), (1, 2, 3), (4, 1, 3), (5, 1, 5)]
    checked(*several)
    with pytest.raises(backoffice_verify.Wrong, match="position 6: version 2 of the stream"):
        checked(*several, (1, 2, 6), (2, 2, 3))
    with pytest.raises(backoffice_verify.Wrong, match=r"position 7: the command .*3 was done"):
        checked(*several, (1, 3, 6), (2, 2, 3))


def test_it_says_how_it_is_used(whole: Path) -> None:
    assert "'k' is no verifier key" in run(whole, "--key", "k")[1]
    assert run(whole, "--against", whole / "nothing")[0] == 2


def asked(busy: Archive, **query: Any) -> dict[str, Any]:
    """All that was ever posted is dated within these days."""
    today = busy.clock.now.date()
    return {"from_": today - timedelta(days=400), "to": today, **query}


def made(busy: Archive, report: str, query: dict[str, Any]) -> dict[str, Any]:
    """What the service certifies, as known at the end of the log."""
    with busy.ledgers.reader(busy.ledger) as connection:
        own = read_own(connection)
        document = make_document(
            connection, ledger=own, known=busy.position, name=report, query=query
        )
        return model(document)


def remade_apart(busy: Archive, certified: dict[str, Any]) -> None:
    """By the one-file verifier. Raises Wrong."""
    body = {name: certified[name] for name in ("report", "ledger", "parameters", "position")}
    body["digest"] = sha256(canonical(certified)).hexdigest()
    books = backoffice_verify.Books()
    remade = books.remade = backoffice_verify.Remade(body, books)
    for state in busy.states():
        books.apply(json.loads(state), busy.ledger)
    remade.check()


REPORTS: list[tuple[str, dict[str, Any]]] = [
    ("trial-balance", {}),
    ("trial-balance", {"basis": "unadjusted"}),
    ("trial-balance", {"basis": "adjusted", "depth": 1}),
    ("trial-balance", {"effective_on": date(2026, 2, 28)}),
    ("general-ledger", {}),
    ("general-ledger", {"basis": "unadjusted", "account": "owed"}),
    ("general-ledger", {"from_": date(2026, 3, 1)}),
    ("journal", {}),
    ("journal", {"account": "owed"}),
    ("roll-forward", {"from_": date(2026, 3, 1)}),
    ("statement", {"account": "owed", "asset": "EUR"}),
    ("statement", {"account": "conv:usd", "asset": "USD", "basis": "booking"}),
]


@pytest.mark.parametrize(("report", "query"), REPORTS)
def test_a_report_is_the_same_whoever_makes_it(
    busy: Archive, report: str, query: dict[str, Any]
) -> None:
    certified = made(busy, report, asked(busy, **query))
    assert len(certified["rows"]) > 2, "there must be something to compare"
    again = Recomputation(
        report=report, parameters=certified["parameters"], position=certified["position"]
    )
    for state in busy.states():
        again.take(decode_envelope(state))
    assert again.model() == certified
    remade_apart(busy, certified)
    # A figure that an operator made up, and would have signed.
    certified["rows"][-1] = {**certified["rows"][-1], "credit": "4711.00"}
    with pytest.raises(backoffice_verify.Wrong, match="of another digest"):
        remade_apart(busy, certified)


def test_what_a_period_was_closed_on_is_worked_out_again(busy: Archive) -> None:
    books = backoffice_verify.Books()
    closed = 0
    for state in busy.states():
        record = json.loads(state)
        if record["type"] == "PeriodClosed":
            closed += 1
            right = record["payload"]["digest"]
            other = {**record["payload"], "digest": f"{int(right[0], 16) ^ 1:x}{right[1:]}"}
            before = books.closing
            with pytest.raises(backoffice_verify.Wrong, match="was closed on a trial balance"):
                books._PeriodClosed(other)
            books.closing = before
        books.apply(record, busy.ledger)
    assert closed


@pytest.mark.parametrize(
    ("day", "start", "last_on", "year"),
    [
        ("2026-01-31", "01-01", "2026-01-31", 2026),
        ("2026-12-31", "01-01", "2026-12-31", 2026),
        ("2026-03-31", "04-01", "2026-03-31", 2026),
        ("2026-04-01", "04-01", "2026-04-30", 2027),
        ("2026-04-05", "04-06", "2026-04-05", 2026),
        ("2026-04-06", "04-06", "2026-05-05", 2027),
        ("2026-02-28", "01-31", "2026-03-30", 2027),
        ("2026-02-27", "01-31", "2026-02-27", 2027),
        ("2026-12-31", "07-15", "2027-01-14", 2027),
    ],
)
def test_months_of_fiscal_years(day: str, start: str, last_on: str, year: int) -> None:
    assert backoffice_verify.last_of_month(day, start) == last_on
    assert backoffice_verify.fiscal_year(day, start) == year
