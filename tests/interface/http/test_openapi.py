"""The OpenAPI document says what the service does: every route, every answer."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from interface.http.errors import STATUS
from interface.http.log import LOG_ROUTES
from interface.http.read_routes import READ_ROUTES
from interface.http.write_routes import WRITE_ROUTES
from interface.reports.catalogue import REPORTS
from tests.interface.http.world import ROLES, World, body_of, make_key

if TYPE_CHECKING:  # it takes a second: not each process that collects should load it
    from schemathesis import Case

# Views answer where a worker follows the log.
pytestmark = pytest.mark.usefixtures("worker")

EXAMPLES = 4
"""For each operation."""

METHODS = {"get", "post", "patch", "put", "delete"}
RULES = {
    ("POST", "/v1/ledgers"),
    ("POST", "/v1/ledgers/<ledger>/batch"),
    *((route.method, route.rule) for route in WRITE_ROUTES),
    *(("GET", route.rule) for route in READ_ROUTES),
    *((route.method, route.rule) for route in LOG_ROUTES),
}
OPERATIONS = sorted((method, re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule)) for method, rule in RULES)


@pytest.fixture(scope="module")
def document(world: World) -> dict[str, Any]:
    return body_of(world.nobody.get("/v1/openapi.json"))


@pytest.fixture(scope="module")
def contract(world: World) -> Any:
    import schemathesis

    return schemathesis.openapi.from_wsgi("/v1/openapi.json", world.app)


@pytest.fixture(scope="module")
def token(world: World) -> str:
    return make_key(world.ledgers, "tester", *ROLES)


@pytest.fixture(scope="module")
def known(world: World, seal: Callable[[], None]) -> dict[str, list[str]]:
    """Things that are there, by the member or parameter that names them."""
    wallet, cash = world.funded("1000.00"), world.account()
    seal()
    return {
        "ledger": ["main"],
        "level": ["0", "1"],
        "tile": ["000", "000.p/3", "x001/000"],
        "account": [wallet, cash],
        "debit": [wallet],
        "credit": [cash],
        "asset": ["USD"],
        "entry": [world.post(cash, wallet, "1.00")["id"] for _ in range(5)],
        "authorization": [world.hold(wallet, cash, "1.00")["id"] for _ in range(5)],
        "kind": ["account", "actor", "command", "entry"],
        "period": ["2026-01", "2025-12"],
        "event": ["1", "999999999"],
        "baseline": ["00000000-0000-4000-8000-000000000000"],
        "id": [wallet, "clerk"],
        "report": [f"{name}{ending}" for name in REPORTS for ending in ("", ".csv")],
    }


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_documented(
    contract: Any, token: str, known: dict[str, list[str]], method: str, path: str
) -> None:
    """Every second question is about things that are there, so that more than a 404 is seen."""
    from schemathesis.specs.openapi.checks import (
        negative_data_rejection,
        positive_data_acceptance,
    )

    strategy = contract[path][method].as_strategy()
    asked = 0

    @given(case=strategy)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: "Case[Any]") -> None:
        nonlocal asked
        asked += 1
        case.path_parameters["ledger"] = "main"
        if isinstance(case.query, dict):
            case.query.pop("min_position", None)  # would wait for events that never come
        excluded: list[Any] = [positive_data_acceptance]  # a right form may still be refused
        if asked % 2:
            excluded.append(negative_data_rejection)  # what was wrong may be right now
            for name in case.path_parameters:
                case.path_parameters[name] = known[name][asked % len(known[name])]
            case.body = with_known(case.body, known)
        case.call_and_validate(
            headers={"Authorization": f"Bearer {token}"},
            excluded_checks=excluded,
        )

    ask()
    assert asked >= EXAMPLES / 2


def with_known(body: Any, known: dict[str, list[str]]) -> Any:
    """Returns the body with names in it of things that are there."""
    if isinstance(body, list):
        return [with_known(item, known) for item in body]
    if not isinstance(body, dict):
        return body
    return {
        name: known[name][0]
        if name in known and isinstance(value, str)
        else with_known(value, known)
        for name, value in body.items()
    }


def test_every_route_is_documented(document: dict[str, Any]) -> None:
    found = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in item.keys() & METHODS
    }
    assert found == set(OPERATIONS)
    assert document["openapi"] == "3.1.0"
    assert document["security"] == [{"key": []}]
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_each_route_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [
        operation["operationId"]
        for path in document["paths"].values()
        for method, operation in path.items()
        if method in METHODS
    ]
    assert len(names) == len(set(names)) >= len(OPERATIONS)


def test_every_code_is_documented(document: dict[str, Any]) -> None:
    problem = document["components"]["schemas"]["Problem"]
    assert set(problem["properties"]["code"]["enum"]) == STATUS.keys()
    for item in document["paths"].values():
        for operation in (item[method] for method in item.keys() & METHODS):
            for status, answer in operation["responses"].items():
                assert answer["description"]
                kinds = set(answer["content"])
                assert (int(status) >= 400) == (kinds == {"application/problem+json"})
            assert operation["summary"]
            assert {"400", "401", "403", "404", "422", "429", "500", "503"} <= set(
                operation["responses"]
            )


def test_what_swagger_ui_shows_is_the_same_contract(world: World, document: dict[str, Any]) -> None:
    shown = body_of(world.nobody.get("/docs/openapi.json"))
    assert shown["openapi"] == "3.0.3"
    assert shown["paths"].keys() == document["paths"].keys()
    assert shown["components"]["schemas"].keys() == document["components"]["schemas"].keys()


def test_docs_load_nothing_from_elsewhere(world: World) -> None:
    page = world.nobody.get("/docs").text
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources
    for source in sources:
        assert source.startswith("/docs/")
        answer = world.nobody.get(source)
        assert answer.status_code == 200
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
