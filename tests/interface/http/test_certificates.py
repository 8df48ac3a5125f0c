"""Certificates of reports: asked for over HTTP, checked against a bundle, and found out."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from application.ledgers import THE_SERVICE, Ledgers
from application.transparency.certificates import (
    Certificate,
    certificate_text,
    parse_certificate,
)
from application.transparency.signed_log import SignedLog
from interface import backoffice_verify
from interface.bootstrap import Database as Connections
from tests.interface.http.certified import (
    Evidence,
    certificate,
    certified_statement,
    export,
    report_of,
)
from tests.interface.http.world import World, assert_problem, body_of

Json = dict[str, Any]

TOLD, NAME = "8a7d52c6-2a0f-4d53-9b0a-5a2f3a8f4b11", "Erika Mustermann"


@pytest.fixture(scope="module")
def evidence(
    world: World,
    ledgers: Ledgers,
    connections: Connections,
    worker: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Evidence:
    """Three statements of a wallet and two trial balances, with a rotation of keys among them."""
    assert worker is None
    wallet, bank = world.account("liability", name='Ann "Ä" \u2028'), world.account()
    for amount, day in (("10.00", "2026-01-10"), ("20.00", "2026-01-31")):
        world.post(bank, wallet, amount, effective_on=day)
    world.post(bank, wallet, "4.00", effective_on="2026-02-05", id=TOLD, narrative=NAME)
    found = {
        "empty": certified_statement(world, world.account()),
        "first": certified_statement(world, wallet),
    }
    for amount, day in (("1.00", "2026-02-28"), ("2.00", "2026-01-15"), ("3.00", "2026-02-01")):
        world.post(wallet, bank, amount, effective_on=day)
    february = {"from_": "2026-02-01", "to": "2026-02-28"}
    found["statement"] = certified_statement(world, wallet, **february)
    found["balance"] = certificate(world, "trial-balance", effective_on="2026-02-01", depth=2)
    rotated = ledgers.signing_keys.add("main", key="rotate", by=THE_SERVICE)
    assert rotated.code is None
    renamed = world.controller.patch(f"{world.path}/accounts/{wallet}", {"name": "Ben"})
    assert renamed.status_code == 200
    world.post(bank, wallet, "7.00", effective_on="2026-02-07")
    days = {"from_": "2026-01-20", "to": "2026-02-28"}
    for name in ("general-ledger", "journal", "roll-forward"):
        found[name] = certificate(world, name, **days)
    found["booking"] = certified_statement(world, wallet, basis="booking")
    found["balance after"] = certificate(world, "trial-balance", basis="adjusted")
    directory = tmp_path_factory.mktemp("evidence") / "bundle"
    export(connections, directory)
    reports = {name: report_of(world, raw) for name, raw in found.items()}
    return Evidence(world, connections, wallet, found, reports, directory)


@pytest.mark.parametrize(
    "name",
    [
        *("empty", "first", "statement", "booking", "balance", "balance after"),
        *("journal", "general-ledger", "roll-forward"),
    ],
)
def test_a_certificate_holds_whatever_came_after_it(evidence: Evidence, name: str) -> None:
    raw = evidence.certificates[name]
    assert evidence.verify_apart(name, raw) is None
    done = evidence.verify(raw)
    assert done.exit_code == 0, done.output
    assert "is the one that was certified" in done.output
    # Those that were made since the keys were rotated are signed with both.
    signatures = parse_certificate(raw).note.signatures
    before = ("empty", "first", "statement", "balance")
    assert len(signatures) == (1 if name in before else 2)


def test_a_certified_statement_accounts_for_every_line(evidence: Evidence) -> None:
    def lines_of(name: str) -> tuple[list[int], list[int], bool]:
        lines = parse_certificate(evidence.certificates[name]).certificate.lines
        assert lines is not None
        numbers = ([one[0] for one in each] for each in (lines.inside, lines.outside))
        return *numbers, lines.previous is None  # type: ignore[return-value]

    assert lines_of("empty") == ([], [], True)
    assert lines_of("first") == ([1, 2, 3], [], True)
    # Line 3 was listed before; 5 is of January.
    assert lines_of("statement") == ([3, 4, 6], [5], False)
    assert lines_of("booking") == ([1, 2, 3, 4, 5, 6, 7], [], False)


def test_by_itself_a_certificate_proves_what_it_lists(evidence: Evidence) -> None:
    """Without the bundle; and with a report that is another one."""
    keys = json.loads((evidence.bundle / "manifest.json").read_bytes())["verifier_keys"]
    raw = evidence.certificates["statement"]
    certificate = backoffice_verify.Certificate(raw, keys)
    shown = json.loads(evidence.reports["statement"])
    certificate.check_report(shown)
    shown["rows"][1]["balance"] = "0.00"
    with pytest.raises(backoffice_verify.Wrong, match="not the one that was certified"):
        certificate.check_report(shown)
    with pytest.raises(backoffice_verify.Wrong, match="asked for otherwise"):
        certificate.check_report(json.loads(evidence.reports["booking"]))
    with pytest.raises(backoffice_verify.Wrong, match="none of the keys"):
        backoffice_verify.Certificate(raw, keys[1:])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda shown: None, None),
        (lambda shown: shown.update(title="Something else"), None),
        (lambda shown: shown["rows"][1].update(balance="1.00"), "row 2 says '1.00' for balance"),
        (lambda shown: shown["rows"][1].update(debit="1.00"), "row 2 says '1.00' for debit"),
        (lambda shown: shown["rows"].pop(), "it has 4 rows, the records give 5"),
        (lambda shown: shown.update({"from": "2026-02-02"}), "it says '2026-02-02' for from"),
        (lambda shown: shown.update(position=1), "it says 1 for position"),
        (lambda shown: shown.pop("rows"), "the report given is none"),
    ],
)
def test_what_differs_in_a_report_is_said(
    evidence: Evidence, change: Callable[[Json], Any], said: str | None
) -> None:
    shown = json.loads(evidence.reports["statement"])
    change(shown)
    file = evidence.bundle.parent / "shown.json"
    file.write_text(json.dumps(shown))
    raw = evidence.certificates["statement"]
    done = evidence.verify(raw, str(evidence.bundle), "--report", str(file))
    assert (done.exit_code, (said or "") in done.output) == (1 if said else 0, True), done.output
    if said and "row" in said:
        evidence.reports["shown"] = file.read_bytes()
        assert evidence.verify_apart("shown", raw) is not None


def test_what_can_not_be_certified(evidence: Evidence) -> None:
    world, wallet = evidence.world, evidence.wallet
    reports, statement = f"{world.path}/reports", f"{world.path}/accounts/{wallet}/statement"
    for role in (world.clerk, world.operator):
        assert_problem(role.get(f"{reports}/trial-balance.certificate"), 403, "forbidden")
    for name in ("cash-flow.certificate", "trial-balance.csv.certificate", "none.certificate"):
        assert_problem(world.auditor.get(f"{reports}/{name}"), 404, "not_found")
    asked = f"statement.certificate?account={wallet}"
    unstated = world.auditor.get(f"{reports}/{asked}&known_position={world.head() - 1}")
    assert "known_position" in assert_problem(unstated, 422, "invalid_request")["errors"]
    nothing = world.auditor.get(f"{reports}/trial-balance.certificate?known_position=0")
    assert_problem(nothing, 422, "invalid_request")
    for role in (world.clerk, world.auditor, world.compliance, world.operator):
        assert_problem(role.post(statement, {}), 403, "forbidden")
    assert_problem(world.controller.post(statement, {"asset": "XAU"}), 404, "asset_not_found")
    elsewhere = f"{world.path}/accounts/none/statement"
    assert_problem(world.controller.post(elsewhere, {}), 404, "account_not_found")
    judged = body_of(world.controller.post(statement, {"validate_only": True}))
    assert (judged["validate_only"], judged["lines"]) == (True, 7)
    first = world.controller.post(statement, {}, key="once")
    again = world.controller.post(statement, {}, key="once")
    assert (again.data, again.headers["Idempotency-Replayed"]) == (first.data, "true")


def sets(**members: Any) -> Callable[[Json], None]:
    return lambda body: body.update(members)


def asks(**parameters: Any) -> Callable[[Json], None]:
    return lambda body: body["parameters"].update(parameters)


def listing(where: str, change: Callable[[list[Any]], Any]) -> Callable[[Json], None]:
    return lambda body: change(body["lines"][where])


def recorded(which: str, old: str, new: str) -> Callable[[Json], None]:
    return lambda body: body["lines"].update({which: body["lines"][which].replace(old, new)})


def proof(where: str, change: Callable[[list[Any]], Any]) -> Callable[[Json], None]:
    return lambda body: change(body["proof"][where])


def swap(lines: Json) -> None:
    """Line 4 is hidden among those of other days."""
    lines["lines"]["outside"].insert(0, lines["lines"]["inside"].pop(1))


NOTHING = "0" * 64


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("balance", sets(format="backoffice-certificate/2"), "format backoffice-certificate/2"),
        ("balance", sets(more=1), "This is no certificate"),
        ("balance", sets(ledger="other"), "of the ledger other, not of main"),
        ("balance", sets(report="cash-flow"), "'cash-flow' can't be made again here"),
        ("balance", sets(report="statement"), "does not take depth = 2"),
        ("balance", asks(effective_on="2026-02-02"), "the report is not the one"),
        ("balance", asks(effective_on="yesterday"), "does not take effective_on = 'yesterday'"),
        ("balance", asks(depth="2"), "does not take depth = '2'"),
        ("balance", asks(basis="best"), "on the basis 'best'"),
        ("balance", sets(position=3), "proof is of other records"),
        ("balance", sets(position=10**6), "its checkpoint covers"),
        ("balance", sets(digest=NOTHING), f"its digest is {NOTHING}"),
        ("balance", sets(checkpoint="x"), "checkpoint: The note has no signatures"),
        (
            "balance",
            proof("leaves", lambda leaves: leaves[0].__setitem__(1, NOTHING)),
            "another root",
        ),
        (
            "balance",
            proof("leaves", lambda leaves: leaves[0].__setitem__(1, "zz")),
            "proof: non-hex",
        ),
        ("balance", proof("hashes", lambda hashes: hashes.pop()), "The proof is too short"),
        (
            "balance",
            proof("hashes", lambda hashes: hashes.append(hashes.pop()[2:])),
            "has not 32 bytes",
        ),
        (
            "balance",
            proof("hashes", lambda hashes: hashes.append(NOTHING)),
            "The proof is too long",
        ),
        ("balance", lambda body: body.update(lines=None), "not in its canonical form"),
        ("journal", asks(account="none"), "the report is not the one"),
        ("roll-forward", lambda body: body["parameters"].pop("to"), "is not made without to"),
        ("statement", lambda body: body.pop("lines"), "proof is of other records"),
        ("empty", lambda body: body.pop("lines"), "if it is of a statement"),
        ("statement", asks(account="test:asset:1"), "of another account"),
        ("statement", asks(to="2026-02-27"), "lists (4,"),
        ("statement", recorded("stated", '"lines":6', '"lines":5'), "not the one in the tree"),
        (
            "statement",
            recorded("stated", "AccountStated", "AccountClosed"),
            "a record of AccountClosed",
        ),
        ("statement", recorded("previous", '"lines":3', '"lines":2'), "not the one in the tree"),
        ("statement", sets(digest=NOTHING), "the report is not the one"),
    ],
)
def test_what_was_changed_in_a_certificate_is_found(
    evidence: Evidence, name: str, change: Callable[[Json], None], said: str
) -> None:
    """Even where it is signed anew, with the ledger's own keys."""
    forged = evidence.forged(name, change)
    done = evidence.verify(forged)
    assert (done.exit_code, said in done.output) == (1, True), done.output
    assert evidence.verify_apart(name, forged) is not None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (listing("inside", lambda lines: lines.pop(1)), "line 4 is missing: 6 lines are on record"),
        (listing("outside", lambda lines: lines.pop()), "line 5 is missing: 6 lines are on record"),
        (listing("inside", lambda lines: lines.pop(0)), "in the statement; it follows"),
        (
            listing("inside", lambda lines: lines.append(lines[0])),
            "more than the 6 lines on record",
        ),
        (listing("outside", lambda lines: lines[0].__setitem__(0, 7)), "line 5 is missing"),
        (
            listing("outside", lambda lines: lines[0].__setitem__(1, "2026-03-15")),
            "lists (5, '2026-03-15', ",
        ),
        (listing("inside", lambda lines: lines[0].__setitem__(2, 4)), "lists (3, '2026-02-05', 4)"),
        (swap, "in the statement; it follows"),
        (lambda body: body["lines"].update(previous=None), "line 1 is missing"),
        (
            lambda body: body["lines"].update(previous=body["lines"]["stated"], outside=[]),
            "names another statement before it",
        ),
    ],
)
def test_a_line_that_is_left_out_is_found(
    evidence: Evidence, change: Callable[[Json], None], said: str
) -> None:
    """Even by an operator who proves all that is left, and signs it."""
    forged = evidence.forged("statement", change, proven=True)
    done = evidence.verify(forged)
    assert (done.exit_code, said in done.output) == (1, True), done.output
    assert evidence.verify_apart("statement", forged) is not None


