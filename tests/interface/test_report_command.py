"""`backoffice report` and `backoffice projections`: beside a service's worker, and without one."""

import json
import os
import signal
from pathlib import Path

import psycopg
import pytest

from projections.showing import VIEWS
from tests.patience import wait_until
from tests.service import MakeService, Service

BANK, RENT = "assets:bank:cash", "expenses:rent"


def posted(service: Service) -> str:
    """Makes a ledger with an entry of last year and one of this."""
    ledger = service.create_ledger()
    for code, kind in ((BANK, "asset"), (RENT, "expense")):
        body = {"code": code, "type": kind, "name": f"The {kind}", "asset": "USD"}
        made = service.request("POST", f"/v1/ledgers/{ledger}/accounts", json=body)
        assert made.status_code == 201, made.text
    for amount, day in (("10.00", "2025-12-31"), ("2.50", "2026-01-02")):
        legs = [
            {"account": RENT, "side": "debit", "amount": amount, "asset": "USD"},
            {"account": BANK, "side": "credit", "amount": amount, "asset": "USD"},
        ]
        entry = {"legs": legs, "effective_on": day}
        made = service.request("POST", f"/v1/ledgers/{ledger}/entries", json=entry)
        assert made.status_code == 201, made.text
    return ledger


@pytest.fixture(params=["beside a worker", "without one"])
def reported(
    request: pytest.FixtureRequest, service: Service, make_service: MakeService
) -> Service:
    """A running service: with a worker that follows, or without, so that the command does."""
    if request.param == "beside a worker":
        return service
    alone = make_service(arguments=("--no-worker",))
    alone.start()
    return alone


def test_a_report_on_the_terminal_and_in_files(reported: Service, tmp_path: Path) -> None:
    service = reported
    ledger = posted(service)

    def report(*options: str) -> str:
        done = service.command("report", *options, "--ledger", ledger)
        return done.stdout

    balance = report("trial-balance")
    assert "12.50" in balance
    assert BANK in balance, "to a terminal's library, :bank: is a picture"
    sheet = json.loads(report("balance-sheet", "--effective-on", "2025-12-31", "--json"))
    assert sheet["totals"] == {"assets": "-10.00", "liabilities": "0.00", "equity": "-10.00"}
    text = report("journal", "--from", "2025-01-01", "--format", "csv")
    assert text.startswith("kind,effective_on")
    assert text.count("10.00") == 2
    for ending, first in (("xlsx", b"PK"), ("pdf", b"%PDF")):
        output = tmp_path / f"report.{ending}"
        assert report("journal", "--output", str(output)) == ""
        assert output.read_bytes().startswith(first)
    assert json.loads(report("completeness", "--json", "--known-at", "2020-01-01"))["rows"] == []


def test_what_a_report_does_not_take(service: Service) -> None:
    ledger = service.create_ledger()
    for wrong in (
        ["none", "--ledger", ledger],
        ["completeness", "--ledger", ledger, "--depth", "1"],
        ["journal", "--ledger", ledger, "--format", "pdf"],
        ["journal", "--ledger", ledger, "--known-at", "soon"],
    ):
        assert "Traceback" not in service.command("report", *wrong, status=2).stderr
    none = service.command("report", "journal", "--ledger", "none", status=1)
    assert "backoffice ledger list" in none.stderr


def test_views_are_looked_at_and_made_anew(service: Service) -> None:
    ledger = posted(service)
    head = service.request("GET", f"/v1/ledgers/{ledger}").json()["position"]
    service.command("report", "journal", "--ledger", ledger)
    shown = json.loads(service.command("projections", "status", "--json").stdout)["items"]
    assert {one["view"] for one in shown} == {view.name for view in VIEWS}
    before = service.command("report", "general-ledger", "--ledger", ledger).stdout
    owner = service.environment["BACKOFFICE_OWNER_DATABASE_URL"]
    with psycopg.connect(owner, autocommit=True) as connection:
        # Damaged by hand: it shows, and is mended.
        connection.execute(f"UPDATE ledger_{ledger}.lines SET amount = amount + 1")
        uneven = json.loads(
            service.command("report", "completeness", "--ledger", ledger, "--json").stdout
        )
        assert (uneven["totals"]["accounts"], uneven["totals"]["uneven"]) == (2, 2)
        said = service.command("projections", "rebuild", "lines", "--ledger", ledger).stdout
        assert said == f"{ledger}: lines shows position {head}\n"
        assert service.command("report", "general-ledger", "--ledger", ledger).stdout == before
        # An event that nobody can process stops the view, and says so wherever one looks.
        connection.execute(
            f"UPDATE ledger_{ledger}.lines SET all_debits = all_debits + 1, number = number + 1"
        )
    # The next worker knows nothing of what this one had read.
    wait_until(lambda: service.worker_pid is not None, "a worker")
    assert service.worker_pid is not None
    os.kill(service.worker_pid, signal.SIGKILL)
    wait_for_stop(service, ledger, head + 1)
    done = service.command("projections", "status", status=1)
    assert f"stopped at {head + 1}: Gap" in done.stdout
    assert "rebuild" in done.stderr
    metrics = service.request("GET", "/metrics", role=None).text
    assert f'backoffice_view_stopped{{ledger="{ledger}",view="lines"}} 1.0' in metrics
    failed = service.command("report", "journal", "--ledger", ledger, status=1)
    assert "projections status" in failed.stderr
    service.command("projections", "rebuild", "lines", "--ledger", ledger)
    assert service.request("GET", "/health/ready", role=None).json()["stopped_views"] == []
    service.command("projections", "status")


def wait_for_stop(service: Service, ledger: str, position: int) -> None:
    """Posts once more and waits until the view has stopped in front of it."""
    legs = [
        {"account": RENT, "side": "debit", "amount": "1.00", "asset": "USD"},
        {"account": BANK, "side": "credit", "amount": "1.00", "asset": "USD"},
    ]
    made = service.request("POST", f"/v1/ledgers/{ledger}/entries", json={"legs": legs})
    assert made.status_code == 201, made.text

    def stopped() -> object:
        return service.request("GET", "/health/ready", role=None).json()["stopped_views"]

    wait_until(stopped, "the view's stop")
    assert stopped() == [{"ledger": ledger, "view": "lines", "position": position}]
