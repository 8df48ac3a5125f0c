"""The keys that sign a ledger's log, the witnesses that cosign it, and the name that it has.

The log's origin is fixed with its first key. A ledger that goes on after its log had to be closed
(a restore lost events, a copy is written to elsewhere) does so under another origin: two logs of
one name could otherwise contradict each other.
"""

from msgspec.structs import replace

from domain.books import Books
from domain.commands import At, Command, Decided, Event, NewStream
from domain.refusals import Refusal


class AddSigningKey(Command, frozen=True, kw_only=True, tag="add_signing_key"):
    """`origin` counts for the first key only; later ones sign under the name that the log has."""

    origin: str
    verifier_key: str


class RetireSigningKey(Command, frozen=True, kw_only=True, tag="retire_signing_key"):
    verifier_key: str


class AddWitness(Command, frozen=True, kw_only=True, tag="add_witness"):
    verifier_key: str


class ContinueLedger(Command, frozen=True, kw_only=True, tag="continue_ledger"):
    """`old_size` and `old_root` (hex): the last checkpoint that was signed under the old origin."""

    origin: str
    verifier_key: str
    old_size: int
    old_root: str


class SigningKeyAdded(Event, frozen=True, kw_only=True):
    """From here on checkpoints are signed with this key too. C2SP vkey form."""

    origin: str
    verifier_key: str
    reference: str | None = None
    private: str | None = None


class SigningKeyRetired(Event, frozen=True, kw_only=True):
    """No checkpoint is signed with this key any more; those that were stay valid."""

    verifier_key: str
    reference: str | None = None
    private: str | None = None


class WitnessAdded(Event, frozen=True, kw_only=True):
    """Cosignatures of this key are kept and served."""

    verifier_key: str
    reference: str | None = None
    private: str | None = None


class LedgerContinued(Event, frozen=True, kw_only=True):
    """The first record of a new incarnation: the old log ends, the ledger goes on under a new name.

    `old_size` and `old_root` are what the last checkpoint of the old log states.
    """

    origin: str
    verifier_key: str
    old_incarnation: int
    old_size: int
    old_root: str
    old_origin: str | None = None
    reference: str | None = None
    private: str | None = None


class SigningKeyExists(Refusal):
    code = "already_exists"
    sentence = "The key {verifier_key} is known."


class SigningKeyNotFound(Refusal):
    code = "not_found"
    sentence = "The key {verifier_key} does not sign this log, or is its only one."


def add_signing_key(books: Books, command: AddSigningKey, at: At, new: NewStream) -> Decided:
    """Returns the event that lets a key sign. Raises SigningKeyExists."""
    ledger = books.ledger
    if command.verifier_key in (*ledger.verifier_keys, *ledger.retired_keys):
        raise SigningKeyExists(verifier_key=command.verifier_key)
    event = SigningKeyAdded(
        origin=ledger.origin or command.origin,
        verifier_key=command.verifier_key,
        reference=command.reference,
    )
    return [(ledger.stream, event)]


def retire_signing_key(books: Books, command: RetireSigningKey, at: At, new: NewStream) -> Decided:
    """Returns the event that ends a key's signing. Raises SigningKeyNotFound."""
    ledger = books.ledger
    known = ledger.verifier_keys
    if command.verifier_key not in known or len(known) == 1:
        raise SigningKeyNotFound(verifier_key=command.verifier_key)
    event = SigningKeyRetired(verifier_key=command.verifier_key, reference=command.reference)
    return [(ledger.stream, event)]


def add_witness(books: Books, command: AddWitness, at: At, new: NewStream) -> Decided:
    """Returns the event that makes a witness known. Raises SigningKeyExists."""
    ledger = books.ledger
    if command.verifier_key in ledger.witnesses:
        raise SigningKeyExists(verifier_key=command.verifier_key)
    event = WitnessAdded(verifier_key=command.verifier_key, reference=command.reference)
    return [(ledger.stream, event)]


def continue_ledger(books: Books, command: ContinueLedger, at: At, new: NewStream) -> Decided:
    """Returns the first event of a new incarnation, which the commit opens with it."""
    ledger = books.ledger
    event = LedgerContinued(
        origin=command.origin,
        verifier_key=command.verifier_key,
        old_incarnation=ledger.incarnation,
        old_origin=ledger.origin,
        old_size=command.old_size,
        old_root=command.old_root,
        reference=command.reference,
    )
    return [(ledger.stream, event)]


def evolve_added(books: Books, stream: str, event: SigningKeyAdded) -> None:
    """Lets the key sign."""
    old = books.ledger
    books.ledgers.put(
        "",
        replace(
            old,
            version=old.version + 1,
            origin=event.origin,
            verifier_keys=(*old.verifier_keys, event.verifier_key),
        ),
    )


def evolve_retired(books: Books, stream: str, event: SigningKeyRetired) -> None:
    """Ends the key's signing."""
    old = books.ledger
    left = tuple(key for key in old.verifier_keys if key != event.verifier_key)
    books.ledgers.put(
        "",
        replace(
            old,
            version=old.version + 1,
            verifier_keys=left,
            retired_keys=(*old.retired_keys, event.verifier_key),
        ),
    )


def evolve_witness(books: Books, stream: str, event: WitnessAdded) -> None:
    """Makes the witness known."""
    old = books.ledger
    witnesses = (*old.witnesses, event.verifier_key)
    books.ledgers.put("", replace(old, version=old.version + 1, witnesses=witnesses))


def evolve_continued(books: Books, stream: str, event: LedgerContinued) -> None:
    """Gives the ledger its new incarnation, origin and key."""
    old = books.ledger
    books.ledgers.put(
        "",
        replace(
            old,
            version=old.version + 1,
            incarnation=event.old_incarnation + 1,
            origin=event.origin,
            verifier_keys=(event.verifier_key,),
            retired_keys=(*old.retired_keys, *old.verifier_keys),
        ),
    )