def test_what_was_not_signed_is_found(evidence: Evidence) -> None:
    raw = evidence.certificates["statement"]
    for old, new in ((b'"software_version":"', b'"software_version":"9'), (b"USD", b"EUR")):
        assert "signature" in (evidence.verify_apart("statement", raw.replace(old, new)) or "")
        done = evidence.verify(raw.replace(old, new))
        assert (done.exit_code, "The signature of" in done.output) == (1, True), done.output


def test_a_certificate_is_no_checkpoint_nor_the_other_way_round(evidence: Evidence) -> None:
    checkpoint = (evidence.bundle / "log/checkpoint").read_bytes()
    done = evidence.verify(checkpoint)
    assert (done.exit_code, "This is no certificate" in done.output) == (1, True)
    file = evidence.bundle.parent / "a.certificate"
    file.write_bytes(evidence.certificates["balance"])
    done = evidence.run("verify", "--against", str(file), str(evidence.bundle))
    assert (done.exit_code, "is no checkpoint" in done.output) == (1, True), done.output


def test_a_certificate_is_of_one_ledger(evidence: Evidence) -> None:
    world = evidence.world
    body = {"id": "other", "name": "Other", "functional_asset": "USD", "timezone": "UTC"}
    assert world.operator.post("/v1/ledgers", body).status_code == 201
    other = certificate(world, "trial-balance", ledger="other", min_position=3)
    done = evidence.verify(other)
    assert "of the ledger other, not of main" in done.output
    # Renamed and signed by the other ledger it proves nothing either.
    signed = parse_certificate(other)
    renamed = Certificate(
        **{
            **{name: getattr(signed.certificate, name) for name in Certificate.__struct_fields__},
            "ledger": "main",
        }
    )
    text = certificate_text(signed.origin, renamed)
    note = world.ledgers.signing_keys.sign("other", signed.origin, text)
    done = evidence.verify(str(note).encode())
    assert (done.exit_code, "None of the keys" in done.output) == (1, True)


