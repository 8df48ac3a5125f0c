"""Ids and digests are for ever: vectors that no later version may change."""

import hashlib
import hmac
import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.identity import CommandIds
from domain.amendments import AmendAccount
from domain.authorizations import Authorize, Settle
from domain.commands import Command
from domain.entries import Post
from domain.legs import LegAsked

SECRET = bytes(range(32))
IDS = CommandIds(ledger="acme", secret=SECRET)

VECTORS: list[tuple[Command, str, str]] = [
    (
        Post(
            legs=[
                LegAsked(account="a", side="debit", amount="1.00", asset="USD"),
                LegAsked(account="b", side="credit", amount="1.00", asset="USD", narrative="n"),
            ],
            metadata={"k": "v"},
        ),
        (
            '{"do":"post","metadata":{"k":"v"},"legs":[{"account":"a","side":"debit","amount":"1.00",'
            '"asset":"USD"},{"account":"b","side":"credit","amount":"1.00","asset":"USD",'
            '"narrative":"n"}]}'
        ),
        "8a223bdd1d9a28d5c428004a7ccb30f7a61f6c1415fc82e91f0dbf8a1ff7d51f",
    ),
    (
        Authorize(debit="a", credit="b", amount="5", asset="USD", narrative="é"),
        '{"do":"authorize","narrative":"é","debit":"a","credit":"b","amount":"5","asset":"USD"}',
        "25bff92f64ec347047bbb9683a749facdad15405a2f7a89d3769c5c094bf055e",
    ),
    (
        Settle(authorization="x", final=False),
        '{"do":"settle","authorization":"x","final":false}',
        "bfdfa99bcd296e368d154f78f85f6a9107d0796f9474270b59dc0204c9ab7c6d",
    ),
    (
        AmendAccount(account="a", owner=None),
        '{"do":"amend_account","account":"a","owner":null}',
        "d041da25cb76a65d6d2da5ab9026409a1d91ea40d2c7be7f8ad9c93b6e12e845",
    ),
]


@pytest.mark.parametrize(("command", "text", "digest"), VECTORS)
def test_a_digest_is_the_hmac_of_the_command_as_it_came(
    command: Command, text: str, digest: str
) -> None:
    assert hmac.new(SECRET, text.encode(), hashlib.sha256).hexdigest() == digest
    assert IDS.digest(command) == (digest, len(text.encode()))
    assert json.loads(text)["do"] == command.__struct_config__.tag


def test_a_digest_takes_the_secret() -> None:
    command = Settle(authorization="x")
    assert CommandIds(ledger="acme", secret=bytes(32)).digest(command) != IDS.digest(command)


def test_a_command_id_is_a_uuid5_of_ledger_actor_and_key() -> None:
    found = IDS.command_id(actor="ann", key="order-1")
    assert found == "821bfa42-0982-5f01-b0a5-de6b431bbd72"
    namespace = uuid.uuid5(uuid.NAMESPACE_URL, "urn:backoffice:acme")
    assert found == str(uuid.uuid5(namespace, "ann\0order-1"))


@given(ledger=st.text("abz_09", min_size=1), actor=st.text(), key=st.text())
def test_it_is_what_the_standard_library_makes(ledger: str, actor: str, key: str) -> None:
    def encodable(text: str) -> str:
        return text.encode("utf-8", "replace").decode()

    actor, key = encodable(actor), encodable(key)
    namespace = uuid.uuid5(uuid.NAMESPACE_URL, "urn:backoffice:" + ledger)
    ids = CommandIds(ledger=ledger, secret=SECRET)
    assert ids.command_id(actor=actor, key=key) == str(uuid.uuid5(namespace, f"{actor}\0{key}"))


def test_ledgers_actors_and_keys_are_kept_apart() -> None:
    other = CommandIds(ledger="other", secret=SECRET)
    found = {
        IDS.command_id(actor="ann", key="1"),
        IDS.command_id(actor="ann1", key=""),
        IDS.command_id(actor="bob", key="1"),
        other.command_id(actor="ann", key="1"),
    }
    assert len(found) == 4


def test_ids_of_further_streams_are_stable_uuids_that_only_the_ledger_can_make() -> None:
    command_id = IDS.command_id(actor="ann", key="order-1")
    found = IDS.derived_id(command_id, 1)
    assert found == "11d9b0d0-c9ed-8021-aa8d-4873d1702909"
    parsed = uuid.UUID(found)
    assert (str(parsed), parsed.version, parsed.variant) == (found, 8, uuid.RFC_4122)
    assert IDS.derived_id(command_id, 2) != found
    stranger = CommandIds(ledger="acme", secret=bytes(32))
    assert stranger.derived_id(command_id, 1) != found
