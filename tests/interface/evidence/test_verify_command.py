"""`backoffice verify` beside a running service."""

import json
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from interface.embedded_cluster import Endpoints
from tests.patience import wait_until
from tests.service import Service


def await_checkpoint(service: Service, ledger: str) -> str:
    """The checkpoint that covers all that was committed."""
    path = f"/v1/ledgers/{ledger}"
    head = service.request("GET", path).json()["position"]

    def signed() -> str:
        answer = service.request("GET", f"{path}/log/checkpoint", role=None)
        assert answer.status_code in (200, 503), answer.text
        return answer.text if answer.status_code == 200 else "\n0"

    wait_until(lambda: int(signed().split("\n")[1]) >= head, "its checkpoint")
    return signed()


def test_what_the_worker_signed_is_verified_and_what_was_changed_is_shown(
    service: Service, postgres: Endpoints, tmp_path: Path
) -> None:
    ledger = service.create_ledger()
    cash = {"code": "assets:cash", "type": "asset", "name": "Cash"}
    service.request("POST", f"/v1/ledgers/{ledger}/accounts", json=cash)
    checkpoint = tmp_path / "checkpoint"
    checkpoint.write_text(await_checkpoint(service, ledger))
    said = service.command("verify", "--ledger", ledger, "--against", str(checkpoint)).stdout
    assert said.startswith("All ")
    done = json.loads(service.command("verify", "--ledger", ledger, "--json").stdout)
    assert done["verified"] is True
    signed = ("verify", "--ledger", ledger, "--signed-only")
    leaves = json.loads(service.command(*signed, "--against", str(checkpoint), "--json").stdout)
    assert (leaves["verified"], leaves["root"]) == (True, done["root"])
    replace(service, postgres, ledger, "Cash", "Bash")
    found = service.command("verify", "--ledger", ledger, status=1).stdout
    unsigned = service.command(*signed, status=1).stdout
    replace(service, postgres, ledger, "Bash", "Cash")
    assert found.startswith("Position 6: ")
    assert "Bash" in found
    assert unsigned.startswith("Position 6: ")
    with as_superuser(service, postgres) as connection:
        connection.execute(f"ALTER TABLE ledger_{ledger}.holds RENAME TO away")
        found = service.command("verify", "--ledger", ledger, status=1).stdout
        connection.execute(f"ALTER TABLE ledger_{ledger}.away RENAME TO holds")
    assert found.startswith("the tables are not those of a ledger: relation")
    service.command("verify", "--ledger", "nowhere", status=1)
    service.command("verify", status=2)


def as_superuser(service: Service, postgres: Endpoints) -> Connection[Any]:
    database = conninfo_to_dict(service.environment["DATABASE_URL"])["dbname"]
    return psycopg.connect(make_conninfo(postgres.superuser, dbname=database), autocommit=True)


def replace(service: Service, postgres: Endpoints, ledger: str, old: str, new: str) -> None:
    """Changes record 6 as no role of the service's may."""
    with as_superuser(service, postgres) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            f"UPDATE ledger_{ledger}.events SET state = replace(convert_from(state, 'UTF8'),"
            " %s, %s)::bytea WHERE notification_id = 6",
            [old, new],
        )


def test_the_log_by_command(service: Service, tmp_path: Path) -> None:
    ledger = service.create_ledger()
    note = await_checkpoint(service, ledger)
    of = ("--ledger", ledger)
    assert service.command("log", "checkpoint", *of).stdout == note
    (tmp_path / "outside").mkdir()
    service.command("log", "push", *of, str(tmp_path / "outside"))
    (kept,) = (tmp_path / "outside").iterdir()
    key = service.command("log", "rotate", *of).stdout.strip()
    both = await_checkpoint(service, ledger)
    assert both.count("\n\u2014 ") == 2
    old = service.request("GET", f"/v1/ledgers/{ledger}/log/keys").json()["verifier_keys"][0]
    service.command("log", "retire", *of, old)
    assert await_checkpoint(service, ledger).count("\n\u2014 ") == 1
    service.command("log", "witness", *of, key, status=2)
    service.command("log", "continue", *of, "--reason", "restore", status=2)
    said = service.command(
        "log", "continue", *of, "--reason", "restore", "--checkpoint", str(kept), "--yes"
    ).stdout
    assert said.strip() == f"localhost:8000/v1/ledgers/{ledger}/log/2"
    wait_until(
        lambda: await_checkpoint(service, ledger).split("\n")[0] == said.strip(), "the new name"
    )
    directory = tmp_path / "bundle"
    service.command("export", *of, "--output", str(directory), "--texts")
    service.command("verify", str(directory))
    assert json.loads(service.command("verify", *of, "--json").stdout)["verified"] is True
    live = json.loads(service.command("replay", *of, "--to", "5", "--json").stdout)
    exported = json.loads(service.command("replay", str(directory), "--to", "5", "--json").stdout)
    assert live == exported
    assert live["position"] == 5
    watched = service.command("replay", str(directory), "--watch").stdout.splitlines()
    assert "LedgerCreated" in watched[0]
    assert "LedgerContinued" in watched[-1]
    service.command("replay", *of, "--to", "tomorrow", status=2)
    found = json.loads(service.command("audit", *of, "actor", "system", "--json").stdout)["items"]
    assert found[0]["type"] == "SigningKeyAdded"
    assert "LedgerCreated" in service.command("audit", *of, "actor", "operator").stdout
    none = service.command("audit", *of, "command", "none", "--json").stdout
    assert json.loads(none) == {"items": []}
    service.command("audit", *of, "entry", "none", status=1)
    service.command("audit", *of, "invoice", "1", status=2)
