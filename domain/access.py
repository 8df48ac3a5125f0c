"""Who may do what: actors, their keys and roles, recorded in the system ledger like all else.

A key is shown once, when it is made; the log holds its SHA-256 only (a key is 256 random bits, so
a plain hash tells nothing).
"""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from domain.books import Books
from domain.commands import At, Command, Decided, Event, NewStream
from domain.refusals import Refusal

Role = Literal["operator", "controller", "clerk", "approver", "compliance", "auditor"]
ActorKind = Literal["person", "service"]


class ListLedger(Command, frozen=True, kw_only=True, tag="list_ledger"):
    id: str


class RecordActor(Command, frozen=True, kw_only=True, tag="record_actor"):
    actor: str
    owner: str | None = None


class IssueKey(Command, frozen=True, kw_only=True, tag="issue_key"):
    key_id: str
    key_sha256: str
    actor: str
    roles: list[Role]
    ledger: str | None = None
    network_feed: bool | None = None


class RevokeKey(Command, frozen=True, kw_only=True, tag="revoke_key"):
    key_id: str


class LedgerListed(Event, frozen=True, kw_only=True):
    id: str
    reference: str | None = None
    private: str | None = None


class ActorRecorded(Event, frozen=True, kw_only=True):
    """A person, or a service with the person who answers for it."""

    actor: str
    kind: ActorKind
    owner: str | None = None
    reference: str | None = None
    private: str | None = None


class KeyIssued(Event, frozen=True, kw_only=True):
    """`ledger` null: the key is for all ledgers."""

    key_id: str
    key_sha256: str
    actor: str
    roles: list[Role]
    ledger: str | None = None
    network_feed: bool = False
    reference: str | None = None
    private: str | None = None


class KeyRevoked(Event, frozen=True, kw_only=True):
    key_id: str
    reference: str | None = None
    private: str | None = None


class LedgerListing(Struct, frozen=True):
    id: str


class Actor(Struct, frozen=True, omit_defaults=True):
    actor: str
    kind: ActorKind
    owner: str | None = None


class ApiKey(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`owner`: the person who answers for its actor, where that is a service. The actor's record
    says who; of a key that is shown it is looked up there."""

    stream: str
    key_id: str
    key_sha256: str
    actor: str
    roles: list[Role]
    ledger: str | None = None
    network_feed: bool = False
    revoked: bool = False
    owner: str | None = None


class AlreadyListed(Refusal):
    code = "already_exists"
    sentence = "The ledger {ledger} is listed."


class ActorExists(Refusal):
    code = "already_exists"
    sentence = "The actor {actor} is recorded as {kind}, owner {owner}."


class ActorNotFound(Refusal):
    code = "not_found"
    sentence = "There is no actor {actor}."


class KeyExists(Refusal):
    code = "already_exists"
    sentence = "The key {key_id} exists."


class KeyNotFound(Refusal):
    code = "not_found"
    sentence = "There is no key {key_id} that is not revoked."


def list_ledger(books: Books, command: ListLedger, at: At, new: NewStream) -> Decided:
    """Returns the event that makes a ledger known to all. Raises AlreadyListed."""
    if books.listings.get(command.id) is not None:
        raise AlreadyListed(ledger=command.id)
    return [(new(0), LedgerListed(id=command.id, reference=command.reference))]


def record_actor(books: Books, command: RecordActor, at: At, new: NewStream) -> Decided:
    """Returns the event that records an actor: a service where it has an owner. Raises
    ActorExists."""
    known = books.actors.get(command.actor)
    if known is not None:
        raise ActorExists(actor=known.actor, kind=known.kind, owner=known.owner)
    kind: ActorKind = "person" if command.owner is None else "service"
    event = ActorRecorded(
        actor=command.actor, kind=kind, owner=command.owner, reference=command.reference
    )
    return [(new(0), event)]


def issue_key(books: Books, command: IssueKey, at: At, new: NewStream) -> Decided:
    """Returns the event that makes a key valid. Raises ActorNotFound, KeyExists."""
    if books.actors.get(command.actor) is None:
        raise ActorNotFound(actor=command.actor)
    if books.keys.get(command.key_id) is not None:
        raise KeyExists(key_id=command.key_id)
    event = KeyIssued(
        key_id=command.key_id,
        key_sha256=command.key_sha256,
        actor=command.actor,
        roles=command.roles,
        ledger=command.ledger,
        network_feed=bool(command.network_feed),
        reference=command.reference,
    )
    return [(new(0), event)]


def revoke_key(books: Books, command: RevokeKey, at: At, new: NewStream) -> Decided:
    """Returns the event that ends a key. Raises KeyNotFound."""
    key = books.keys.get(command.key_id)
    if key is None or key.revoked:
        raise KeyNotFound(key_id=command.key_id)
    return [(key.stream, KeyRevoked(key_id=command.key_id, reference=command.reference))]


def evolve_listed(books: Books, stream: str, event: LedgerListed) -> None:
    """Lists the ledger."""
    books.listings.put(event.id, LedgerListing(event.id))


def evolve_recorded(books: Books, stream: str, event: ActorRecorded) -> None:
    """Makes the actor known."""
    books.actors.put(event.actor, Actor(event.actor, event.kind, event.owner))


def evolve_issued(books: Books, stream: str, event: KeyIssued) -> None:
    """Makes the key valid."""
    key = ApiKey(
        stream=stream,
        key_id=event.key_id,
        key_sha256=event.key_sha256,
        actor=event.actor,
        roles=event.roles,
        ledger=event.ledger,
        network_feed=event.network_feed,
    )
    books.keys.put(event.key_id, key)


def evolve_revoked(books: Books, stream: str, event: KeyRevoked) -> None:
    """Ends the key."""
    key = books.keys.get(event.key_id)
    assert key is not None
    books.keys.put(event.key_id, replace(key, revoked=True))
