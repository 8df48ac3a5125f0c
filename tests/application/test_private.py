"""Texts that may hold personal data stand beside the log, which holds their digests."""

import json
from hashlib import sha256
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from domain.access import IssueKey, RecordActor
from domain.accounts import CloseAccount, OpenAccount
from domain.amendments import AmendAccount
from domain.authorizations import Authorize, Settle
from domain.commands import Command
from domain.corrections import Adjust, Reverse
from domain.entries import Post
from domain.erasures import EraseEntryTexts
from domain.freezes import FreezeAccount, UnfreezeAccount
from domain.hold_ends import Release, Void
from domain.ledgers import CreateLedger
from domain.legs import LegAsked
from tests.application.office import (
    OPERATOR,
    Chart,
    Office,
    id_of,
    legs,
    records_of,
    transfer,
)

SECRET = "Grüße an Erika Mustermann"
METADATA = {"customer": "Erika's number", "n": "1"}


def bodies(office: Office, after: int) -> dict[int, dict[str, Any]]:
    """The private bodies written since, by position; their digests are checked on the way."""
    found = {}
    records = {record["position"]: record for record in office.records(after=after)}
    for row in office.query("SELECT * FROM {}.private WHERE position > %s", after):
        digest = records[row["position"]]["payload"]["private"]
        assert sha256(row["salt"] + row["body"]).hexdigest() == digest
        assert len(row["salt"]) == 16
        found[row["position"]] = json.loads(row["body"])
    with_digest = {p for p, record in records.items() if "private" in record["payload"]}
    assert with_digest == set(found)
    return found


def entry_with_texts(chart: Chart) -> Post:
    return Post(
        narrative=SECRET,
        metadata=METADATA,
        legs=[
            LegAsked(account=chart.cash, side="debit", amount="1.00", asset="USD"),
            LegAsked(
                account=chart.wallet, side="credit", amount="1.00", asset="USD", narrative=SECRET
            ),
        ],
    )


def test_texts_stand_in_a_private_row_and_nowhere_else(office: Office) -> None:
    chart, before = office.chart(), office.position
    office.done(entry_with_texts(chart))
    (body,) = bodies(office, before).values()
    assert body == {"narrative": SECRET, "legs": [None, SECRET], "metadata": METADATA}
    for state in office.states(after=before):
        text = state.decode()
        assert "Erika" not in text
        assert "narrative" not in text
        assert "metadata" not in text


def test_without_texts_there_is_no_row(office: Office) -> None:
    chart, before = office.chart(), office.position
    office.done(transfer(chart.cash, chart.wallet, "1.00", metadata={}))
    assert bodies(office, before) == {}


def test_equal_texts_have_different_digests(office: Office) -> None:
    """Each has a salt of its own: from the log nobody can tell that they are equal."""
    chart, before = office.chart(), office.position
    office.all(entry_with_texts(chart), entry_with_texts(chart))
    digests = [record["payload"]["private"] for record in office.records(after=before)]
    assert len(set(digests)) == 2


def texts() -> dict[str, Any]:
    return {"narrative": SECRET, "metadata": METADATA}


def test_every_verb_keeps_its_texts(office: Office) -> None:
    """With each entry that it posts; where it posts none, with its first event."""
    chart = office.chart()
    fresh = office.chart()

    def held() -> str:
        hold = Authorize(debit=chart.wallet, credit=chart.merchant, amount="1", asset="USD")
        return id_of(office.done(hold))

    def posted() -> str:
        return id_of(office.done(transfer(chart.cash, chart.wallet, "1.00")))

    right = legs(chart.cash, chart.wallet, "2.00", narrative="leg " + SECRET)
    commands: list[tuple[Command, list[str]]] = [
        (
            Authorize(
                debit=chart.wallet, credit=chart.merchant, amount="1", asset="USD", **texts()
            ),
            ["AuthorizationOpened"],
        ),
        (Settle(authorization=held(), **texts()), ["EntryPosted"]),
        (Void(authorization=held(), **texts()), ["AuthorizationVoided"]),
        (Release(authorization=held(), **texts()), ["AuthorizationReleased"]),
        (Reverse(entry=posted(), reason="other", **texts()), ["EntryPosted"]),
        (
            Adjust(entry=posted(), reason="other", legs=right, **texts()),
            ["EntryPosted", "EntryPosted"],
        ),
        (OpenAccount(code=chart.any + ":x", type="asset", name="X", **texts()), ["AccountOpened"]),
        (AmendAccount(account=chart.any, name="N", **texts()), ["AccountAmended"]),
        (FreezeAccount(account=fresh.any, **texts()), ["AccountFrozen"]),
        (UnfreezeAccount(account=fresh.any, **texts()), ["AccountUnfrozen"]),
        (CloseAccount(account=fresh.any, **texts()), ["AccountClosed"]),
    ]
    for command, types in commands:
        before = office.position
        office.done(command)
        found = bodies(office, before)
        records = {record["position"]: record for record in office.records(after=before)}
        assert [records[position]["type"] for position in sorted(found)] == types
        for body in found.values():
            assert (body["narrative"], body["metadata"]) == (SECRET, METADATA)
            assert "legs" not in body or "correction" in records[max(found)]["payload"]
    assert not any(b"Erika" in state for state in office.states())


