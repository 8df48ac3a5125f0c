"""What surrounds the money: ledgers, locks, assets, journals, actors and keys."""

from datetime import date, timedelta

import pytest

from domain.access import (
    ActorExists,
    ActorRecorded,
    IssueKey,
    KeyIssued,
    KeyRevoked,
    LedgerListed,
    ListLedger,
    RecordActor,
    RevokeKey,
)
from domain.assets import AssetRegistered, RegisterAsset
from domain.calendar import EffectiveInFuture, PeriodIsClosed
from domain.journals import JournalOpened, OpenJournal
from domain.ledgers import SYSTEM, BooksLocked, CreateLedger, Entity, LedgerCreated, LockBooks
from tests.domain.harness import LEDGER, TODAY, given, ledger

ENTITY = Entity(legal_name="Acme Inc.", country="US", tax_id="1")


def test_a_ledger_begins_with_its_functional_asset_and_two_journals() -> None:
    command = CreateLedger(
        id="acme",
        name="Acme",
        functional_asset="JPY",
        timezone="Asia/Tokyo",
        fiscal_year_start="04-01",
        entity=ENTITY,
        reference="R",
    )
    given().when(command).then(
        (
            "new",
            LedgerCreated(
                id="acme",
                name="Acme",
                functional_asset="JPY",
                timezone="Asia/Tokyo",
                fiscal_year_start="04-01",
                entity=ENTITY,
                reference="R",
            ),
        ),
        ("new.1", AssetRegistered(code="JPY", scale=0, kind="currency")),
        ("new.2", JournalOpened(code="GEN", name="General journal")),
        ("new.3", JournalOpened(code="AUTH", name="Settled authorizations")),
    )


def test_the_fiscal_year_starts_in_january_by_default() -> None:
    created = given().when(LEDGER).events[0][1]
    assert isinstance(created, LedgerCreated)
    assert created.fiscal_year_start == "01-01"


def test_the_system_ledger_counts_no_money() -> None:
    system = CreateLedger(id=SYSTEM, name="System", functional_asset="XXX", timezone="UTC")
    assert isinstance(given().when(system).only(), LedgerCreated)


def test_books_are_locked_forward_only_and_not_beyond_today() -> None:
    march = date(2026, 3, 1)
    ledger.when(LockBooks(through=march, reference="R")).then(
        ("g1", BooksLocked(through=march, reference="R"))
    )
    locked = ledger.given(LockBooks(through=march))
    locked.when(LockBooks(through=march)).then(PeriodIsClosed(locked_through="2026-03-01"))
    locked.when(LockBooks(through=march - timedelta(days=1))).then(PeriodIsClosed)
    next_day = march + timedelta(days=1)
    locked.when(LockBooks(through=next_day)).then(
        ("g1", BooksLocked(through=next_day, before=march))
    )
    assert locked.when(LockBooks(through=TODAY)).code is None
    locked.when(LockBooks(through=TODAY + timedelta(days=1))).then(EffectiveInFuture)


@pytest.mark.parametrize(
    ("code", "scale"),
    [("USD", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("ISK", 0), ("MGA", 2), ("AAPL", 2)],
)
def test_an_assets_scale_is_iso_4217s_by_default(code: str, scale: int) -> None:
    assert given().when(RegisterAsset(code=code)).only().scale == scale


@pytest.mark.parametrize("scale", [0, 12])
def test_an_assets_scale_may_be_named(scale: int) -> None:
    given().when(RegisterAsset(code="JPY", scale=scale, kind="unit", reference="R")).then(
        ("new", AssetRegistered(code="JPY", scale=scale, kind="unit", reference="R"))
    )


def test_a_journal_is_opened_once() -> None:
    ledger.when(OpenJournal(code="SALES", name="Sales", reference="R")).then(
        ("new", JournalOpened(code="SALES", name="Sales", reference="R"))
    )


def test_an_actor_with_an_owner_is_a_service() -> None:
    given().when(RecordActor(actor="ann")).then(("new", ActorRecorded(actor="ann", kind="person")))
    given().when(RecordActor(actor="bot", owner="ann")).then(
        ("new", ActorRecorded(actor="bot", kind="service", owner="ann"))
    )
    given(RecordActor(actor="bot", owner="ann")).when(RecordActor(actor="bot")).then(
        ActorExists(actor="bot", kind="service", owner="ann")
    )


def test_a_key_is_issued_to_an_actor_and_revoked_in_its_own_stream() -> None:
    issue = IssueKey(
        key_id="k",
        key_sha256="ab",
        actor="ann",
        roles=["clerk", "auditor"],
        ledger="acme",
        network_feed=True,
    )
    ann = given(RecordActor(actor="ann"))
    ann.when(issue).then(
        (
            "new",
            KeyIssued(
                key_id="k",
                key_sha256="ab",
                actor="ann",
                roles=["clerk", "auditor"],
                ledger="acme",
                network_feed=True,
            ),
        )
    )
    ann.given(issue).when(RevokeKey(key_id="k")).then(("g2", KeyRevoked(key_id="k")))
    world = ann.given(issue, RevokeKey(key_id="k")).world()
    key = world.books.keys.get("k")
    assert key is not None
    assert key.revoked


def test_a_ledger_is_listed() -> None:
    given().when(ListLedger(id="acme")).then(("new", LedgerListed(id="acme")))
