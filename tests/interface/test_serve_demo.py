"""`backoffice serve --demo`, and what the README shows of it: the session can be pasted."""

import json
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interface.cli.demonstration import KEYS_FILE, read_keys, variable
from interface.demo.story import REFUSALS
from tests.conftest import Databases
from tests.service import Service, on_database

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def demonstration(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("demonstration")
    service = on_database(databases.create(), directory=directory, arguments=("--demo",))
    service.start()
    service.keys = read_keys(keys_file(service))
    yield service
    service.close()


def keys_file(service: Service) -> Path:
    return service.directory / "var" / KEYS_FILE


def pasted(service: Service) -> list[dict[str, Any]]:
    """Runs the session as a shell would, where `make run` was called, and returns the answers."""
    _, _, rest = README.partition("## A first session")
    session = re.search(r"```sh\n(.*?)```", rest, re.DOTALL)
    assert session is not None
    done = subprocess.run(
        ["sh", "-eu"],
        input=session[1],
        cwd=service.directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def cents(amount: str) -> int:
    return int(amount.replace(".", ""))


def test_there_is_a_key_for_each_role_and_nobody_else_reads_it(demonstration: Service) -> None:
    roles = {"operator", "controller", "clerk", "approver", "compliance", "auditor"}
    assert set(demonstration.keys) == roles
    assert stat.S_IMODE(keys_file(demonstration).stat().st_mode) == 0o600
    for role in roles:
        assert demonstration.request("GET", "/v1/ledgers", role=role).status_code == 200


def test_the_story_went_in_as_it_is_told(demonstration: Service) -> None:
    log = demonstration.log.read_text()
    assert "demonstration_loaded" in log
    assert "demonstration_refused" not in log, "a refusal that is not meant"
    path = "/v1/ledgers/demo/events"
    refused = demonstration.request("GET", path, params={"type": "CommandRefused", "limit": 1000})
    assert len(refused.json()["items"]) == len(REFUSALS)


def test_the_first_session_works_when_it_is_pasted_twice(demonstration: Service) -> None:
    wallet = "/v1/ledgers/demo/accounts/liabilities:clients:wallets:c042/balances"
    before = demonstration.request("GET", wallet).json()["items"][0]
    pasted(demonstration)
    paid_in, held, settled, posted, adjusted, balances, events = pasted(demonstration)
    assert [leg["amount"] for leg in paid_in["legs"]] == ["25.00", "25.00"]
    assert (held["status"], held["held"]) == ("authorized", "25.00")
    assert (settled["settled"], settled["held"], settled["closed_as"]) == ("18.40", "0.00", "final")
    assert adjusted["reversal"] != adjusted["replacement"] == adjusted["id"] != posted["id"]
    after = balances["items"][0]
    gained = 2 * (cents("25.00") - cents("18.40"))
    assert cents(after["posted"]["balance"]) - cents(before["posted"]["balance"]) == gained
    assert cents(after["available"]) - cents(before["available"]) == gained
    assert [event["version"] for event in events["items"]] == [1, 2]
    assert {event["stream"] for event in events["items"]} == {held["id"]}


def test_a_restart_adds_nothing_and_keeps_the_keys_that_are_valid(demonstration: Service) -> None:
    path = "/v1/ledgers/demo"
    before = demonstration.request("GET", path).json()
    first = demonstration.keys
    demonstration.command("key", "revoke", first["auditor"])
    demonstration.restart()
    second = demonstration.keys = read_keys(keys_file(demonstration))
    assert {role for role in first if first[role] != second[role]} == {"auditor"}
    assert demonstration.request("GET", path, role="auditor").json() == before


def test_it_prints_the_keys(demonstration: Service) -> None:
    assert demonstration.stop() == 0
    demonstration.start()
    printed = demonstration.read_line() + "".join(
        demonstration.read_line() for _ in demonstration.keys
    )
    for role, key in demonstration.keys.items():
        assert re.search(rf"^ +{variable(role)} +{key}$", printed, re.MULTILINE)
    assert str(keys_file(demonstration)) in printed


def test_the_readmes_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_the_files_that_the_readme_names_exist() -> None:
    named = re.findall(
        r"`((?:domain|application|interface|projections)/[a-z_/]*(?:\.py)?)`", README
    )
    assert named
    for name in named:
        assert (ROOT / name).exists(), name