def test_the_texts_of_legs_go_with_the_entry_that_has_those_legs(office: Office) -> None:
    chart = office.chart()
    entry = id_of(office.done(transfer(chart.cash, chart.wallet, "1.00")))
    before = office.position
    right = legs(chart.cash, chart.wallet, "2.00", narrative=SECRET)
    office.done(Adjust(entry=entry, reason="wrong_amount", legs=right))
    reversal, replacement = (found for _, found in sorted(bodies(office, before).items()))
    assert "legs" not in reversal
    assert replacement["legs"] == [SECRET, SECRET]


def test_a_refusal_keeps_no_texts(office: Office) -> None:
    chart, before = office.chart(), office.position
    refused = office.do(transfer(chart.wallet, chart.merchant, "999.00", **texts()))
    assert refused.code == "insufficient_funds"
    assert bodies(office, before) == {}
    assert b"Erika" not in b"".join(office.states(after=before))


def test_a_fallen_group_leaves_no_texts(office: Office) -> None:
    chart, before = office.chart(), office.position
    office.group(entry_with_texts(chart), transfer(chart.wallet, chart.merchant, "999.00"))
    assert bodies(office, before) == {}


def test_the_digest_of_a_command_is_keyed(office: Office) -> None:
    """Without the ledger's secret an erased text can't be guessed from its command's digest."""
    chart, key = office.chart(), office.key()
    record = records_of(office.done(entry_with_texts(chart), key=key))[0]
    plain = sha256(msgspec.json.encode(entry_with_texts(chart))).hexdigest()
    assert record["command_digest"] != plain
    secret = office.query("SELECT secret FROM {}.secrets WHERE name = 'command_digest'")
    assert len(secret[0]["secret"]) == 32


@pytest.mark.parametrize(
    "command",
    [
        CreateLedger(id="other", name="O", functional_asset="USD", timezone="UTC", **texts()),
    ],
)
def test_a_ledger_may_be_created_with_texts(office: Office, command: CreateLedger) -> None:
    outcome = office.ledgers.create(command, key=office.key(), by=OPERATOR)
    assert outcome.status == "done"
    assert "private" in records_of(outcome)[0]["payload"]


def test_actors_and_keys_may_be_recorded_with_texts(office: Office) -> None:
    """A member that every command has must not bring any of them down."""
    writer = office.ledgers.writer("system")
    for command in (
        RecordActor(actor="ann", **texts()),
        IssueKey(key_id="k", key_sha256="00", actor="ann", roles=["clerk"], **texts()),
    ):
        [outcome] = writer.submit([(office.asked(command, by=OPERATOR),)])
        assert outcome.status == "done"
        assert b"Erika" not in outcome.stored[0].state


def test_texts_that_are_erased_are_gone_whenever_they_came(own_office: Office) -> None:
    """Before, in a commit of its own; or in the very commit that erases them."""
    office = own_office
    chart = office.chart()
    position = office.position
    old = id_of(office.done(entry_with_texts(chart)))
    assert len(bodies(office, position)) == 1
    fresh = str(uuid4())
    outcomes = office.all(
        msgspec.structs.replace(entry_with_texts(chart), id=fresh),
        EraseEntryTexts(entry=fresh),
        EraseEntryTexts(entry=old, narrative="Asked for in a letter"),
    )
    assert [outcome.code for outcome in outcomes] == [None, None, None]
    left = office.query("SELECT position, body FROM {}.private")
    assert [row["position"] for row in left] == [outcomes[2].position]
    office.done(Reverse(entry=old, reason="duplicate"))
    assert office.do(Reverse(entry=old, reason="duplicate")).code == "already_reversed"
