"""What an auditor has of a ledger, and what a dishonest operator could make of it."""

import json
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from application.sessions import acting_as_service
from application.transparency.certificates import (
    canonical,
    parse_certificate,
)
from application.transparency.signed_log import SignedLog
from interface import backoffice_verify
from interface.bootstrap import Database as Connections
from interface.cli.main import main
from interface.evidence.bundle import Export
from interface.evidence.live import session
from tests.interface.http.world import World, body_of

Json = dict[str, Any]


@dataclass
class Evidence:
    """What an auditor has: certificates by name, a bundle, and a second ledger's certificate."""

    world: World
    connections: Connections
    wallet: str
    certificates: dict[str, bytes]
    reports: dict[str, bytes]
    bundle: Path

    def verify(self, raw: bytes, *more: str) -> Result:
        """`backoffice verify --certificate`, on the bundle without more."""
        file = self.bundle.parent / "asked.certificate"
        file.write_bytes(raw)
        return self.run("verify", "--certificate", str(file), *(more or (str(self.bundle),)))

    def verify_apart(self, name: str, raw: bytes, bundle: Path | None = None) -> str | None:
        """What the one-file verifier finds wrong, with the report and the bundle."""
        file, report = self.bundle.parent / "a.certificate", self.bundle.parent / "report.json"
        file.write_bytes(raw)
        report.write_bytes(self.reports[name])
        asked = Namespace(
            certificate=file, report=report, bundle=bundle or self.bundle, key=[], against=[]
        )
        try:
            backoffice_verify.check_certificate(asked)
        except (backoffice_verify.Wrong, KeyError, TypeError, ValueError) as error:
            return f"{type(error).__name__}: {error}"
        return None

    def run(self, *arguments: str) -> Result:
        signing = self.connections.signing
        assert signing is not None
        return CliRunner().invoke(
            main,
            arguments,
            env={
                "DATABASE_URL": self.connections.service,
                "BACKOFFICE_OWNER_DATABASE_URL": self.connections.owner,
                "BACKOFFICE_SIGNING_SECRET_FILE": str(signing.secret_file),
                "BACKOFFICE_DATA_DIR": str(self.bundle.parent / "var"),
            },
        )

    def forged(self, name: str, change: Callable[[Json], None], *, proven: bool = False) -> bytes:
        """A certificate with something else in it, signed as the operator could; `proven`: with a
        proof of what it names then."""
        signed = parse_certificate(self.certificates[name])
        body = json.loads(signed.note.text.split("\n")[1])
        change(body)
        ledgers = self.world.ledgers
        if proven:
            lines = body["lines"]
            positions = {line[2] for line in (*lines["inside"], *lines["outside"])}
            records = [lines["stated"], *filter(None, [lines.get("previous")])]
            positions |= {json.loads(record)["position"] for record in records}
            with ledgers.reader("main") as connection:
                size = int(body["checkpoint"].split("\n")[1])
                found = SignedLog(connection).joint(positions, size)
            body["proof"] = dict(zip(("leaves", "hashes"), found, strict=True))
        text = f"{signed.origin}/certificate\n{canonical(body).decode()}\n"
        return str(ledgers.signing_keys.sign("main", signed.origin, text)).encode()


def certificate(world: World, report: str, *, ledger: str = "main", **query: Any) -> bytes:
    asked = "&".join(f"{name.rstrip('_')}={value}" for name, value in query.items())
    answer = world.auditor.get(f"/v1/ledgers/{ledger}/reports/{report}.certificate?{asked}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    found = parse_certificate(answer.data).certificate
    assert answer.headers["Ledger-Position"] == str(found.position)
    return bytes(answer.data)


def stated(world: World, account: str, **body: Any) -> Json:
    answer = world.controller.post(f"{world.path}/accounts/{account}/statement", body)
    assert answer.status_code == 200, answer.text
    return body_of(answer)


def export(connections: Connections, directory: Path) -> None:
    with session(acting_as_service(connections.service), "main") as connection:
        made = Export(connection, directory, ledger="main", software_version="1", with_texts=False)
        made.write(lambda _: None)


def report_of(world: World, raw: bytes) -> bytes:
    """The report that was certified, as it is shown."""
    made = parse_certificate(raw).certificate
    asked = {**made.parameters, "known_position": made.position}
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return bytes(world.auditor.get(f"{world.path}/reports/{made.report}?{query}").data)


def certified_statement(world: World, account: str, **query: Any) -> bytes:
    position = stated(world, account)["position"]
    return certificate(world, "statement", account=account, known_position=position, **query)
