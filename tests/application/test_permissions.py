"""Which role may send which command."""

import pytest

from application.permissions import MAY, check
from domain.catalogue import DECISIONS
from domain.refusals import Forbidden
from tests.domain.faults import Good
from tests.domain.faulty_chart import CHART_CHANGES
from tests.domain.faulty_holds import HOLDS
from tests.domain.faulty_postings import POSTINGS

ROLES = ("operator", "controller", "clerk", "approver", "compliance", "auditor")

# The contract's sentences, written down once more.
OPERATORS = {"CreateLedger", "ListLedger", "RecordActor", "IssueKey", "RevokeKey", "ExpireHold"} | {
    "AddSigningKey",
    "RetireSigningKey",
    "AddWitness",
    "ContinueLedger",
}
CONTROLLERS = {
    "LockBooks",
    "RegisterAsset",
    "OpenJournal",
    "OpenAccount",
    "AmendAccount",
    "CloseAccount",
    "FreezeAccount",
    "UnfreezeAccount",
}
CLERKS = {
    "Post",
    "Reverse",
    "Adjust",
    "Authorize",
    "Increment",
    "Reduce",
    "Settle",
    "Void",
    "Release",
    "Refund",
    "Chargeback",
    "Representment",
}


def allowed(role: str, name: str) -> bool:
    if role == "operator":
        return name in OPERATORS
    if role == "clerk":
        return name in CLERKS
    return role == "controller" and name in CONTROLLERS | CLERKS


def test_every_command_has_a_rule() -> None:
    assert set(MAY) == set(DECISIONS)
    assert {kind.__name__ for kind in MAY} == OPERATORS | CONTROLLERS | CLERKS


SAMPLES = [*POSTINGS, *HOLDS, *CHART_CHANGES]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("good", SAMPLES, ids=lambda good: good.command.__name__)
def test_a_role_may_send_what_the_contract_says(good: Good, role: str) -> None:
    if allowed(role, good.command.__name__):
        check(good.sample(), frozenset({role}))
        check(good.sample(), frozenset(ROLES))
    else:
        with pytest.raises(Forbidden):
            check(good.sample(), frozenset({role}))


@pytest.mark.parametrize("good", SAMPLES, ids=lambda good: good.command.__name__)
def test_without_a_role_nothing_may_be_sent(good: Good) -> None:
    with pytest.raises(Forbidden) as forbidden:
        check(good.sample(), frozenset())
    assert forbidden.value.facts["do"] == good.command.__struct_config__.tag
    assert forbidden.value.detail
