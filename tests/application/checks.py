"""What must hold of a ledger's schema at any time: rows are the fold of the log, and no more."""

import json
from collections import defaultdict
from datetime import datetime
from fractions import Fraction
from hashlib import sha256
from typing import Any

from application.records import SHAPES, encode
from tests.application.office import Office
from tests.domain.naive import Naive


def check_everything(office: Office) -> None:
    """Fails where the log has a gap, or a row says what no event said."""
    events = office.query("SELECT * FROM {}.events ORDER BY notification_id")
    check_log(office, events)
    check_private(office, events)
    check_rows(office, Naive().fold_all(event["state"] for event in events))


def check_rows(office: Office, naive: Naive) -> None:
    """The rows that the next decision reads. Requires that all of the log was folded."""
    naive.check_pending()
    check_balances(office, naive)
    check_accounts(office, naive)
    check_holds(office, naive)
    check_limits(office, naive)
    vouchers = office.query("SELECT * FROM {}.vouchers")
    assert {
        (row["journal"], row["fiscal_year"]): row["last_no"] for row in vouchers
    } == naive.vouchers


def check_log(office: Office, events: list[dict[str, Any]]) -> None:
    """Positions 1 to n, versions 1 to n of each stream, time that never goes back."""
    head = office.query("SELECT * FROM {}.head")[0]
    positions = [event["notification_id"] for event in events]
    assert positions == list(range(1, len(events) + 1))
    assert head["position"] == len(events)
    versions: dict[str, int] = defaultdict(int)
    previous = ""
    for event in events:
        record = json.loads(event["state"])
        versions[record["stream"]] += 1
        assert record["version"] == versions[record["stream"]]
        assert (record["position"], record["stream"], record["version"], record["type"]) == (
            event["notification_id"],
            str(event["originator_id"]),
            event["originator_version"],
            event["topic"],
        )
        assert record["recorded_at"] >= previous
        previous = record["recorded_at"]
        assert encode(SHAPES.decode(event["state"])) == event["state"]
    assert datetime.fromisoformat(previous) == head["recorded_at"]


def check_private(office: Office, events: list[dict[str, Any]]) -> None:
    """Each private body is the one that its record names, and none stands alone; what an event
    says to be erased is gone."""
    digests: dict[int, str] = {}
    streams: dict[str, list[int]] = {}
    for event in events:
        record = json.loads(event["state"])
        if record["type"] == "PrivateTextErased":
            for position in streams.pop(record["payload"]["erased"], ()):
                del digests[position]
        if "private" in record["payload"]:
            digests[record["position"]] = record["payload"]["private"]
            streams.setdefault(record["stream"], []).append(record["position"])
    assert {
        row["position"]: sha256(row["salt"] + row["body"]).hexdigest()
        for row in office.query("SELECT * FROM {}.private")
    } == digests


def check_balances(office: Office, naive: Naive) -> None:
    rows = {
        (row["account"], row["asset"]): (
            int(row["debits"]),
            int(row["credits"]),
            int(row["pending_debits"]),
            int(row["pending_credits"]),
            row["lines"],
        )
        for row in office.query("SELECT * FROM {}.balances")
    }
    assert rows == {
        (account, asset): (
            naive.minor(totals.debits, asset),
            naive.minor(totals.credits, asset),
            naive.minor(totals.pending_debits, asset),
            naive.minor(totals.pending_credits, asset),
            totals.lines,
        )
        for (account, asset), totals in naive.balances.items()
    }


def check_accounts(office: Office, naive: Naive) -> None:
    """An account's version is its own row's and its balances' touches added up."""
    rows = office.query(
        "SELECT a.code, a.type, a.status, a.version + coalesce(sum(b.touches), 0) AS version"
        " FROM {}.accounts AS a LEFT JOIN {}.balances AS b ON b.account = a.code"
        " GROUP BY a.code"
    )
    assert {row["code"]: row["version"] for row in rows} == naive.versions
    for row in rows:
        code = row["code"]
        assert row["type"] == naive.accounts[code]["type"]
        status = "closed" if code in naive.closed else "frozen" if naive.frozen[code] else "open"
        assert row["status"] == status


def check_holds(office: Office, naive: Naive) -> None:
    """A row for each hold that holds something; none for what is closed."""
    rows = {str(row["authorization_id"]): row for row in office.query("SELECT * FROM {}.holds")}
    for id, hold in naive.holds.items():
        if hold.held:
            row = rows[id]
            assert (row["debit"], row["credit"], row["asset"]) == (
                hold.debit,
                hold.credit,
                hold.asset,
            )
            assert int(row["remaining"]) == naive.minor(hold.held, hold.asset)
            assert (row["expires_at"] is None) == (hold.expires_at is None)
    for id, row in rows.items():
        assert naive.holds[id].open
        assert int(row["remaining"]) == naive.minor(naive.holds[id].held, row["asset"])


def check_limits(office: Office, naive: Naive) -> None:
    """A row for each limit that stands, with what was taken of it in its latest period."""
    rows = {str(row["limit_id"]): row for row in office.query("SELECT * FROM {}.limit_usages")}
    assert rows.keys() == naive.limits.keys()
    for id, row in rows.items():
        limit, counters = naive.limits[id], naive.usages[id]
        assert row["account"] == limit["account"]
        latest = max(counters, default=None)
        amount, count = (0, 0) if latest is None else counters[latest]
        assert (None if row["starts_on"] is None else row["starts_on"].isoformat()) == latest
        assert (int(row["used"]), row["count"]) == (
            naive.minor(Fraction(amount), limit["asset"]),
            count,
        )
