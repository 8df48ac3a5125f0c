"""`backoffice import`, beside a running service: what goes in, what is refused, and again."""

import csv
import json
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.service import PROGRAM, Service

Row = dict[str, str]

ANN = "liabilities:wallets:ann"
NO_HOLD = "b9d6a1f2-0000-4000-8000-000000000000"


def post(amount: str, *, key: str | None = None, **members: Any) -> dict[str, Any]:
    """A command that puts money into Ann's wallet."""
    command = {
        "do": "post",
        **members,
        "legs": [
            {"account": "assets:cash", "side": "debit", "amount": amount, "asset": "USD"},
            {"account": ANN, "side": "credit", "amount": amount, "asset": "USD"},
        ],
    }
    return command if key is None else {"key": key, **command}


def written(path: Path, commands: Sequence[dict[str, Any] | str]) -> Path:
    lines = [line if isinstance(line, str) else json.dumps(line) for line in commands]
    path.write_text("\n".join(lines) + "\n")
    return path


def imported(
    service: Service, path: Path, ledger: str, *options: str, status: int = 0
) -> tuple[dict[str, Any], list[Row]]:
    """Imports a file and returns the summary and the report's rows."""
    report = path.with_suffix(".report")
    done = service.command(
        "import", str(path), "--ledger", ledger, "--json", "--report", str(report), *options,
        status=status,
    )  # fmt: skip
    with report.open(newline="") as file:
        return json.loads(done.stdout), list(csv.DictReader(file))


def balance(service: Service, ledger: str, account: str) -> str:
    path = f"/v1/ledgers/{ledger}/accounts/{account}/balances"
    answer = service.request("GET", path)
    balance: str = answer.json()["items"][0]["posted"]["balance"]
    return balance


def position(service: Service, ledger: str, *, reached: int = 0) -> int:
    """The ledger's; waits a while for it to reach some position."""
    path = f"/v1/ledgers/{ledger}"
    service.request("GET", path, params={"min_position": reached})
    position: int = service.request("GET", path).json()["position"]
    return position


def counted(summary: dict[str, Any]) -> tuple[int, int, int]:
    return summary["done"], summary["already_done"], summary["refused"]


def test_commands_go_in_and_what_is_refused_is_listed_by_line(
    service: Service, ledger: str, tmp_path: Path
) -> None:
    path = written(
        tmp_path / "commands.ndjson",
        [
            post("10.00", key="first"),
            post("1.00"),  # without a key, and twice:
            post("1.00"),  # two commands
            "not JSON",
            post("0.001", key="fine"),
            {**post("1.00", key="astray"), "journal": "NOPE"},
            {**post("1.00", key="odd"), "colour": "red"},
            post("5.00", key="first"),
            {
                "do": "settle",
                "key": "no-hold",
                "authorization": "b9d6a1f2-0000-4000-8000-000000000000",
            },
            post("7.00", key="last", effective_on="2025-01-31"),
        ],
    )
    summary, report = imported(service, path, ledger, "--actor", "ann.import", status=1)
    assert counted(summary) == (4, 0, 6)
    assert [(row["line"], row["id"], row["code"]) for row in report] == [
        ("4", "", "malformed"),
        ("5", "fine", "amount_too_fine"),
        ("6", "astray", "journal_not_found"),
        ("7", "odd", "invalid_request"),
        ("8", "first", "idempotency_conflict"),
        ("9", "no-hold", "authorization_not_found"),
    ]
    assert {row["file"] for row in report} == {"commands.ndjson"}
    assert {row["outcome"] for row in report} == {"refused"}
    assert "colour" in report[3]["detail"]
    assert balance(service, ledger, ANN) == "19.00"

    after = position(service, ledger)
    assert summary["position"] == after
    summary, report = imported(service, path, ledger, "--actor", "ann.import", status=1)
    assert counted(summary) == (0, 4, 6)
    assert len(report) == 6
    assert position(service, ledger) == after

    events = service.request(
        "GET", f"/v1/ledgers/{ledger}/events", params={"actor": "ann.import", "type": "EntryPosted"}
    ).json()["items"]
    assert len(events) == 4
    assert {(event["channel"], event["key_id"]) for event in events} == {("import", None)}


