"""The intake of an import: order, groups, and patience."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from application.ledgers import Ledgers
from application.outcomes import Asked, Caller
from application.writer import Writer
from domain.accounts import OpenAccount
from domain.commands import Command
from domain.ledgers import CreateLedger
from interface.bootstrap import Database as Connections
from interface.bootstrap import migrated
from interface.cli import intake
from interface.cli.intake import Intake, Origin
from interface.cli.known_journals import KnownJournals
from interface.http.units import Unfit, load_command, refused
from interface.importing.ndjson import Occurrences
from tests.conftest import Database

OPERATOR = Caller("tests", None, frozenset({"operator", "controller"}), "import")


@pytest.fixture
def ledgers(database: Database) -> Iterator[Ledgers]:
    with migrated(Connections(owner=database.owner, service=database.service)) as opened:
        yield opened


@pytest.fixture
def writer(ledgers: Ledgers) -> Writer:
    founding = CreateLedger(id="books", name="Books", functional_asset="USD", timezone="UTC")
    assert ledgers.create(founding, key="books", by=OPERATOR).code is None
    return ledgers.writer("books")


def journal(number: int, **members: Any) -> bytes:
    """A command that is refused: the ledger has no accounts."""
    leg = {"account": "cash", "amount": "1.00", "asset": "USD"}
    legs = [{**leg, "side": "debit"}, {**leg, "side": "credit"}]
    return json.dumps({"do": "post", "key": f"n{number}", "legs": legs, **members}).encode()


def test_answers_come_in_the_order_of_the_file(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "CHUNK_COMMANDS", 7)
    heard: list[int] = []
    with Occurrences() as groups:
        taken = Intake(writer, OPERATOR, groups=groups, refuse=lambda o, _: heard.append(o.line))
        for number in range(100):
            taken.add(Origin(number, None), load_command(journal(number)))
        taken.finish()
    assert heard == list(range(100))
    assert (taken.done, taken.replayed) == (0, 0)


def test_what_comes_again_in_a_file_that_has_grown_is_there_already(
    ledgers: Ledgers, writer: Writer
) -> None:
    """Which file it is from, and its line there, may be others; all else is as it was."""
    opened: list[Command] = [
        OpenAccount(code=code, type="asset", name=code) for code in ("cash", "till")
    ]
    for one in opened:
        assert writer.submit([(Asked(one, one.code, OPERATOR),)])[0].code is None  # type: ignore[attr-defined]
    legs = [
        {"account": code, "side": side, "amount": "1.00", "asset": "USD"}
        for code, side in (("cash", "debit"), ("till", "credit"))
    ]
    dearer = [{**leg, "amount": "2.00"} for leg in legs]

    def taken(*commands: bytes, known: KnownJournals | None = None) -> tuple[int, int, list[Any]]:
        heard: list[Any] = []
        with Occurrences() as groups:
            intake = Intake(
                writer,
                OPERATOR,
                groups=groups,
                refuse=lambda origin, result: heard.append((origin.line, result["code"])),
                are_there=None if known is None else known.are_there,
            )
            for line, command in enumerate(commands):
                intake.add(Origin(line, None), load_command(command))
            intake.finish()
        return intake.done, intake.replayed, heard

    march = {"file": "gl.csv", "sha256": "a" * 64, "line": 2}
    april = {"system": "erp", "file": "gl.csv", "sha256": "b" * 64, "line": 7}
    known = KnownJournals(ledgers, "books", OPERATOR)
    first = journal(1, legs=legs, source=march, narrative="Erika")
    assert taken(first, known=known) == (1, 0, [])
    grown = [
        journal(1, legs=legs, source=april, narrative="Erika"),
        journal(2, legs=legs, source=april),
        journal(1, legs=legs, source=april, narrative="Mark"),
        journal(1, legs=dearer, source=april, narrative="Erika"),
        journal(1, legs=legs, narrative="Erika"),
    ]
    conflict = "idempotency_conflict"
    assert taken(grown[0]) == (0, 0, [(0, conflict)])
    assert taken(*grown, known=known) == (1, 2, [(2, conflict), (3, conflict)])
    # What was refused has no source on record; it stays a conflict.
    astray = [{**leg, "account": "nowhere"} for leg in legs]
    refused_first = taken(journal(3, legs=astray, source=march), known=known)
    assert refused_first == (0, 0, [(0, "account_not_found")])
    again = journal(3, legs=astray, source=april)
    assert taken(again, known=known) == (0, 0, [(0, conflict)])


def test_a_group_is_never_cut_at_the_end_of_a_chunk(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "CHUNK_COMMANDS", 7)
    codes: list[str] = []
    with Occurrences() as groups:
        taken = Intake(
            writer, OPERATOR, groups=groups, refuse=lambda _, result: codes.append(result["code"])
        )
        for number in range(5):
            taken.add(Origin(number, None), load_command(journal(number)))
        for number in range(10):
            taken.add(Origin(number, None), load_command(journal(100 + number, group="g")))
        taken.add(Origin(0, None), Unfit(refused("invalid_request", "no"), "g"))
        taken.finish()
    # The last one takes all of its group with it.
    assert codes[5:] == ["group_refused"] * 10 + ["invalid_request"]


def test_it_waits_for_a_database_that_comes_back(
    ledgers: Ledgers, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    founding = CreateLedger(id="books", name="Books", functional_asset="USD", timezone="UTC")
    assert ledgers.create(founding, key="books", by=OPERATOR).code is None
    writer = ledgers.writer("books")
    waited = threading.Event()

    def set_read_only(state: str) -> None:
        name = sql.Identifier(database.name)
        writing = make_conninfo(database.superuser, options="-c default_transaction_read_only=off")
        with psycopg.connect(writing, autocommit=True) as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}").format(
                    name, sql.SQL(state)
                )
            )
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = %s AND pid <> pg_backend_pid()",
                [database.name],
            )

    def come_back(*_: Any, **__: Any) -> None:
        if not waited.is_set():
            waited.set()
            set_read_only("off")

    monkeypatch.setattr(intake.log, "warning", come_back)
    set_read_only("on")
    codes: list[str] = []
    with Occurrences() as groups:
        taken = Intake(
            writer, OPERATOR, groups=groups, refuse=lambda _, result: codes.append(result["code"])
        )
        taken.add(Origin(1, None), load_command(journal(1)))
        taken.finish()
    assert waited.is_set()
    assert codes == ["account_not_found"]
