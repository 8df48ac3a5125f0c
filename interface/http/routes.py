"""The blueprint of the contract: its tables of routes as views, each with its documentation."""

from collections.abc import Callable
from typing import Any

from flask import Response, g, request
from flask_smorest.blueprint import Blueprint

from domain.ledgers import CreateLedger
from interface.http.admission import LEDGERS, Guest
from interface.http.batches import take_batch
from interface.http.door import Door
from interface.http.log import LOG_ROUTES, LogRoute, Request, check_may_ask
from interface.http.messages import Answer, Environ, read_query
from interface.http.openapi import batching, logging, path_parameters, reading, writing
from interface.http.read_routes import READ_ROUTES, ReadRoute
from interface.http.reads import Reading
from interface.http.schemas_answers import BatchAnswer, BatchResult, LedgerMade
from interface.http.schemas_batch import ELEMENTS, BatchBody
from interface.http.schemas_queries import BatchQuery
from interface.http.targets import NAMED
from interface.http.verbs import VERBS
from interface.http.write_routes import BATCH, WRITE_ROUTES, WriteRoute
from interface.http.writes import create_ledger, write

View = Callable[..., Response]

Answering = Callable[[Environ, Guest, str, str], Answer]
"""(environ, guest, ledger, the target in the path or "") -> answer."""


def contract_routes(door: Door) -> Blueprint:
    """Returns the blueprint of all routes under the contract's prefix."""
    blueprint = Blueprint(  # type: ignore[no-untyped-call]
        "ledgers", __name__, description="Ledgers and all that is in them."
    )
    _add_create_ledger(blueprint, door)
    for write_route in WRITE_ROUTES:
        _add_write(blueprint, door, write_route)
    for read_route in READ_ROUTES:
        _add_read(blueprint, door, read_route)
    for log_route in LOG_ROUTES:
        _add_log(blueprint, door, log_route)
    _add_batch(blueprint, door)
    return blueprint


def answering_command(door: Door, route: WriteRoute) -> Answering:
    """Returns what answers the requests of one route."""
    verb, kind = VERBS[route.command], route.target

    def answer(environ: Environ, guest: Guest, ledger: str, target: str) -> Answer:
        named = None if kind is None else NAMED[kind](target)
        return write(door, environ, guest, ledger, verb, named)

    return answer


def answering_batch(door: Door) -> Answering:
    """Returns what answers batches."""
    schema = BatchQuery()

    def answer(environ: Environ, guest: Guest, ledger: str, _: str) -> Answer:
        atomic = read_query(environ, schema).get("atomic", False)
        return take_batch(door, environ, guest, ledger, atomic=atomic)

    return answer


def respond(answer: Answer) -> Response:
    """Returns an answer as Flask's response, of which the exchange notes a problem's code."""
    g.exchange.code = answer.code
    return Response(answer.body, answer.status, answer.headers)


def _add(
    blueprint: Blueprint,
    rule: str,
    name: str,
    view: View,
    documentation: dict[str, Any],
    *,
    method: str,
) -> None:
    view.__name__ = name
    documented = blueprint.doc(operationId=name, **documentation)(view)  # type: ignore[no-untyped-call]
    parameters = path_parameters(rule)
    blueprint.add_url_rule(  # type: ignore[no-untyped-call]
        rule, name, documented, methods=[method], parameters=parameters
    )


def _add_create_ledger(blueprint: Blueprint, door: Door) -> None:
    verb = VERBS[CreateLedger]

    def view() -> Response:
        return respond(create_ledger(door, request.environ, g.guest, verb))

    documentation = writing(
        "Make a ledger",
        status=verb.status,
        answer=LedgerMade,
        body=type(verb.loader.body),
        body_required=True,
    )
    _add(blueprint, LEDGERS, "create_ledger", view, documentation, method="POST")


def _add_write(blueprint: Blueprint, door: Door, route: WriteRoute) -> None:
    verb = VERBS[route.command]
    body = verb.loader.body
    answer = answering_command(door, route)

    def view(ledger: str, **named: str) -> Response:
        (target,) = named.values() or ("",)
        return respond(answer(request.environ, g.guest, ledger, target))

    documentation = writing(
        route.summary,
        status=verb.status,
        answer=route.answer,
        body=type(body),
        body_required=any(field.required for field in body.fields.values()),
        conditional=verb.conditional,
    )
    name = str(route.command.__struct_config__.tag)
    _add(blueprint, route.rule, name, view, documentation, method=route.method)


def _add_batch(blueprint: Blueprint, door: Door) -> None:
    answer = answering_batch(door)

    def view(ledger: str) -> Response:
        return respond(answer(request.environ, g.guest, ledger, ""))

    documentation = batching(
        "Take many commands",
        query=BatchQuery,
        envelope=BatchBody,
        elements=ELEMENTS.values(),
        answer=BatchAnswer,
        result=BatchResult,
    )
    _add(blueprint, BATCH, "batch", view, documentation, method="POST")


def _add_read(blueprint: Blueprint, door: Door, route: ReadRoute) -> None:
    schema = route.query()

    def view(**named: str) -> Response:
        asked = Reading(door, request.environ, g.guest, read_query(request.environ, schema))
        return respond(route.read(asked, **named))

    documentation = reading(
        route.summary,
        route.answer,
        route.query,
        headers=route.headers,
        line=route.line,
        files=route.files,
    )
    name = route.read.__name__.strip("_")
    _add(blueprint, route.rule, f"show_{name}", view, documentation, method="GET")


def _add_log(blueprint: Blueprint, door: Door, route: LogRoute) -> None:
    schema = route.query()

    def view(**named: str) -> Response:
        guest: Guest | None = None if route.open else g.guest
        if guest is not None:
            check_may_ask(route, guest)
        asked = Request(door, request.environ, guest, read_query(request.environ, schema))
        return respond(route.answer_to(asked, **named))

    documentation = logging(
        route.summary, route.answer, route.query, body=route.body, is_open=route.open
    )
    name = f"log_{route.answer_to.__name__.strip('_')}"
    _add(blueprint, route.rule, name, view, documentation, method=route.method)
