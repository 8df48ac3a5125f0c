"""Which role may send which command."""

import pytest
from msgspec.structs import replace

from application.outcomes import Caller
from application.permissions import MAY, check, standing_of
from domain.baselines import SetBaseline
from domain.catalogue import DECISIONS
from domain.mandatory_settlements import SettleMandatory
from domain.refusals import Forbidden
from tests.domain.faults import Good
from tests.domain.faulty_chart import CHART_CHANGES
from tests.domain.faulty_holds import HOLDS
from tests.domain.faulty_periods import PERIODS
from tests.domain.faulty_postings import POSTINGS
from tests.domain.faulty_rates import RATES

ROLES = ("operator", "controller", "clerk", "approver", "compliance", "auditor")

# The contract's sentences, written down once more.
OPERATORS = {"CreateLedger", "ListLedger", "RecordActor", "IssueKey", "RevokeKey", "ExpireHold"} | {
    "AddSigningKey",
    "RetireSigningKey",
    "AddWitness",
    "ContinueLedger",
    "ConcludeClose",
    "AbandonClose",
    "PostRevaluation",
    "AbandonRevaluation",
}
CONTROLLERS = {
    "LockBooks",
    "SoftClosePeriod",
    "ClosePeriod",
    "ReopenPeriod",
    "FilePeriod",
    "RegisterAsset",
    "OpenJournal",
    "OpenAccount",
    "AmendAccount",
    "CloseAccount",
    "FreezeAccount",
    "UnfreezeAccount",
    "SettleMandatory",
    "SetLimit",
    "StateAccount",
    "RecordRate",
    "Revalue",
}
WATCHES = {
    "SetBaseline",
    "ApproveBaseline",
    "EraseEntryTexts",
    "EraseAuthorizationTexts",
    "EraseAccountTexts",
    "EraseEventTexts",
}
"""Controllers and compliance."""

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
    if role == "compliance":
        return name in WATCHES
    if role == "approver":
        return name in ("ReopenPeriod", "ApproveBaseline")
    return role == "controller" and name in CONTROLLERS | CLERKS | WATCHES


def test_every_command_has_a_rule() -> None:
    assert set(MAY) == set(DECISIONS)
    assert {kind.__name__ for kind in MAY} == (OPERATORS | CONTROLLERS | CLERKS | WATCHES)


SAMPLES = [*POSTINGS, *HOLDS, *CHART_CHANGES, *PERIODS, *RATES]


def caller(*roles: str, network_feed: bool = False) -> Caller:
    return Caller("ada", "k_1", frozenset(roles), "http", network_feed)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("good", SAMPLES, ids=lambda good: good.command.__name__)
def test_a_role_may_send_what_the_contract_says(good: Good, role: str) -> None:
    if allowed(role, good.command.__name__):
        check(good.sample(), caller(role))
        check(good.sample(), caller(*ROLES))
    else:
        with pytest.raises(Forbidden):
            check(good.sample(), caller(role))


@pytest.mark.parametrize("good", SAMPLES, ids=lambda good: good.command.__name__)
def test_without_a_role_nothing_may_be_sent(good: Good) -> None:
    with pytest.raises(Forbidden) as forbidden:
        check(good.sample(), caller())
    assert forbidden.value.facts["do"] == good.command.__struct_config__.tag
    assert forbidden.value.detail


CLEARED = SettleMandatory(authorization="a", amount="1.00")


@pytest.mark.parametrize("role", ROLES)
def test_a_networks_feed_settles_without_a_reason(role: str) -> None:
    check(CLEARED, caller(role, network_feed=True))
    with pytest.raises(Forbidden):
        check(CLEARED, caller(role))


def test_a_controller_settles_with_a_reason() -> None:
    check(replace(CLEARED, reason="feed_down"), caller("controller"))
    with pytest.raises(Forbidden) as forbidden:
        check(replace(CLEARED, reason="feed_down"), caller("clerk"))
    assert forbidden.value.facts["needed"] == "controller"


def test_a_feed_may_do_nothing_else_beyond_its_roles() -> None:
    with pytest.raises(Forbidden):
        check(POSTINGS[0].sample(), caller("auditor", network_feed=True))


def test_nobody_asks_themselves_to_approve_a_baseline() -> None:
    """Nor that of somebody on whose behalf they send it."""
    baseline = SetBaseline(
        account="a", unit_amount="1", units={"2025-01": "1"}, source="Lease", approver="ada"
    )
    with pytest.raises(Forbidden) as forbidden:
        check(baseline, caller("controller"))
    assert forbidden.value.facts["needed"] == "an approver who is not its author"
    check(replace(baseline, approver="bob"), caller("controller"))
    check(replace(baseline, approver=None), caller("controller"))
    with pytest.raises(Forbidden):
        check(replace(baseline, approver="bob", on_behalf_of="bob"), caller("controller"))


def test_who_posts_into_which_days() -> None:
    assert standing_of(caller("clerk", "approver")) == "clerk"
    assert standing_of(caller("clerk", "controller")) == "controller"
    worker = Caller("system", None, frozenset({"operator"}), "worker")
    assert standing_of(worker) == "clerk"
    assert standing_of(replace(worker, roles=frozenset({"controller"}))) == "closing"
