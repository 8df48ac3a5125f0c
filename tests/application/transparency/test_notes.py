"""Notes, checkpoints and cosignatures against the published examples of other implementations."""

from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from application.transparency.notes import (
    COSIGNATURE,
    BadNote,
    Checkpoint,
    Note,
    Signature,
    check_signed,
    parse_checkpoint,
    parse_note,
    parse_verifier_key,
    sign,
    verifier_key,
)

# From the tests of golang.org/x/mod/sumdb/note.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_KEY = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
NOTE = (
    f"{TEXT}\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
    "KvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# From the tests of github.com/transparency-dev/formats.
WITNESS = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"

CHECKPOINT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


def test_a_note_of_another_implementation_is_verified_and_made_again_byte_for_byte() -> None:
    key = parse_verifier_key(PETER)
    assert str(key) == PETER
    note = parse_note(NOTE.encode())
    assert note.text == TEXT
    assert check_signed(note, [key]) == [key]
    private = Ed25519PrivateKey.from_private_bytes(b64decode(PETERS_KEY)[1:])
    assert str(sign(TEXT, [("PeterNeumann", private)])) == NOTE


@pytest.mark.parametrize("at", range(0, len(TEXT), 7))
def test_a_changed_text_is_noticed(at: int) -> None:
    changed = TEXT[:at] + "#" + TEXT[at + 1 :]
    note = Note(changed, parse_note(NOTE.encode()).signatures)
    with pytest.raises(BadNote):
        check_signed(note, [parse_verifier_key(PETER)])


def test_keys_that_are_not_trusted_say_nothing() -> None:
    other = verifier_key("PeterNeumann", Ed25519PrivateKey.generate())
    note = parse_note(NOTE.encode())
    with pytest.raises(BadNote):
        check_signed(note, [other])
    peter = parse_verifier_key(PETER)
    assert check_signed(note, [other, peter]) == [peter]


@pytest.mark.parametrize("cut", [1, 13, 14, 22, 23, 30, len(PETER) - 1])
def test_a_mangled_key_is_none(cut: int) -> None:
    with pytest.raises(BadNote):
        parse_verifier_key(PETER[:cut] + PETER[cut + 1 :])


def test_a_witness_key_is_read_and_written() -> None:
    assert str(parse_verifier_key(WITNESS)) == WITNESS
    assert parse_verifier_key(WITNESS).type == COSIGNATURE


def test_a_cosignature_is_of_the_moment_and_the_whole_text() -> None:
    private = Ed25519PrivateKey.generate()
    key = verifier_key("witness.example/w1", private, type=COSIGNATURE)
    moment = 1_679_315_147
    signature = moment.to_bytes(8, "big") + private.sign(
        f"cosignature/v1\ntime {moment}\n{CHECKPOINT}".encode()
    )
    note = Note(CHECKPOINT, (Signature(key.name, key.key_id, signature),))
    read = parse_note(str(note).encode())
    assert check_signed(read, [key]) == [key]
    later = (moment + 1).to_bytes(8, "big") + signature[8:]
    wrong = Note(CHECKPOINT, (Signature(key.name, key.key_id, later),))
    with pytest.raises(BadNote):
        check_signed(wrong, [key])


def test_the_checkpoint_of_the_specification() -> None:
    found = parse_checkpoint(CHECKPOINT)
    assert (found.origin, found.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert str(found) == CHECKPOINT
    assert parse_checkpoint(f"{CHECKPOINT}an extension\n") == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n1\n",
        "origin\n1\nAAAA\n",
        f"origin\n01\n{b64encode(bytes(32)).decode()}\n",
        f"origin\n-1\n{b64encode(bytes(32)).decode()}\n",
        f"\n1\n{b64encode(bytes(32)).decode()}\n",
        f"origin\n1\n{b64encode(bytes(32)).decode()}",
        f"origin\n1\n{b64encode(bytes(32)).decode()}\n\n",
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(BadNote):
        parse_checkpoint(text)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no signature\n",
        b"text\n\n",
        NOTE.encode()[:-1],
        NOTE.encode().replace(b"\xe2\x80\x94", b"-"),
        NOTE.encode().replace(b"PeterNeumann", b"Peter Neumann"),
        NOTE.encode().replace(b"problem", b"pro\tblem"),
        NOTE.encode().replace(b"wJnAM=", b"wJnAN="),  # the same bytes, written otherwise
        b"\xff" + NOTE.encode(),
        TEXT.encode() + b"\n" + "\u2014 a AAAAAA==\n".encode() * 65,
        b"x" * 200_000 + NOTE.encode(),
    ],
)
def test_what_is_no_note(raw: bytes) -> None:
    with pytest.raises(BadNote):
        parse_note(raw)


def test_names_that_can_be_no_keys() -> None:
    for name in ("", "a b", "a+b", "a\u00a0b"):
        with pytest.raises(BadNote):
            verifier_key(name, Ed25519PrivateKey.generate())


def test_a_head_is_written_as_the_specification_has_it() -> None:
    assert str(Checkpoint("localhost:8000/v1/ledgers/acme/log", 0, bytes(32))) == (
        "localhost:8000/v1/ledgers/acme/log\n0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
    )
