"""A live ledger is verified; whatever is changed in its database is found."""

import random
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb

from application.migrate import SERVICE_ROLE
from application.records import SHAPES
from application.store import schema_of
from application.transparency.notes import Checkpoint
from interface.evidence.divergence import Divergence
from interface.evidence.live import verify_live, verify_within
from interface.evidence.rows import check_rows
from interface.evidence.verification import Verification
from interface.evidence.view_entries import DIMENSIONS, ENTRIES, ITEM_LEGS, REFUSALS
from interface.evidence.view_holds import PENDING, STATES
from interface.evidence.view_lines import KEYS, LINES, PERIODS, STRETCHES, TOTALS
from projections.rebuilding import CannotRebuild, rebuild
from projections.refusals import REFUSALS as REFUSALS_VIEW
from projections.runner import connect
from tests.application.transparency.archive import Archive

SEEDS = 2
FLIPS = 60
"""For each seed."""

VIEWS = (
    LINES,
    PERIODS,
    KEYS,
    STRETCHES,
    TOTALS,
    ENTRIES,
    DIMENSIONS,
    ITEM_LEGS,
    PENDING,
    STATES,
    REFUSALS,
)

COLUMNS = {
    "events": (
        "notification_id",
        "originator_id",
        "originator_version",
        "topic",
        "state",
        "command_id",
    ),
    "tiles": ("incarnation", "level", "number", "hashes"),
    "checkpoints": ("incarnation", "size", "root", "note"),
    "private": ("position", "salt", "body"),
    "balances": (
        "account",
        "asset",
        "debits",
        "credits",
        "pending_debits",
        "pending_credits",
        "lines",
        "touches",
    ),
    "holds": ("authorization_id", "debit", "credit", "asset", "remaining", "expires_at"),
    "limit_usages": ("limit_id", "account", "starts_on", "used", "count"),
    "network_references": ("scheme", "reference", "entry", "authorization_id"),
    "accounts": ("code", "type", "status", "version", "suspense", "exchange", "document"),
    "rates": ("base", "quote", "kind", "effective_on", "document"),
    "open_items": (
        "account",
        "asset",
        "line",
        "side",
        "effective_on",
        "remaining",
        "functional",
        "entry",
        "name",
        "is_shared",
    ),
    "revaluations": ("id", "effective_on", "waits", "document"),
    "due_reversals": ("entry", "reverse_on"),
    "assets": ("code", "document"),
    "journals": ("code", "document"),
    "baselines": ("id", "document"),
    "vouchers": ("journal", "fiscal_year", "last_no"),
    "ledger": ("document",),
    "periods": ("name", "document"),
    "head": ("position", "recorded_at", "incarnation", "format"),
    **{view.table: view.columns for view in VIEWS},
}
"""Every column that is evidence."""

NO_EVIDENCE = {
    "migrations": "what was applied to the schema",
    "tracking": "where it makes a difference to a view's rows, these are found",
    "secrets": "never leaves the database",
    "signing_keys": "encrypted; that those which sign are there is tested with the signers",
    "cosignatures": "none here; tested with the signers",
    "checkpoints.signed_at": "not signed itself",
    "balances.id": "the number of a row",
    "head.commit_id": "random",
    "head.halted": "an attack of its own below",
    "head.one": "there is one",
    "head.texts_withheld_through": "an attack of its own below",
    "ledger.one": "there is one",
}
"""Tables and columns that are not flipped, and why."""


def verify(archive: Archive, against: Checkpoint | None = None) -> Verification:
    return verify_live(
        archive.database.superuser, archive.ledger, against=against, advance=lambda _: None
    )


