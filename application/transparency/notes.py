"""Signed notes, checkpoints and cosignatures: what a log signs, and how others check it.

Sources: C2SP signed-note, tlog-checkpoint, tlog-cosignature; RFC 8032 (Ed25519). Signatures of
keys that a verifier does not know say nothing to it, and are skipped.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable, Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from msgspec import Struct

ED25519 = 0x01
COSIGNATURE = 0x04
MAX_SIGNATURES = 64
MAX_NOTE_BYTES = 1 << 17

_MARK = "\u2014 "
_KEY_NAME = re.compile(r"[^\s+]+")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class BadNote(Exception):
    """What should be a note, a key or a checkpoint is none, or a signature is wrong."""


class VerifierKey(Struct, frozen=True):
    """A public key as others write it down: `name+key id+base64(type || key)`."""

    name: str
    type: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.type, self.public)

    def __str__(self) -> str:
        material = b64encode(bytes([self.type]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{material}"

    def has_signed(self, text: str, signature: bytes) -> bool:
        """True where this is the key's signature of a note's text. Raises BadNote for another
        type of key."""
        message = text.encode()
        if self.type == COSIGNATURE:
            moment = int.from_bytes(signature[:8], "big")
            message = f"cosignature/v1\ntime {moment}\n".encode() + message
            signature = signature[8:]
        elif self.type != ED25519:
            raise BadNote(f"{self.name}: signatures of type {self.type} are not known here.")
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class Signature(Struct, frozen=True):
    """One signature line of a note."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        return f"{_MARK}{self.name} {b64encode(self.key_id + self.signature).decode()}\n"


class Note(Struct, frozen=True):
    """A text and who signed it; nothing of it is verified yet."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(one.line for one in self.signatures)


class Checkpoint(Struct, frozen=True):
    """The head of a log's tree, as a note's text has it."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


def key_id(name: str, type: int, public: bytes) -> bytes:
    """Returns the four bytes that name a key in a signature."""
    return sha256(name.encode() + b"\n" + bytes([type]) + public).digest()[:4]


def parse_verifier_key(text: str) -> VerifierKey:
    """Returns the key that a text such as `example.com/log+1a2b3c4d+ATx...` holds.

    Raises BadNote.
    """
    parts = text.strip().split("+", 2)
    if len(parts) != 3 or _KEY_NAME.fullmatch(parts[0]) is None:
        raise BadNote("A verifier key has the form name+key id+base64.")
    material = _decoded(parts[2])
    if len(material) != 33 or material[0] not in (ED25519, COSIGNATURE):
        raise BadNote(f"{parts[0]}: this is no Ed25519 key.")
    key = VerifierKey(parts[0], material[0], material[1:])
    if parts[1] != key.key_id.hex():
        raise BadNote(f"{parts[0]}: the key id does not fit the key.")
    return key


def verifier_key(name: str, private: Ed25519PrivateKey, *, type: int = ED25519) -> VerifierKey:
    """Returns the public half of a key under a name. Raises BadNote for a name that can't be."""
    if _KEY_NAME.fullmatch(name) is None:
        raise BadNote(f"{name!r} can't name a key: it must have no spaces and no plus.")
    return VerifierKey(name, type, private.public_key().public_bytes_raw())


def sign(text: str, keys: Iterable[tuple[str, Ed25519PrivateKey]]) -> Note:
    """Returns the text signed under each name. Requires that the text ends with a newline."""
    assert text.endswith("\n")
    signatures = [
        Signature(name, verifier_key(name, private).key_id, private.sign(text.encode()))
        for name, private in keys
    ]
    return Note(text, tuple(signatures))


def parse_note(raw: bytes, *, max_bytes: int = MAX_NOTE_BYTES) -> Note:
    """Returns a note with its signatures unverified. Raises BadNote."""
    if len(raw) > max_bytes:
        raise BadNote(f"The note has more than {max_bytes:,} bytes.")
    try:
        whole = raw.decode()
    except UnicodeDecodeError as error:
        raise BadNote("The note is not UTF-8.") from error
    if _CONTROL.search(whole):
        raise BadNote("The note holds control characters.")
    text, blank, lines = whole.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise BadNote("The note has no signatures.")
    return Note(text + "\n", tuple(parse_signatures(lines)))


def parse_signatures(lines: str) -> list[Signature]:
    """Returns the signatures of lines that each end with a newline. Raises BadNote."""
    found = lines.split("\n")[:-1]
    if not 0 < len(found) <= MAX_SIGNATURES:
        raise BadNote(f"A note has 1 to {MAX_SIGNATURES} signatures.")
    return [_signature(line) for line in found]


def check_signed(note: Note, keys: Sequence[VerifierKey]) -> list[VerifierKey]:
    """Returns which of the keys signed the note: at least one of them.

    Raises BadNote where none did, or where a signature of one of them is wrong.
    """
    signed = []
    for one in note.signatures:
        known = [key for key in keys if (key.name, key.key_id) == (one.name, one.key_id)]
        for key in known:
            if not key.has_signed(note.text, one.signature):
                raise BadNote(f"The signature of {key.name} is wrong.")
            signed.append(key)
    if not signed:
        raise BadNote("None of the keys that are trusted has signed the note.")
    return signed


def parse_checkpoint(text: str) -> Checkpoint:
    """Returns the head of a tree that a note's text states. Raises BadNote."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise BadNote("A checkpoint has lines for origin, size and root.")
    origin, size, root = lines[:3]
    if _SIZE.fullmatch(size) is None:
        raise BadNote("The checkpoint's size is no number.")
    decoded = _decoded(root)
    if len(decoded) != 32:
        raise BadNote("The checkpoint's root has not 32 bytes.")
    return Checkpoint(origin, int(size), decoded)


def _signature(line: str) -> Signature:
    mark, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    if f"{mark} " != _MARK or _KEY_NAME.fullmatch(name) is None:
        raise BadNote("A signature line is malformed.")
    decoded = _decoded(encoded)
    if len(decoded) < 5:
        raise BadNote("A signature line is malformed.")
    return Signature(name, decoded[:4], decoded[4:])


def _decoded(text: str) -> bytes:
    try:
        decoded = b64decode(text, validate=True)
    except (NotBase64, ValueError) as error:
        raise BadNote("A part of the note is not base64.") from error
    # The last character has bits to spare: another one there must not pass for the same note.
    if b64encode(decoded).decode() != text:
        raise BadNote("A part of the note is not as base64 writes it.")
    return decoded
