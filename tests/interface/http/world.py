"""The service as the contract tests meet it: real ledgers on PostgreSQL behind the WSGI app."""

import hashlib
import itertools
import json
import secrets
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from flask import Flask
from werkzeug.test import TestResponse

from application.ledgers import THE_SERVICE, Ledgers
from application.outcomes import Asked
from domain.access import IssueKey, RecordActor, Role
from domain.commands import Command

ROLES: tuple[Role, ...] = (
    "operator",
    "controller",
    "clerk",
    "approver",
    "compliance",
    "auditor",
)
NOTHING: dict[str, str] = {}


def make_key(
    ledgers: Ledgers,
    actor: str,
    *roles: Role,
    ledger: str | None = None,
    network_feed: bool = False,
    owner: str | None = None,
) -> str:
    """Returns a new key's token; with an owner, a service's."""
    token = "bo_" + secrets.token_urlsafe(32)
    _submit(ledgers, RecordActor(actor=actor, owner=owner))
    digest = hashlib.sha256(token.encode()).hexdigest()
    key = IssueKey(
        key_id=f"k-{uuid4()}",
        key_sha256=digest,
        actor=actor,
        roles=list(roles),
        ledger=ledger,
        network_feed=network_feed or None,
    )
    _submit(ledgers, key)
    return token


def _submit(ledgers: Ledgers, command: Command) -> None:
    asked = Asked(command, str(uuid4()), THE_SERVICE)
    outcome = ledgers.writer("system").submit([(asked,)])[0]
    assert outcome.code in (None, "already_exists"), outcome.detail


class Caller:
    """Somebody with a key."""

    def __init__(self, app: Callable[[], Any], token: str | None) -> None:
        self._app = app
        self._token = token

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        kind: str | None = "application/json",
        headers: dict[str, str] = NOTHING,
    ) -> TestResponse:
        """Sends a request; a body that is not bytes goes as JSON."""
        sent = dict(headers)
        if self._token is not None:
            sent["Authorization"] = f"Bearer {self._token}"
        if key is not None:
            sent["Idempotency-Key"] = key
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        return self._app().open(  # type: ignore[no-any-return]
            path,
            method=method,
            data=data,
            headers=sent,
            content_type=None if body is None else kind,
        )

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self.send("GET", path, **kwargs)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> TestResponse:
        return self.send("POST", path, body, **kwargs)

    def patch(self, path: str, body: Any = None, **kwargs: Any) -> TestResponse:
        return self.send("PATCH", path, body, **kwargs)


class World:
    """One ledger `main`, a caller for each role, and accounts made as tests need them."""

    def __init__(self, ledgers: Ledgers, app: Flask, *, ledger: str | None = "main") -> None:
        self.ledgers = ledgers
        self.app = app
        self._numbers = itertools.count(1)
        self._local = threading.local()
        for role in ROLES:
            setattr(self, role, self.caller(role))
        self.nobody = Caller(self._client, None)
        self.path = "/v1/ledgers/main"
        if ledger is None:
            return
        body = {
            "id": ledger,
            "name": "Main",
            "functional_asset": "USD",
            "timezone": "America/New_York",
        }
        # On a copy of a database in which it was made, this is the first answer again.
        made = self.operator.post("/v1/ledgers", body, key="main")
        assert made.status_code == 201, made.text

    operator: Caller
    controller: Caller
    clerk: Caller
    approver: Caller
    compliance: Caller
    auditor: Caller

    def caller(
        self,
        *roles: Role,
        ledger: str | None = None,
        actor: str | None = None,
        network_feed: bool = False,
    ) -> Caller:
        """Returns a caller with a key of its own."""
        name = actor or "-".join([*roles, *([ledger] if ledger else [])])
        key = make_key(self.ledgers, name, *roles, ledger=ledger, network_feed=network_feed)
        return Caller(self._client, key)

    def account(self, type: str = "asset", **members: Any) -> str:
        """Opens an account in dollars and returns its code."""
        code = f"test:{type}:{next(self._numbers)}"
        body = {"code": code, "type": type, "name": "An account", "asset": "USD", **members}
        opened = self.controller.post(f"{self.path}/accounts", body)
        assert opened.status_code == 201, opened.text
        return str(body["code"])

    def funded(self, amount: str, **members: Any) -> str:
        """Opens a client's wallet that holds so much, and nothing below zero."""
        wallet = self.account("liability", **{"floor": "0.00", **members})
        self.post(self.account(), wallet, amount)
        return wallet

    def post(self, debit: str, credit: str, amount: str, **more: Any) -> dict[str, Any]:
        """Posts an entry of two legs and returns the answer."""
        posted = self.clerk.post(f"{self.path}/entries", entry(debit, credit, amount, **more))
        assert posted.status_code == 201, posted.text
        return body_of(posted)

    def hold(self, debit: str, credit: str, amount: str, **more: Any) -> dict[str, Any]:
        """Authorizes and returns the answer."""
        held = self.clerk.post(
            f"{self.path}/authorizations", authorization(debit, credit, amount, **more)
        )
        assert held.status_code == 201, held.text
        return body_of(held)

    def available(self, account: str) -> str:
        """Returns what is available of an account's dollars."""
        return str(self.balance(account)["available"])

    def balance(self, account: str) -> dict[str, Any]:
        """Returns an account's one balance."""
        items = body_of(self.clerk.get(f"{self.path}/accounts/{account}/balances"))["items"]
        assert len(items) == 1
        return dict(items[0])

    def head(self) -> int:
        """Returns the position of the ledger's last event."""
        return int(body_of(self.clerk.get(self.path))["position"])

    def _client(self) -> Any:
        # Werkzeug's test client is not for several threads.
        if not hasattr(self._local, "client"):
            self._local.client = self.app.test_client()
        return self._local.client


def leg(account: str, side: str, amount: str, asset: str = "USD", **more: Any) -> dict[str, Any]:
    return {"account": account, "side": side, "amount": amount, "asset": asset, **more}


def entry(debit: str, credit: str, amount: str, **more: Any) -> dict[str, Any]:
    """Returns the body of an entry of two legs in dollars."""
    return {"legs": [leg(debit, "debit", amount), leg(credit, "credit", amount)], **more}


def authorization(debit: str, credit: str, amount: str, **more: Any) -> dict[str, Any]:
    return {"debit": debit, "credit": credit, "amount": amount, "asset": "USD", **more}


def body_of(response: TestResponse) -> dict[str, Any]:
    body = response.get_json(force=True)
    assert isinstance(body, dict)
    return body


def assert_problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Asserts that the answer is the problem with this status and code; returns its members."""
    assert response.content_type == "application/problem+json", response.text
    problem = body_of(response)
    assert (response.status_code, problem["code"]) == (status, code), problem
    assert problem["status"] == status
    assert {"type", "title", "detail"} <= problem.keys()
    assert "Traceback" not in response.text
    return problem
