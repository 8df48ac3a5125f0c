"""The contract as an OpenAPI document: what each operation takes and every answer it may give."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Flask
from flask_smorest import Api
from flask_smorest.blueprint import Blueprint
from marshmallow import Schema

from interface.http.errors import PROBLEM_TYPE, STATUS, title
from interface.http.fields import Pairs
from interface.http.messages import JSON, KEY_MAX_CHARACTERS, NDJSON
from interface.http.schemas_answers import Judgement, Problem

DESCRIPTION = """\
An event-sourced double-entry ledger service. Amounts are decimal strings in the asset's units;
moments are RFC 3339 in UTC. Send `Idempotency-Key` with every POST: the same key and body get the
first answer again. Every answer to a write names the position of its last event in
`Ledger-Position`; give it as `min_position` to read what you wrote.
"""

ALWAYS = (400, 401, 403, 404, 422, 429, 500, 503)
ON_WRITES = (409, 413, 415)

HEADERS: dict[str, dict[str, Any]] = {
    "Ledger-Position": {
        "description": "The position of the command's last event; of a read, the one it shows.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "Idempotency-Key": {
        "description": "The key that the command has; the server's where the client gave none.",
        "schema": {"type": "string"},
    },
    "Idempotency-Replayed": {
        "description": "`true`: the command was done before; this is its first answer.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "ETag": {
        "description": "The version of the account's own stream, unmoved by postings.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait before the next try.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "WWW-Authenticate": {"schema": {"type": "string", "enum": ["Bearer"]}},
}

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes the command happen once, however often it is sent. Never expires.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": KEY_MAX_CHARACTERS,
        "pattern": "^[!-~]+$",
    },
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag that the account must still have.",
    "schema": {"type": "string", "pattern": '^(\\*|"[0-9]{1,18}")$'},
}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "ETags that the client has what stands under: 304 where it is still that.",
    "schema": {"type": "string"},
}

DESCRIBED = {
    "ledger": ("The ledger's id.", {"type": "string"}),
    "account": ("The account's code.", {"type": "string"}),
    "entry": ("The entry's id.", {"type": "string", "format": "uuid"}),
    "authorization": ("The authorization's id.", {"type": "string", "format": "uuid"}),
    "period": (
        "A month of a fiscal year, named by the calendar month in which it begins: `2026-03`.",
        {"type": "string"},
    ),
    "baseline": ("The baseline's id.", {"type": "string", "format": "uuid"}),
    "report": (
        "Its name; with .csv, .xlsx or .pdf, or by Accept, in that form; .certificate: certified.",
        {"type": "string"},
    ),
    "kind": (
        "What it is a trail of.",
        {"type": "string", "enum": ["entry", "authorization", "account", "actor", "command"]},
    ),
    "path:id": (
        "Its id: a UUID, an account's code, an actor, an Idempotency-Key.",
        {"type": "string"},
    ),
    "level": ("The tile's level, 0 to 63.", {"type": "string"}),
    "path:tile": ("The tile's number and width: `x001/x234/067`, `000.p/17`.", {"type": "string"}),
}


def path_parameters(rule: str) -> list[dict[str, Any]]:
    """Returns the parameters in a route's path."""
    return [
        {
            "name": name.rpartition(":")[2],
            "in": "path",
            "required": True,
            "description": description,
            "schema": schema,
        }
        for name, (description, schema) in DESCRIBED.items()
        if f"<{name}>" in rule
    ]


def reading(
    summary: str,
    answer: type[Schema],
    query: type[Schema],
    *,
    headers: Iterable[str] = (),
    line: type[Schema] | None = None,
    files: Iterable[str] = (),
) -> dict[str, Any]:
    """Returns the documentation of a read; `line`: what a line is of it in NDJSON; `files`: in
    which other media types it may be had."""
    content: dict[str, Any] = {JSON: answer} if line is None else {JSON: answer, NDJSON[0]: line}
    content |= {kind: {"type": "string"} for kind in files}
    parameters: list[dict[str, Any]] = [{"in": "query", "schema": query}]
    responses = {"200": _answer("As asked.", content, headers)}
    if "ETag" in headers:
        parameters.append(IF_NONE_MATCH)
        responses["304"] = _answer("As the client has it.", {}, headers)
    return {
        "summary": summary,
        "parameters": parameters,
        "responses": {**responses, **problems(ALWAYS)},
    }


