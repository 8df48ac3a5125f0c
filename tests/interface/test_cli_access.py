"""`backoffice key` and `backoffice ledger`, beside a running service."""

import json
import re
import uuid

from tests.patience import wait_until
from tests.service import Service


def test_a_key_is_printed_alone_and_works_at_once(service: Service, ledger: str) -> None:
    actor = f"bot-{uuid.uuid4().hex[:8]}"
    arguments = ["--actor", actor, "--role", "clerk", "--role", "auditor", "--ledger", ledger]
    done = service.command("key", "create", *arguments, "--owner", "maria")
    key = done.stdout.removesuffix("\n")
    assert re.fullmatch(r"bo_[A-Za-z0-9_-]{43}", key)
    assert key not in done.stderr
    service.keys[actor] = key
    path = f"/v1/ledgers/{ledger}"
    assert service.request("GET", f"{path}/accounts", role=actor).status_code == 200
    assert service.request("GET", f"{path}/events", role=actor).status_code == 200
    journal = {"code": "PAY", "name": "Payroll"}
    assert service.request("POST", f"{path}/journals", json=journal, role=actor).status_code == 403
    other = service.create_ledger()
    assert service.request("GET", f"/v1/ledgers/{other}", role=actor).status_code == 403

    listed = json.loads(service.command("key", "list", "--json").stdout)["items"]
    (known,) = [item for item in listed if item["actor"] == actor]
    assert re.fullmatch(r"k_[0-9a-f]{12}", known["key_id"])
    assert (known["roles"], known["ledger"]) == (["clerk", "auditor"], ledger)
    assert not known["revoked"]
    assert not known["network_feed"]

    # What is recorded of the actor stays: who answers for it can't be changed in passing.
    again = ["key", "create", "--actor", actor, "--role", "clerk", "--owner", "juan"]
    assert "a service of maria" in service.command(*again, status=1).stderr

    assert service.command("key", "revoke", known["key_id"]).stdout == f"{known['key_id']}\n"
    # The service trusts for a second what it has read of a key.
    wait_until(lambda: service.request("GET", path, role=actor).status_code == 401, "the key's end")
    assert "k_nobody" in service.command("key", "revoke", "k_nobody", status=1).stderr


def test_a_key_can_be_revoked_by_itself(service: Service) -> None:
    arguments = ["--actor", "feed", "--role", "clerk", "--network-feed", "--json"]
    made = json.loads(service.command("key", "create", *arguments).stdout)
    assert (made["actor"], made["roles"], made["network_feed"]) == ("feed", ["clerk"], True)
    assert service.command("key", "revoke", made["key"]).stdout == f"{made['key_id']}\n"
    shown = service.command("key", "list").stdout
    (line,) = [line for line in shown.splitlines() if made["key_id"] in line]
    assert line.split() == [made["key_id"], "feed", "clerk", "all", "revoked"]
    assert made["key"] not in shown


def test_a_key_for_no_ledger_records_nothing(service: Service) -> None:
    arguments = ["key", "create", "--actor", "nobody-yet", "--role", "clerk", "--ledger", "nowhere"]
    done = service.command(*arguments, status=1)
    assert "There is no ledger nowhere." in done.stderr
    assert "backoffice ledger list" in done.stderr


def test_a_ledger_is_made_and_listed(service: Service) -> None:
    name = f"c_{uuid.uuid4().hex[:8]}"
    arguments = ["ledger", "create", name, "--functional-asset", "EUR"]
    arguments += ["--timezone", "Europe/Berlin", "--legal-name", "Acme GmbH"]
    assert service.command(*arguments).stdout == f"{name}\n"
    assert "exists" in service.command(*arguments, status=1).stderr
    shown = service.request("GET", f"/v1/ledgers/{name}").json()
    assert (shown["functional_asset"], shown["entity"]["legal_name"]) == ("EUR", "Acme GmbH")
    listed = json.loads(service.command("ledger", "list", "--json").stdout)["items"]
    (found,) = [item for item in listed if item["id"] == name]
    assert found["timezone"] == "Europe/Berlin"
    assert found["position"] == shown["position"]


def test_a_ledger_is_judged_as_over_http(service: Service) -> None:
    arguments = ["ledger", "create", "Acme", "--functional-asset", "eur", "--timezone", "Mars"]
    said = service.command(*arguments, status=2).stderr
    for field in ("id: ", "functional_asset: ", "timezone: "):
        assert field in said