def test_by_command_on_the_database(evidence: Evidence) -> None:
    """A statement is put on record, certified and checked again."""
    file = evidence.bundle.parent / "made.certificate"
    of = ("--ledger", "main")
    asked = ("--account", evidence.wallet, "--from", "2026-02-01", "--certificate", str(file))
    head = evidence.world.head()
    made = evidence.run("report", "statement", *of, *asked, "--json")
    assert made.exit_code == 0, made.output
    found = parse_certificate(file.read_bytes()).certificate
    assert json.loads(made.stdout)["position"] == found.position == head + 1
    done = evidence.run("verify", *of, "--certificate", str(file), "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)["certificate"]
    assert (said["digest"], said["inside"], said["outside"]) == (found.digest, 4, 0)
    for wrong in (
        ("report", "cash-flow", *of, *asked[4:]),
        ("report", "statement", *of, *asked[4:]),
        ("report", "statement", *of, "--period", "2026-02", *asked[:2], *asked[4:]),
    ):
        assert evidence.run(*wrong).exit_code == 2


def test_a_statement_whose_texts_were_erased_is_the_one_that_was_certified(
    evidence: Evidence,
) -> None:
    world, raw = evidence.world, evidence.certificates["statement"]
    before = json.loads(evidence.reports["statement"])
    why = {"reason": "privacy_request"}
    assert world.compliance.post(f"{world.path}/entries/{TOLD}/erase", why).status_code == 200
    shown = report_of(world, raw)
    after = json.loads(shown)
    assert NAME not in shown.decode()
    assert after["rows"][2].pop("narrative") == "(erased)"
    assert before["rows"][2].pop("narrative") == NAME
    assert after["notes"] == [
        "The texts of 1 entry were erased on record; figures and proofs are as they were."
    ]
    assert {**after, "notes": []} == before
    evidence.reports["erased"] = shown
    assert evidence.verify_apart("erased", raw) is None
    file = evidence.bundle.parent / "erased.json"
    file.write_bytes(shown)
    done = evidence.verify(raw, str(evidence.bundle), "--report", str(file))
    assert done.exit_code == 0, done.output


def test_a_certificate_holds_when_the_ledger_goes_on_under_another_name(
    evidence: Evidence,
) -> None:
    """The last one here: main has another log from now on."""
    ledgers, directory = evidence.world.ledgers, evidence.bundle.parent / "continued"
    with ledgers.reader("main") as connection:
        old = SignedLog(connection).last
    continued = ledgers.signing_keys.continue_ledger(
        "main",
        old_size=old.size,
        old_root=old.root.hex(),
        reason="restore",
        key="continue",
        by=THE_SERVICE,
    )
    assert continued.code is None, continued.detail
    after = certificate(evidence.world, "trial-balance", known_position=continued.position)
    assert parse_certificate(after).origin.endswith("/main/log/2")
    export(evidence.connections, directory)
    evidence.reports["after"] = report_of(evidence.world, after)
    for name, raw in (("statement", evidence.certificates["statement"]), ("after", after)):
        assert evidence.verify_apart(name, raw, directory) is None
        done = evidence.verify(raw, str(directory))
        assert done.exit_code == 0, done.output
