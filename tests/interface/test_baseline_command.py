"""`backoffice baseline`, beside a running service."""

import json
from typing import Any

from tests.service import CHART, Service

RENT = CHART[-1]["code"]


def test_what_another_proposed_is_approved_on_the_machine(service: Service, ledger: str) -> None:
    baselines = f"/v1/ledgers/{ledger}/baselines"
    body = {"account": RENT, "unit_amount": "10", "units": {"2025-01": "2"}, "source": "Lease"}
    made = service.request("POST", baselines, json=body).json()

    def told(*arguments: str) -> dict[str, Any]:
        said = service.command("baseline", *arguments, "--ledger", ledger, "--json").stdout
        found: dict[str, Any] = json.loads(said)
        return found

    (listed,) = told("list", "--status", "proposed")["items"]
    assert (listed["id"], listed["author"]) == (made["id"], "controller")
    approved = told("approve", made["id"], "--reason", "budget", "--narrative", "As agreed")
    assert (approved["status"], approved["total"]) == ("approved", "20.00")
    first, second = approved["history"]
    assert first["actor"] != second["actor"]
    assert (second["reason"], second["narrative"]) == ("budget", "As agreed")
    shown = service.command("baseline", "show", made["id"], "--ledger", ledger).stdout
    assert "BaselineApproved" in shown
    again = ["baseline", "approve", made["id"], "--ledger", ledger]
    assert "was approved by" in service.command(*again, status=1).stderr
