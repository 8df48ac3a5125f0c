"""`backoffice erase`, beside a running service."""

import json
from uuid import uuid4

from tests.interface.http.world import entry
from tests.service import CHART, Service

CASH, ANN = CHART[0]["code"], CHART[1]["code"]


def test_the_texts_of_an_entry_are_erased_once_that_is_confirmed(
    service: Service, ledger: str
) -> None:
    entries = f"/v1/ledgers/{ledger}/entries"
    body = {**entry(CASH, ANN, "1.00"), "narrative": "for Ann's flat"}
    made = service.request("POST", entries, json=body, role="clerk").json()
    arguments = ["erase", "--ledger", ledger, "--reason", "privacy_request", "entry"]
    asked = [*arguments, made["id"]]
    assert "Say --yes" in service.command(*asked, status=2).stderr
    path = f"{entries}/{made['id']}?min_position={made['position']}"
    assert service.request("GET", path, role="auditor").json()["narrative"] == "for Ann's flat"

    told = json.loads(service.command(*asked, "--yes", "--json").stdout)
    assert told["erased"] == made["id"]
    path = f"{entries}/{made['id']}?min_position={told['position']}"
    assert service.request("GET", path, role="auditor").json()["narrative"] is None
    events = f"/v1/ledgers/{ledger}/events?from_position={told['position']}&limit=1"
    (record,) = service.request("GET", events, role="auditor").json()["items"]
    assert (record["type"], record["reason"]) == ("PrivateTextErased", "privacy_request")
    assert record["channel"] == "cli"

    missing = service.command(*arguments, str(uuid4()), "--yes", status=1)
    assert "There is no entry" in missing.stderr
    nowhere = ["erase", "--ledger", "nowhere", "--reason", "privacy_request", "account", CASH]
    assert "There is no ledger nowhere." in service.command(*nowhere, "--yes", status=1).stderr