def test_a_view_that_is_made_anew_meanwhile_is_no_finding(
    busy: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.rebuilding.SWAP_TRIES", 1)
    monkeypatch.setattr("projections.rebuilding.SWAP_LOCK_MILLISECONDS", 1)

    def meanwhile(*asked: Any) -> None:
        with (
            closing(connect(busy.database.owner)) as owner,
            pytest.raises(CannotRebuild),
        ):
            rebuild(
                owner,
                schema=schema_of(busy.ledger),
                view=REFUSALS_VIEW,
                decode=SHAPES.decode,
                service_role=SERVICE_ROLE,
                on_step=lambda _: None,
            )
        check_rows(*asked)

    monkeypatch.setattr("interface.evidence.live.check_rows", meanwhile)
    verify(busy)


@contextmanager
def spoiling(archive: Archive) -> Iterator[Connection[DictRow]]:
    """A superuser with the triggers off; what it does is undone afterwards."""
    with psycopg.connect(
        archive.database.superuser, autocommit=True, row_factory=dict_row
    ) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(f"SET search_path TO ledger_{archive.ledger}")
        for table in COLUMNS:
            connection.execute(f"CREATE TEMPORARY TABLE kept_{table} AS TABLE {table}")
        try:
            yield connection
        finally:
            with connection.transaction():
                for table in COLUMNS:
                    connection.execute(f"DELETE FROM {table}")
                    connection.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")


def test_a_ledger_in_which_everything_happened_holds(busy: Archive) -> None:
    done = verify(busy)
    assert done.size == busy.position
    assert verify(busy, busy.signed()).size == busy.position


def test_records_that_are_not_signed_yet_are_verified_too(busy: Archive) -> None:
    busy.grow(10)
    assert verify(busy).size == busy.position
    busy.seal_all()


def test_no_column_is_forgotten(busy: Archive) -> None:
    rows = busy.query(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'ledger_acme'"
    )
    for row in rows:
        table, column = row.values()
        known = column in COLUMNS.get(table, ()) or {table, f"{table}.{column}"} & {*NO_EVIDENCE}
        assert known, (
            f"{table}.{column} is new: say in interface/evidence/rows.py what it must be, and here"
            " that it is evidence, or why it is none"
        )


@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_byte_that_is_changed_anywhere_is_found(busy: Archive, seed: int) -> None:
    """By the database's superuser, with the triggers off."""
    chance = random.Random(seed)
    missed, found = [], 0
    with spoiling(busy) as connection:
        rows = {
            table: connection.execute(f"SELECT ctid::text AS ctid, * FROM {table}").fetchall()
            for table in COLUMNS
        }
        assert not _unnoticed_changes(busy, connection)
        places = [(table, column) for table in COLUMNS for column in COLUMNS[table] if rows[table]]
        # Every column has its turn, and a few hundred places in all.
        share = places[seed::SEEDS]
        share += chance.sample(places, max(0, FLIPS - len(share)))
        for table, column in share:
            known = [row for row in rows[table] if row[column] is not None]
            if not known:
                continue
            row = chance.choice(known)
            changed = _changed(row[column], chance)
            with connection.transaction(force_rollback=True):
                try:
                    connection.execute(
                        f"UPDATE {table} SET {column} = %s WHERE ctid = %s::tid",
                        [changed, row["ctid"]],
                    )
                except (psycopg.IntegrityError, psycopg.DataError):
                    continue  # such a value not even PostgreSQL takes
                found += 1
                missed += _unnoticed(busy, connection, (table, column, row[column], changed))
    assert not missed, missed
    assert found > FLIPS / 2


def _unnoticed_changes(archive: Archive, connection: Connection[DictRow]) -> bool:
    """Unspoilt it holds, also within the transaction of a superuser."""
    return not _unnoticed(archive, connection, "nothing")


def _unnoticed(archive: Archive, connection: Connection[DictRow], what: Any) -> list[Any]:
    try:
        verify_within(connection, archive.ledger, against=None, advance=lambda _: None)
    except Divergence:
        return []
    return [what]


def _changed(value: Any, chance: random.Random) -> Any:
    """The value with one byte of it changed, as its type has bytes."""
    if isinstance(value, bytes | str | list):
        return _changed_within(value, chance)
    if isinstance(value, dict):
        return Jsonb({name: _changed(each, chance) for name, each in value.items()})
    if isinstance(value, UUID):
        return UUID(bytes=_changed(value.bytes, chance))
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1 << chance.randrange(20))
    if isinstance(value, date):
        return value + timedelta(days=1 << chance.randrange(8))
    if isinstance(value, bool):
        return not value
    return value + 1 if chance.random() < 0.5 or not value else value - 1


def _changed_within(value: bytes | str | list[Any], chance: random.Random) -> Any:
    """The same with one of its items changed, or with a first one."""
    if not value:
        return "x" if isinstance(value, str) else ["x"]
    at = chance.randrange(len(value))
    if isinstance(value, bytes):
        return value[:at] + bytes([value[at] ^ 1 << chance.randrange(8)]) + value[at + 1 :]
    if isinstance(value, str):
        return value[:at] + chr(ord(value[at]) ^ 1 or 1) + value[at + 1 :]
    return [*value[:at], _changed(value[at], chance), *value[at + 1 :]]


SWAPPED = (
    "UPDATE events SET state = other.state FROM events AS other WHERE events.notification_id IN"
    " (30, 31) AND other.notification_id = 61 - events.notification_id"
)
OF_A_DAY = """WHERE convert_from(state, 'UTF8') LIKE '%"recorded_at":"2026-04-01%'"""
TWICE = (
    "INSERT INTO events SELECT 41, gen_random_uuid(), 1, topic, state FROM events"
    " WHERE notification_id = 40"
)
POSITIVE = "UPDATE events SET notification_id = -notification_id WHERE notification_id < 0"