def writing(
    summary: str,
    *,
    status: int,
    answer: type[Schema],
    body: type[Schema],
    body_required: bool,
    conditional: bool = False,
) -> dict[str, Any]:
    """Returns the documentation of a command's route."""
    headers = ["Ledger-Position", "Idempotency-Key", "Idempotency-Replayed"]
    if "version" in answer().fields:
        headers.append("ETag")
    statuses = [*ALWAYS, *ON_WRITES]
    parameters = [IDEMPOTENCY_KEY]
    if conditional:
        parameters.append(IF_MATCH)
        statuses.append(412)
    if status == 200:
        responses = {
            "200": _answer(
                "Done, now or before; or, with `validate_only`, judged.",
                {JSON: {"anyOf": [answer, Judgement]}},
                headers,
            )
        }
    else:
        responses = {
            "200": _answer("With `validate_only`: judged, not done.", {JSON: Judgement}, headers),
            str(status): _answer("Made, now or before.", {JSON: answer}, headers),
        }
    return {
        "summary": summary,
        "description": (body.__doc__ or "").strip(),
        "parameters": parameters,
        "requestBody": {"required": body_required, "content": {JSON: {"schema": body}}},
        "responses": {**responses, **problems(statuses)},
    }


def batching(
    summary: str,
    *,
    query: type[Schema],
    envelope: type[Schema],
    elements: Iterable[type[Schema]],
    answer: type[Schema],
    result: type[Schema],
) -> dict[str, Any]:
    """Returns the documentation of the batch's route."""
    element = {"oneOf": list(elements)}
    return {
        "summary": summary,
        "description": "Commands of one `group` stand or fall together. In NDJSON each line is a"
        " command, or its result.",
        "parameters": [{"in": "query", "schema": query}],
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": envelope}, NDJSON[0]: {"schema": element}},
        },
        "responses": {
            "200": _answer(
                "What became of each command, in order.",
                {JSON: answer, NDJSON[0]: result},
                ["Ledger-Position"],
            ),
            **problems([*ALWAYS, *ON_WRITES]),
        },
    }


def logging(
    summary: str,
    answer: type[Schema] | str,
    query: type[Schema],
    *,
    body: str | None = None,
    is_open: bool = False,
) -> dict[str, Any]:
    """Returns the documentation of a route of the log; `answer`: a schema, or a media type."""
    if isinstance(answer, str):
        content: dict[str, Any] = {answer.partition(";")[0]: {"schema": {"type": "string"}}}
    else:
        content = {JSON: {"schema": answer}}
    found = {"description": "As asked.", "content": content}
    statuses = ALWAYS if body is None else (*ALWAYS, 413, 415)
    documentation: dict[str, Any] = {
        "summary": summary,
        "parameters": [{"in": "query", "schema": query}],
        "responses": {"200": found, **problems(statuses)},
    }
    if body is not None:
        text = {"schema": {"type": "string"}}
        documentation["requestBody"] = {"required": True, "content": {body: text}}
    if is_open:
        documentation["security"] = []
    return documentation


def problems(statuses: Iterable[int]) -> dict[str, Any]:
    """Returns the documentation of answers that are problems."""
    return {str(status): _problem(status) for status in sorted(statuses)}


def _problem(status: int) -> dict[str, Any]:
    codes = [code for code, found in STATUS.items() if found == status]
    headers = {401: ["WWW-Authenticate"], 429: ["Retry-After"], 503: ["Retry-After"]}
    words = ", ".join(f"`{code}`" for code in codes)
    described = f"{title(codes[0])}." if len(codes) == 1 else f"One of {words}."
    return _answer(described, {PROBLEM_TYPE: Problem}, headers.get(status, []))


def _answer(description: str, content: Mapping[str, Any], headers: Iterable[str]) -> dict[str, Any]:
    return {
        "description": description,
        "content": {kind: {"schema": schema} for kind, schema in content.items()},
        "headers": {name: HEADERS[name] for name in headers},
    }


class Contract(Api):
    """flask-smorest's Api, of which only the document is used: problems are this service's own."""

    DEFAULT_ERROR_RESPONSE_NAME = ""

    def _register_error_handlers(self) -> None:
        """errors.py answers for every exception."""


def contract(app: Flask, blueprint: Blueprint, *, openapi_version: str) -> dict[str, Any]:
    """Returns the OpenAPI document of a blueprint that the app has."""
    app.config |= {
        "API_TITLE": "backoffice-ledger",
        "API_VERSION": "v1",
        "OPENAPI_VERSION": openapi_version,
    }
    info = {"description": DESCRIPTION}
    api: Any = Contract(app, spec_kwargs={"info": info})  # type: ignore[no-untyped-call]
    api.ma_plugin.converter.add_attribute_function(_names_of_pairs)
    scheme = {"type": "http", "scheme": "bearer", "description": "A key of this service."}
    api.spec.components.security_scheme("key", scheme)
    api.spec.options["security"] = [{"key": []}]
    describe: Any = blueprint.register_views_in_doc
    describe(api, app, api.spec, name=blueprint.name, parameters=None)
    document: dict[str, Any] = api.spec.to_dict()
    return document


def _names_of_pairs(_converter: Any, field: Any, **_: Any) -> dict[str, Any]:
    """apispec knows `additionalProperties` of a dict field, not what names it takes."""
    return {"propertyNames": dict(field.name_field.metadata)} if isinstance(field, Pairs) else {}