def test_what_named_a_missing_account_goes_in_when_it_was_opened(
    service: Service, ledger: str, tmp_path: Path
) -> None:
    command = post("3.00", key="early")
    command["legs"][1]["account"] = "liabilities:wallets:cleo"
    path = written(tmp_path / "early.jsonl", [command])
    summary, report = imported(service, path, ledger, status=1)
    assert counted(summary) == (0, 0, 1)
    assert report[0]["code"] == "account_not_found"
    account = {"code": "liabilities:wallets:cleo", "type": "liability", "name": "Cleo"}
    service.request("POST", f"/v1/ledgers/{ledger}/accounts", json=account)
    summary, _ = imported(service, path, ledger)
    assert counted(summary) == (1, 0, 0)


def test_a_group_stands_or_falls_together(service: Service, ledger: str, tmp_path: Path) -> None:
    path = written(
        tmp_path / "groups.ndjson",
        [
            post("1.00", key="a1", group="a"),
            post("2.00", key="a2", group="a"),
            post("4.00", key="b1", group="b"),
            post("0.001", key="b2", group="b"),
            post("8.00", key="c1"),
            post("16.00", key="a3", group="a"),
        ],
    )
    summary, report = imported(service, path, ledger, status=1)
    assert counted(summary) == (3, 0, 3)
    assert [(row["id"], row["code"]) for row in report] == [
        ("b1", "group_refused"),
        ("b2", "amount_too_fine"),
        ("a3", "invalid_request"),
    ]
    assert balance(service, ledger, ANN) == "11.00"


GL_DETAIL = """\
Journal_ID,Journal_ID_Line_Number,JE_Header_Description,Effective_Date,GL_Account_Number,Amount,\
Amount_Credit_Debit_Indicator,Amount_Currency,Entered_By,Entered_Date,Entered_Time
JE1,1,Rent January,2025-01-31,6000,1000.00,D,USD,ann,2025-02-01,09:30:00
JE1,2,Rent January,2025-01-31,1000,1000.00,C,USD,ann,2025-02-01,09:30:00
JE2,1,One-sided,2025-01-31,6000,5.00,D,USD,ann,2025-02-01,09:31:00
JE2,2,One-sided,2025-01-31,1000,4.00,C,USD,ann,2025-02-01,09:31:00
JE3,1,In euros,2025-02-28,1010,10.00,D,EUR,ben,2025-02-28,10:00:00
JE3,2,In euros,2025-02-28,6000,10.00,C,EUR,ben,2025-02-28,10:00:00
JE4,1,Unknown,2025-02-28,9999,10.00,D,USD,ben,2025-02-28,10:00:00
JE4,2,Unknown,2025-02-28,1000,10.00,C,USD,ben,2025-02-28,10:00:00
"""
CHART = """\
GL_Account_Number,GL_Account_Name,Account_Type
1000,Operating account,Asset
1010,Euro account,Asset
6000,Rent,Expense
"""


def test_journals_of_another_system_go_in_with_their_origin(
    service: Service, tmp_path: Path
) -> None:
    ledger = service.create_ledger(timezone="America/New_York")
    detail, chart = tmp_path / "GL_Detail.csv", tmp_path / "Chart_Of_Accounts.csv"
    detail.write_text(GL_DETAIL)
    chart.write_text(CHART)
    summary, report = imported(service, detail, ledger, "--open-accounts", str(chart), status=1)
    assert counted(summary) == (2, 0, 2)
    assert summary["opened"] == 4  # three accounts, and the euro
    assert [(row["line"], row["id"], row["code"]) for row in report] == [
        ("4", "JE2", "unbalanced"),
        ("8", "JE4", "account_not_found"),
    ]
    assert balance(service, ledger, "1000") == "-1000.00"
    events = service.request(
        "GET", f"/v1/ledgers/{ledger}/events", params={"type": "EntryPosted"}
    ).json()["items"]
    payload = events[0]["payload"]
    assert payload["source"]["file"] == "GL_Detail.csv"
    assert payload["source"]["line"] == 2
    assert payload["original"] == {"entered_by": "ann", "entered_at": "2025-02-01T14:30:00Z"}

    after = position(service, ledger)
    again, _ = imported(service, detail, ledger, "--open-accounts", str(chart), status=1)
    assert counted(again) == (0, 2, 2)
    assert again["opened"] == 0
    assert position(service, ledger) == after

    # What was refused because an account was missing is taken as soon as there is one.
    opened, _ = imported(service, detail, ledger, "--open-accounts", "asset", status=1)
    assert (counted(opened), opened["opened"]) == ((1, 2, 1), 1)


