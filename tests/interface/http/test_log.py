"""The log over HTTP, followed as a generic client of C2SP tlog-tiles follows it."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from werkzeug.test import TestResponse

from application.ledgers import THE_SERVICE
from application.outcomes import Asked
from application.transparency.notes import (
    COSIGNATURE,
    Checkpoint,
    Note,
    Signature,
    check_signed,
    parse_checkpoint,
    parse_note,
    parse_verifier_key,
    verifier_key,
)
from application.transparency.tiles import TileNodes, number_path, tile_width
from application.transparency.tree import (
    check_consistency,
    check_inclusion,
    leaf_hash,
    tree_root,
)
from domain.signing_keys import AddWitness
from tests.interface.http.world import World, body_of

LOG = "/v1/ledgers/main/log"
ORIGIN = "localhost:8000/v1/ledgers/main/log"

Seal = Callable[[], None]


def head_of(answer: TestResponse) -> tuple[Note, Checkpoint]:
    assert answer.status_code == 200, answer.text
    note = parse_note(answer.data)
    return note, parse_checkpoint(note.text)


def code_of(answer: TestResponse) -> Any:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return body_of(answer)["code"]


def test_until_the_first_checkpoint_the_log_is_behind(world: World) -> None:
    """In a ledger that nobody signs here."""
    body = {"id": "unsigned", "name": "U", "functional_asset": "USD", "timezone": "UTC"}
    assert world.operator.post("/v1/ledgers", body).status_code == 201
    for path in ("checkpoint", "tile/0/000.p/1"):
        answer = world.nobody.get(f"/v1/ledgers/unsigned/log/{path}")
        assert (answer.status_code, code_of(answer)) == (503, "behind")
        assert int(answer.headers["Retry-After"]) > 0


def test_a_client_without_a_key_follows_the_tree(world: World, seal: Seal) -> None:
    cash, wallet = world.account(), world.account()
    for _ in range(270):
        world.post(cash, wallet, "1.00")
    seal()
    answer = world.nobody.get(f"{LOG}/checkpoint")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    note, head = head_of(answer)
    assert head.origin == ORIGIN
    keys = body_of(world.auditor.get(f"{LOG}/keys"))
    assert keys["origin"] == ORIGIN
    check_signed(note, [parse_verifier_key(key) for key in keys["verifier_keys"]])

    def tile(level: int, number: int) -> bytes:
        width = tile_width((level, number), head.size)
        partial = "" if width == 256 else f".p/{width}"
        found = world.nobody.get(f"{LOG}/tile/{level}/{number_path(number)}{partial}")
        assert found.status_code == 200
        assert found.headers["Content-Type"] == "application/octet-stream"
        assert "immutable" in found.headers["Cache-Control"]
        assert len(found.data) == 32 * width
        return bytes(found.data)

    assert tree_root(head.size, TileNodes(tile)) == head.root
    assert tile(0, 0)[:32] == leaf_hash(records(world, head.size)[0])


def records(world: World, size: int) -> list[bytes]:
    answer = world.auditor.send(
        "GET",
        f"/v1/ledgers/main/events?to_position={size}",
        headers={"Accept": "application/x-ndjson"},
    )
    return bytes(answer.data).splitlines()


def test_entry_bundles_hold_the_records_and_need_a_key(world: World, seal: Seal) -> None:
    seal()
    _, head = head_of(world.nobody.get(f"{LOG}/checkpoint"))
    path = f"{LOG}/tile/entries/000.p/5"
    assert world.nobody.get(path).status_code == 401
    assert world.clerk.get(path).status_code == 403
    assert world.controller.get(path).status_code == 200
    answer = world.auditor.get(path)
    assert answer.headers["Cache-Control"].startswith("private")
    found, rest = [], bytes(answer.data)
    while rest:
        length = int.from_bytes(rest[:2], "big")
        found.append(rest[2 : 2 + length])
        rest = rest[2 + length :]
    assert found == records(world, 5)
    zipped = world.auditor.send("GET", path, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(zipped.data) == answer.data
    assert json.loads(found[0])["position"] == 1
    assert head.size >= 5


def test_proofs_prove(world: World, seal: Seal) -> None:
    seal()
    _, old = head_of(world.nobody.get(f"{LOG}/checkpoint"))
    world.account()
    seal()
    _, new = head_of(world.nobody.get(f"{LOG}/checkpoint"))
    found = body_of(world.auditor.get(f"{LOG}/proof/inclusion?position=3&size={old.size}"))
    check_inclusion(
        index=2,
        size=old.size,
        leaf=leaf_hash(records(world, 3)[2]),
        proof=[bytes.fromhex(hash) for hash in found["proof"]],
        root=old.root,
    )
    found = body_of(world.auditor.get(f"{LOG}/proof/consistency?from={old.size}&to={new.size}"))
    check_consistency(
        old_size=old.size,
        new_size=new.size,
        old_root=old.root,
        new_root=new.root,
        proof=[bytes.fromhex(hash) for hash in found["proof"]],
    )
    assert world.clerk.get(f"{LOG}/proof/inclusion?position=3").status_code == 403
    assert world.nobody.get(f"{LOG}/proof/inclusion?position=3").status_code == 401


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("tile/0/999", "not_found"),
        ("tile/0/000.p/256", "not_found"),
        ("tile/0/000.p/0", "not_found"),
        ("tile/0/000.p/01", "not_found"),
        ("tile/00/000.p/1", "not_found"),
        ("tile/64/000.p/1", "not_found"),
        ("tile/9/000.p/1", "not_found"),
        ("tile/0/0", "not_found"),
        ("tile/0/x000/000.p/1", "not_found"),
        ("tile/0/x999/x999/x999/x999/x999/x999/x999/999", "not_found"),
        ("tile/0/..%2Fentries%2F000.p%2F1", "not_found"),
        ("tile/0/000.p/1?a=b", "invalid_request"),
        ("proof/inclusion", "invalid_request"),
        ("proof/inclusion?position=0", "invalid_request"),
        ("proof/inclusion?position=4&size=3", "invalid_request"),
        ("proof/inclusion?position=1&size=99999999", "not_found"),
        ("proof/consistency?from=3&to=2", "invalid_request"),
        ("proof/consistency?from=3&to=99999999", "not_found"),
        ("nothing", "not_found"),
    ],
)
def test_what_is_not_there(world: World, seal: Seal, path: str, code: str) -> None:
    seal()
    assert code_of(world.auditor.get(f"{LOG}/{path}")) == code


def test_what_is_committed_and_not_yet_signed_is_behind(world: World, seal: Seal) -> None:
    seal()
    world.account()
    for path in ("inclusion?position=1&size", "consistency?from=1&to"):
        answer = world.auditor.get(f"{LOG}/proof/{path}={world.head()}")
        assert (answer.status_code, code_of(answer)) == (503, "behind")
    answer = world.auditor.get(f"{LOG}/proof/inclusion?position={world.head()}")
    assert (answer.status_code, code_of(answer)) == (503, "behind")
    assert answer.headers["Retry-After"] == "1"
    answer = world.auditor.get(f"{LOG}/proof/inclusion?position={world.head() + 1}")
    assert (answer.status_code, code_of(answer)) == (404, "not_found")


def test_proofs_wait_until_a_position_is_signed(
    world: World, seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.account()
    head = world.head()
    path = f"{LOG}/proof/inclusion?position=1&min_position={head}"
    with monkeypatch.context() as impatient:
        impatient.setattr("interface.http.door.BEHIND_AFTER_SECONDS", 0.05)
        assert code_of(world.auditor.get(path)) == "behind"
    seal()
    assert body_of(world.auditor.get(path))["size"] >= head


def test_only_reading_checkpoint_and_tiles_needs_no_key(world: World) -> None:
    for path in ("keys", "nothing", "tile/entries/000", "tile", "proof/inclusion?position=1"):
        assert world.nobody.get(f"{LOG}/{path}").status_code == 401
    assert world.nobody.send("POST", f"{LOG}/checkpoint", b"").status_code == 401
    answer = world.nobody.get("/v1/ledgers/nowhere/log/checkpoint")
    assert (answer.status_code, code_of(answer)) == (404, "ledger_not_found")
    head = world.nobody.send("HEAD", f"{LOG}/checkpoint")
    assert (head.status_code, head.data) == (200, b"")


def test_a_witness_cosigns(world: World, seal: Seal) -> None:
    seal()
    witness, stranger = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    known = verifier_key("witness.example.com/w1", witness, type=COSIGNATURE)
    command = AddWitness(verifier_key=str(known))
    asked = Asked(command, "witness", THE_SERVICE)
    assert world.ledgers.writer("main").submit([(asked,)])[0].code is None
    seal()
    note, head = head_of(world.nobody.get(f"{LOG}/checkpoint"))

    def cosigned(private: Ed25519PrivateKey, text: str, moment: int = 1_700_000_000) -> bytes:
        key = verifier_key("witness.example.com/w1", private, type=COSIGNATURE)
        signature = moment.to_bytes(8, "big") + private.sign(
            f"cosignature/v1\ntime {moment}\n{text}".encode()
        )
        line = Signature(key.name, key.key_id, signature)
        return str(Note(text, (*note.signatures, line))).encode()

    def hand_in(body: bytes, kind: str = "text/plain") -> TestResponse:
        return world.auditor.send("POST", f"{LOG}/cosignatures", body, kind=kind)

    assert code_of(world.nobody.get(f"{LOG}/checkpoint?cosigned=true")) == "not_found"
    assert code_of(hand_in(cosigned(stranger, note.text))) == "invalid_request"
    assert code_of(hand_in(str(note).encode())) == "invalid_request"
    other = str(Checkpoint(head.origin, head.size, bytes(32)))
    assert code_of(hand_in(cosigned(witness, other))) == "invalid_request"
    assert code_of(hand_in(b"\xff")) == "invalid_request"
    assert code_of(hand_in(b"{}", "application/json")) == "unsupported_media_type"

    answer = hand_in(cosigned(witness, note.text))
    assert answer.status_code == 200, answer.text
    assert body_of(answer) == {
        "size": head.size,
        "root": head.root.hex(),
        "witnesses": [known.name],
    }
    served, _ = head_of(world.nobody.get(f"{LOG}/checkpoint"))
    assert check_signed(served, [known]) == [known]
    world.account()
    seal()
    newest, _ = head_of(world.nobody.get(f"{LOG}/checkpoint"))
    assert len(newest.signatures) == 1
    kept, at = head_of(world.nobody.get(f"{LOG}/checkpoint?cosigned=true"))
    assert (check_signed(kept, [known]), at.size) == ([known], head.size)
