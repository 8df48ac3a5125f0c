"""The one-file verifier finds the same, without any code of the service."""

import ast
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from domain.catalogue import EVENTS
from interface import backoffice_verify
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
