"""Bundles: exported, taken up again, verified, and found out where they were changed."""

import gzip
import random
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from application.sessions import acting_as_service
from domain.catalogue import EVENTS
from interface.cli.replay import replay_command
from interface.evidence import bundle as bundles
from interface.evidence.bundle import Export, Unexportable
from interface.evidence.divergence import Divergence
from interface.evidence.live import session
from interface.evidence.read_bundle import Manifest, verify_bundle
from tests.application.transparency.archive import Archive


def export(archive: Archive, directory: Path, **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"with_texts": True, **more}
    service = acting_as_service(archive.database.service)
    with session(service, archive.ledger) as connection:
        made = Export(
            connection, directory, ledger=archive.ledger, software_version="1.2.3", **given
        )
        return made.write(lambda _: None)


def verify(directory: Path, **more: Any) -> int:
    given: dict[str, Any] = {"against": None, **more}
    return verify_bundle(directory, advance=lambda _: None, **given).size


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def whole(busy: Archive, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of everything. Not to be changed."""
    directory = tmp_path_factory.mktemp("bundle") / "whole"
    export(busy, directory)
    return directory


def test_a_bundle_holds_what_the_ledger_has(busy: Archive, whole: Path) -> None:
    signed = busy.signed()
    assert verify(whole) == signed.size
    assert verify(whole, against=signed) == signed.size
    records = b"".join(
        gzip.decompress(path.read_bytes()) for path in sorted((whole / "records").iterdir())
    )
    assert records.splitlines() == busy.states()[: signed.size]
    schemas = {path.name for path in (whole / "schemas").iterdir()}
    assert schemas == {f"{event.__name__}.v{version}.json" for event, version in EVENTS.items()}


def test_an_export_goes_on_where_it_was_interrupted(
    busy: Archive, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "RECORDS_A_FILE", 100)
    directory = tmp_path / "bundle"
    export(busy, directory)
    complete = contents(directory)
    assert sum(name.startswith("records/") for name in complete) > 3
    assert verify(directory) == busy.signed().size
    kept = sorted(complete)[: len(complete) // 2]
    shutil.rmtree(directory)
    for name in {*kept, "log/checkpoint"} - {"manifest.json"}:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(complete[name])
    busy.grow(10)
    busy.seal_all()
    export(busy, directory)
    assert contents(directory) == complete, "it goes on with the checkpoint that it began with"


def test_a_part_of_the_records_comes_with_the_whole_tree(busy: Archive, tmp_path: Path) -> None:
    manifest = export(busy, tmp_path / "part", first=11, last=20, with_texts=False)
    assert (manifest["first"], manifest["last"]) == (11, 20)
    (file,) = (tmp_path / "part" / "records").iterdir()
    assert gzip.decompress(file.read_bytes()).splitlines() == busy.states()[10:20]
    with pytest.raises(Divergence, match="part of the records"):
        verify(tmp_path / "part")


def test_what_can_not_be_exported(busy: Archive, whole: Path, tmp_path: Path) -> None:
    with pytest.raises(Unexportable):
        export(busy, tmp_path / "a", first=10**9)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.txt").write_text("precious")
    with pytest.raises(Unexportable):
        export(busy, tmp_path / "b")
    shutil.copytree(whole, tmp_path / "c")
    note = (whole / "log/checkpoint").read_text()
    (tmp_path / "c" / "log/checkpoint").write_text(note.replace("books", "bookz"))
    with pytest.raises(Unexportable):
        export(busy, tmp_path / "c")


def evidence_of(name: str) -> bool:
    """Schemas and README explain; the rest is evidence."""
    return name.partition("/")[0] in ("records", "texts", "log", "manifest.json")


@pytest.mark.parametrize("seed", range(3))
def test_any_byte_that_is_changed_in_a_bundle_is_found(
    whole: Path, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    directory = tmp_path / "bundle"
    shutil.copytree(whole, directory)
    names = sorted(name for name in contents(directory) if evidence_of(name))
    missed = []
    for _ in range(40):
        file = directory / chance.choice(names)
        kept = file.read_bytes()
        at = chance.randrange(len(kept))
        changed = kept[:at] + bytes([kept[at] ^ 1 << chance.randrange(8)]) + kept[at + 1 :]
        file.write_bytes(changed)
        try:
            verify(directory)
            if not _says_the_same(file.name, kept, changed):
                missed.append((file.name, at, kept[max(0, at - 20) : at + 20]))
        except Divergence:
            pass
        file.write_bytes(kept)
    assert not missed, missed
    verify(directory)


def _says_the_same(name: str, kept: bytes, changed: bytes) -> bool:
    """The manifest's spaces are none of its evidence, nor which software wrote it."""
    return name == "manifest.json" and (
        msgspec.json.decode(kept, type=Manifest) == msgspec.json.decode(changed, type=Manifest)
    )


def test_records_changed_under_a_manifest_that_was_changed_too(whole: Path, tmp_path: Path) -> None:
    directory = tmp_path / "bundle"
    shutil.copytree(whole, directory)
    (file,) = (directory / "records").iterdir()
    changed = gzip.decompress(file.read_bytes()).replace(b'"What it was', b'"what it was')
    changed = changed.replace(b'"actor":"carla"', b'"actor":"clara"', 1)
    file.write_bytes(gzip.compress(changed))
    manifest = msgspec.json.decode((directory / "manifest.json").read_bytes())
    manifest["files"][f"records/{file.name}"] = sha256(file.read_bytes()).hexdigest()
    (directory / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    with pytest.raises(Divergence) as found:
        verify(directory)
    assert found.value.position is not None


def test_what_a_bundle_states_is_held_against_what_its_records_come_to(
    busy: Archive, tmp_path: Path
) -> None:
    directory = tmp_path / "stated"
    export(busy, directory, with_state=True)
    assert verify(directory) == busy.signed().size
    run = CliRunner()
    same = run.invoke(replay_command, [str(directory), "--compare", "--json"])
    assert (same.exit_code, msgspec.json.decode(same.stdout)["differences"]) == (0, [])
    stated = msgspec.json.decode((directory / "state.json").read_bytes())
    wrong = stated["balances"][0]
    wrong["balance"] = "123.45"
    gone = stated["accounts"].pop()
    (directory / "state.json").write_bytes(msgspec.json.encode(stated))
    assert run.invoke(replay_command, [str(directory), "--compare"]).exit_code == 1, "no such file"
    manifest = msgspec.json.decode((directory / "manifest.json").read_bytes())
    digest = sha256((directory / "state.json").read_bytes()).hexdigest()
    manifest["files"]["state.json"] = digest
    (directory / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    found = run.invoke(replay_command, [str(directory), "--compare", "--json"])
    assert found.exit_code == 1
    listed = msgspec.json.decode(found.stdout)["differences"]
    assert [(one["section"], one["name"]) for one in listed] == [
        ("accounts", gone["code"]),
        ("balances", f"{wrong['account']} {wrong['asset']}"),
    ]
    assert listed[0]["stated"] is None
    assert run.invoke(replay_command, [str(directory), "--compare", "--to", "5"]).exit_code == 1
    assert run.invoke(replay_command, [str(directory), "--compare", "--watch"]).exit_code == 2


def test_states_on_the_way_are_held_against_what_the_records_came_to_there(
    busy: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "RECORDS_A_FILE", 50)
    directory, run = tmp_path / "stated", CliRunner()
    manifest = export(busy, directory, state_at=[73])
    at = [73, *range(50, manifest["last"], 50), manifest["last"]]
    asked = [str(directory), "--compare", "--json"]
    found = msgspec.json.decode(run.invoke(replay_command, asked).stdout)
    assert (found["compared"], found["differences"]) == (sorted(at), [])
    part = msgspec.json.decode(run.invoke(replay_command, [*asked, "--to", "73"]).stdout)
    assert part["compared"] == [50, 73]
    file = directory / "states/000000000073.json.gz"
    state = msgspec.json.decode(gzip.decompress(file.read_bytes()))
    state["vouchers"][0]["last_no"] += 1
    file.write_bytes(gzip.compress(msgspec.json.encode(state)))
    assert run.invoke(replay_command, asked).exit_code == 1, "not what the manifest names"
    with pytest.raises(Divergence, match="is not the file that the manifest names"):
        verify(directory)
    beyond = run.invoke(replay_command, [str(directory), "--to", str(manifest["last"] + 1)])
    assert (beyond.exit_code, "the log ends at" in str(beyond.exception)) == (1, True)
    manifest["files"]["states/000000000073.json.gz"] = sha256(file.read_bytes()).hexdigest()
    (directory / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    wrong = run.invoke(replay_command, asked)
    assert wrong.exit_code == 1
    told = msgspec.json.decode(wrong.stdout)
    assert (told["position"], told["compared"]) == (73, [50, 73])
    assert [one["section"] for one in told["differences"]] == ["vouchers"]
    with pytest.raises(Unexportable):
        export(busy, tmp_path / "beyond", state_at=[10**9])