def _renumbered(position: str, after: str) -> str:
    """The statement that gives events new positions, below zero, also in their records."""
    old, new = "'\"position\":' || notification_id", f"'\"position\":' || {position}"
    return (
        f"UPDATE events SET notification_id = -({position}), state = convert_to(replace("
        f"convert_from(state, 'UTF8'), {old}, {new}), 'UTF8') WHERE notification_id > {after}"
    )


INSERTED = (
    "INSERT INTO events SELECT notification_id + 100000, gen_random_uuid(), 1, topic, state"
    " FROM events WHERE notification_id = 20"
)
ATTACKS = {
    "rows swapped": ([SWAPPED], 30, "its row says 30"),
    "positions swapped": (
        [
            "UPDATE events SET notification_id = -30 WHERE notification_id = 30",
            "UPDATE events SET notification_id = 30 WHERE notification_id = 31",
            "UPDATE events SET notification_id = 31 WHERE notification_id = -30",
        ],
        30,
        "its row says 30",
    ),
    "the newest rows deleted": (["DELETE FROM events WHERE notification_id > 100"], 101, "ends at"),
    "the newest rows deleted, the head set back": (
        [
            "DELETE FROM events WHERE notification_id > 100",
            "UPDATE head SET position = 100",
        ],
        101,
        "signed and are gone",
    ),
    "a stretch removed, what follows renumbered": (
        [
            "DELETE FROM events WHERE notification_id BETWEEN 36 AND 40",
            _renumbered("notification_id - 5", "40"),
            POSITIVE,
        ],
        36,
        "the next",
    ),
    "an event inserted beyond the end": (
        [INSERTED],
        100_020,
        "head knows none",
    ),
    "an event removed": (["DELETE FROM events WHERE notification_id = 50"], 50, "is missing"),
    "a checkpoint of other records": (
        ["UPDATE checkpoints SET note = (SELECT min(note) FROM checkpoints)"],
        None,
        "row",
    ),
    "all tiles removed": (["DELETE FROM tiles"], None, "missing"),
    "a text erased without a word": (
        ["DELETE FROM private WHERE position = (SELECT max(position) FROM private)"],
        None,
        "text is gone",
    ),
    "a whole day removed, what follows renumbered": (
        [
            f"CREATE TEMPORARY TABLE day AS SELECT notification_id AS n FROM events {OF_A_DAY}",
            "DELETE FROM events USING day WHERE notification_id = n",
            _renumbered("notification_id - (SELECT count(*) FROM day)", "(SELECT max(n) FROM day)"),
            POSITIVE,
            "DROP TABLE day",
        ],
        None,
        "not the one whose leaf is in the tree",
    ),
    "an event inserted, what follows renumbered": (
        [
            _renumbered("notification_id + 1", "40"),
            POSITIVE,
            TWICE,
        ],
        41,
        "its row says 41",
    ),
    "a line taken out of the statements": (
        ["DELETE FROM lines WHERE place = (SELECT max(place) FROM lines)"],
        None,
        "the table lines has no row for place",
    ),
    "a line put in": (
        [
            "CREATE TEMPORARY TABLE more AS SELECT * FROM lines ORDER BY place LIMIT 1",
            "UPDATE more SET place = place + 50",
            "INSERT INTO lines TABLE more",
            "DROP TABLE more",
        ],
        None,
        "it follows none",
    ),
    "a month of the chart forgotten": (
        ["DELETE FROM chart_stretches WHERE key = 1"],
        None,
        "the table chart_stretches has no row for before",
    ),
    "a month of the chart put in": (
        ["INSERT INTO chart_totals SELECT period, 99, debits, credits FROM chart_totals LIMIT 1"],
        None,
        "the table chart_totals has a row for period",
    ),
    "nothing put into a reference's place": (
        ["UPDATE posted_entries SET reference = '' WHERE reference IS NULL"],
        None,
        "reference ''; it follows 'null'",
    ),
    "a document that has no bottom": (
        ["UPDATE accounts SET document = convert_to(repeat('[', 5000), 'UTF8')"],
        None,
        "a row's document can't be read",
    ),
    "a view emptied": (["DELETE FROM posted_entries"], None, "table posted_entries has no row"),
    "a view set back, its rows left": (
        ["UPDATE tracking SET notification_id = 10 WHERE application_name = 'lines'"],
        None,
        "the table lines has a row of position",
    ),
    "a view said not to be there": (
        ["DELETE FROM tracking WHERE application_name = 'entries'", "DELETE FROM posted_entries"],
        None,
        "the table posted_entries stands; nothing says up to where entries shows",
    ),
    "a view's table dropped": (["DROP TABLE refusals"], None, "refusals has no table refusals"),
    "a view set forward": (
        ["UPDATE tracking SET notification_id = 1000000"],
        None,
        "shows",
    ),
    "an authorization forgotten": (
        ["DELETE FROM authorization_states WHERE is_open"],
        None,
        "the table authorization_states has no row",
    ),
    "texts taken away, and said to have been withheld": (
        [
            "DELETE FROM private",
            "UPDATE head SET texts_withheld_through = (SELECT max(size) FROM checkpoints)",
        ],
        None,
        "the log was not continued there",
    ),
    "a ledger that was stopped": (["UPDATE head SET halted = 'found'"], None, "stopped"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_found_where_it_was_made(busy: Archive, name: str) -> None:
    statements, position, said = ATTACKS[name]
    with spoiling(busy) as connection, connection.transaction(force_rollback=True):
        for statement in statements:
            connection.execute(statement.encode())
        with pytest.raises(Divergence) as found:
            verify_within(connection, busy.ledger, against=None, advance=lambda _: None)
    assert said in found.value.message
    if position is not None:
        assert found.value.position == position


def test_a_view_whose_rows_lie_in_any_order_holds(busy: Archive) -> None:
    with spoiling(busy) as connection, connection.transaction(force_rollback=True):
        for view in VIEWS:
            connection.execute(f"CREATE TEMPORARY TABLE more AS TABLE {view.table}")
            connection.execute(f"DELETE FROM {view.table}")
            connection.execute(f"INSERT INTO {view.table} SELECT * FROM more ORDER BY random()")
            connection.execute("DROP TABLE more")
        verify_within(connection, busy.ledger, against=None, advance=lambda _: None)


def test_the_first_of_several_changed_rows_is_named(busy: Archive) -> None:
    with spoiling(busy) as connection, connection.transaction(force_rollback=True):
        changed = connection.execute(
            "UPDATE lines SET amount = amount + 1 WHERE place IN (SELECT place FROM lines"
            " ORDER BY place OFFSET 20 LIMIT 30) RETURNING place"
        ).fetchall()
        with pytest.raises(Divergence) as found:
            verify_within(connection, busy.ledger, against=None, advance=lambda _: None)
    assert found.value.position == min(row["place"] for row in changed) // LINES.places
    assert "the table lines says, for place" in found.value.message


def test_a_row_that_stands_twice_is_found(busy: Archive) -> None:
    with spoiling(busy) as connection, connection.transaction(force_rollback=True):
        connection.execute("ALTER TABLE pending_lines DROP CONSTRAINT pending_lines_pkey")
        connection.execute("INSERT INTO pending_lines SELECT * FROM pending_lines LIMIT 1")
        with pytest.raises(Divergence) as found:
            verify_within(connection, busy.ledger, against=None, advance=lambda _: None)
    assert "several times" in found.value.message


def test_two_ledgers_rows_exchanged(busy: Archive) -> None:
    with spoiling(busy) as connection, connection.transaction(force_rollback=True):
        connection.execute(
            "UPDATE events SET state = other.state FROM ledger_system.events AS other"
            " WHERE events.notification_id = 1 AND other.notification_id = 1"
        )
        with pytest.raises(Divergence) as found:
            verify_within(connection, busy.ledger, against=None, advance=lambda _: None)
    assert found.value.position == 1


def test_a_checkpoint_of_another_log_is_said_to_be_one(busy: Archive) -> None:
    other = msgspec.structs.replace(busy.signed(), origin="localhost:8000/v1/ledgers/other/log")
    with pytest.raises(Divergence, match=r"given is of localhost.*other/log; this log"):
        verify(busy, other)


@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
def test_a_tree_that_was_built_and_signed_anew_is_not_that_of_an_older_checkpoint(
    busy: Archive, share: float
) -> None:
    """An operator with the key can rewrite history, but not what was kept elsewhere."""
    kept = busy.signed()
    position = max(1, int(kept.size * share))
    with spoiling(busy) as connection:
        connection.execute(
            "UPDATE events SET state = convert_to(regexp_replace(convert_from(state, 'UTF8'),"
            ' \'"software_version":"[^"]*"\', \'"software_version":"6.6.6"\'), \'UTF8\')'
            " WHERE notification_id = %s",
            [position],
        )
        connection.execute("DELETE FROM checkpoints")
        connection.execute("DELETE FROM tiles")
        assert busy.seal_all().root != kept.root
        assert verify(busy).size == busy.position, "what is signed anew agrees with itself"
        with pytest.raises(Divergence) as found:
            verify(busy, kept)
    assert found.value.position == kept.size
    verify(busy, kept)


def test_a_ledger_that_is_written_to_and_signed_meanwhile_holds(busy: Archive) -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            busy.grow(30)
            busy.seal_all()

    working = threading.Thread(target=work)
    before = busy.position
    working.start()
    sizes = [verify(busy).size for _ in range(4)]
    stop.set()
    working.join()
    assert before <= sizes[0] <= sizes[-1] <= busy.position