def test_a_file_that_makes_no_sense_is_not_begun(
    service: Service, ledger: str, tmp_path: Path
) -> None:
    before = position(service, ledger)
    path = tmp_path / "strange.csv"
    path.write_text("a,b\n1,2\n")
    done = service.command("import", str(path), "--ledger", ledger, status=1)
    assert done.stderr.startswith("Error: Nothing was imported.")
    assert "Journal_ID" in done.stderr
    path.write_text(GL_DETAIL)
    done = service.command(
        "import", str(path), "--ledger", ledger, "--open-accounts", "no.csv", status=2
    )
    assert "no.csv" in done.stderr
    done = service.command("import", str(path), "--ledger", "nowhere", status=1)
    assert "There is no ledger nowhere." in done.stderr
    assert position(service, ledger) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_import_that_was_stopped_goes_on_when_it_is_repeated(
    service: Service, ledger: str, tmp_path: Path, number: signal.Signals
) -> None:
    lines = 16_000
    path = written(tmp_path / "long.ndjson", [post("0.01", key=f"l{n}") for n in range(lines)])
    before = position(service, ledger)
    with slow_commits(service, ledger):
        process = subprocess.Popen(
            [*PROGRAM, "import", str(path), "--ledger", ledger],
            env=service.environment,
            # A suite in a shell's background has SIGINT ignored, and so would its children.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 -- one call
            stderr=subprocess.PIPE,
            text=True,
        )
        while position(service, ledger, reached=before + 1) == before:
            assert process.poll() is None
        process.send_signal(number)
        _, said = process.communicate()
    assert "Traceback" not in said
    assert process.returncode == (1 if number == signal.SIGINT else -signal.SIGKILL)
    there = position(service, ledger) - before
    assert 0 < there < lines
    summary, _ = imported(service, path, ledger)
    # The server may have ended one more commit after its client had ended.
    assert summary["already_done"] >= there
    assert counted(summary) == (lines - summary["already_done"], summary["already_done"], 0)
    assert position(service, ledger) == before + lines
    assert balance(service, ledger, ANN) == "160.00"


@contextmanager
def slow_commits(service: Service, ledger: str) -> Iterator[None]:
    """Has each commit of the ledger take longer than it takes to stop who writes it."""
    schema = f"ledger_{ledger}"
    with psycopg.connect(
        service.environment["BACKOFFICE_OWNER_DATABASE_URL"], autocommit=True
    ) as connection:
        connection.execute(
            f"CREATE FUNCTION {schema}.pause() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END'"
        )
        connection.execute(
            f"CREATE TRIGGER pause AFTER INSERT ON {schema}.events"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {schema}.pause()"
        )
        yield
        connection.execute(f"DROP TRIGGER pause ON {schema}.events")
        connection.execute(f"DROP FUNCTION {schema}.pause")


def test_what_was_done_is_said_in_a_line(service: Service, ledger: str, tmp_path: Path) -> None:
    path = written(tmp_path / "one.ndjson", [post("1.00", key="one"), "nonsense"])
    done = service.command("import", str(path), "--ledger", ledger, status=1)
    assert done.stdout == f"one.ndjson -> {ledger}: 1 imported, 1 refused\n"
    assert "one.ndjson:2: " in done.stderr
    assert "--report" in done.stderr
