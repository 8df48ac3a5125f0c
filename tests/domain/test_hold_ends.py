"""How a hold ends: for good, voided, released or by its time; and what it then says of itself."""

from datetime import timedelta
from typing import Any

import pytest

from domain.authorizations import (
    AuthorizationHasExpired,
    AuthorizationIsClosed,
    ExpiresInPast,
)
from domain.commands import Command
from domain.freezes import FreezeAccount
from domain.hold_ends import Release, SettlementExists, Void, expire
from domain.holds import (
    AuthorizationExpired,
    AuthorizationReleased,
    AuthorizationVoided,
)
from domain.refusals import Refusal
from tests.domain.harness import (
    NOW,
    fund,
    ledger,
    transfer,
)
from tests.domain.holding import HOLD, authorize, held, settle, state


def test_void_takes_back_a_hold_of_which_nothing_was_settled() -> None:
    held().when(Void(authorization=HOLD, reference="V")).then(
        (
            HOLD,
            AuthorizationVoided(
                amount="100.00",
                authorization=state(held="0.00", closed_as="voided"),
                reference="V",
            ),
        )
    )
    held().given(settle("0.01")).when(Void(authorization=HOLD)).then(
        SettlementExists(settled="0.01")
    )


def test_release_gives_back_what_remains_at_any_time() -> None:
    held().given(settle("60")).when(Release(authorization=HOLD)).then(
        (
            HOLD,
            AuthorizationReleased(
                amount="40.00",
                authorization=state(
                    settled="60.00", held="0.00", settlements=1, closed_as="released"
                ),
            ),
        )
    )
    nothing_left = held().given(settle()).when(Release(authorization=HOLD)).only()
    assert nothing_left.amount == "0.00"


def test_a_frozen_account_still_gives_its_holds_back() -> None:
    frozen = held().given(FreezeAccount(account="wallet"), FreezeAccount(account="merchant"))
    assert frozen.when(Void(authorization=HOLD)).code is None
    assert frozen.when(Release(authorization=HOLD)).code is None
    assert frozen.when(settle("100")).code is None


VERBS: list[Command] = [settle("1"), Void(authorization=HOLD), Release(authorization=HOLD)]
ENDS: list[tuple[str, Command]] = [
    ("voided", Void(authorization=HOLD)),
    ("released", Release(authorization=HOLD)),
    ("final", settle("1", final=True)),
]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: type(verb).__name__)
@pytest.mark.parametrize(("closed_as", "end"), ENDS)
def test_after_its_end_no_verb_does_anything(closed_as: str, end: Command, verb: Command) -> None:
    held().given(end).when(verb).then(
        AuthorizationIsClosed(authorization=HOLD, closed_as=closed_as)
    )


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: type(verb).__name__)
def test_after_its_time_no_verb_does_anything(verb: Command) -> None:
    late = held(expires_in_seconds=60).after(seconds=60)
    expired = AuthorizationHasExpired(authorization=HOLD)
    late.when(verb).then(expired)
    late.given((HOLD, expiry())).when(verb).then(expired)


def expiry(**more: object) -> AuthorizationExpired:
    after = state(held="0.00", closed_as="expired", expires_at=NOW + timedelta(seconds=60), **more)
    return AuthorizationExpired(amount="100.00", authorization=after)


def test_a_hold_is_due_at_its_very_moment() -> None:
    world = held(expires_in_seconds=60).world()
    world.pass_time(timedelta(seconds=60) - timedelta(microseconds=1))
    assert expire(world.books, HOLD, world.at) is None
    world.pass_time(timedelta(microseconds=1))
    assert expire(world.books, HOLD, world.at) == expiry()


def test_an_expired_hold_frees_its_funds_and_can_be_settled_no_more() -> None:
    late = held(funds="100.00", expires_in_seconds=60).after(seconds=60)
    world = late.world()
    with pytest.raises(AuthorizationHasExpired):
        world.do(settle("1"), "late")
    assert world.log[-1] == (HOLD, expiry())
    assert world.do(transfer("wallet", "income", "100.00"), "spent")


def test_what_was_settled_in_parts_expires_for_the_rest() -> None:
    world = held(expires_in_seconds=60).given(settle("60")).after(seconds=61).world()
    event = expire(world.books, HOLD, world.at)
    assert event is not None
    assert (event.amount, event.authorization.settled) == ("40.00", "60.00")
    assert event.authorization.status == "partially_settled"


def test_nothing_expires_that_is_closed_or_has_no_time() -> None:
    for past in (held(), held(expires_in_seconds=60).given(Void(authorization=HOLD))):
        world = past.after(days=9999).world()
        assert expire(world.books, HOLD, world.at) is None
        assert expire(world.books, "unknown", world.at) is None


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({"expires_at": NOW}, ExpiresInPast),
        ({"expires_at": NOW - timedelta(days=1)}, ExpiresInPast),
        ({"expires_at": NOW + timedelta(microseconds=1)}, None),
        ({"expires_in_seconds": 0}, ExpiresInPast),
        ({"expires_in_seconds": -1}, ExpiresInPast),
        ({"expires_in_seconds": 1}, None),
    ],
)
def test_a_hold_must_end_later_than_now(
    more: dict[str, Any], outcome: type[Refusal] | None
) -> None:
    when = ledger.given(fund("wallet", "100.00")).when(authorize(**more))
    assert when.code == (outcome and outcome.code)


# Status -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("commands", "status"),
    [
        ([], "authorized"),
        ([settle("60")], "partially_settled"),
        ([settle("60", final=True)], "partially_settled"),
        ([settle("60"), Release(authorization=HOLD)], "partially_settled"),
        ([settle("100")], "settled"),
        ([settle("100"), Release(authorization=HOLD)], "settled"),
        ([settle("115")], "settled"),
        ([Void(authorization=HOLD)], "voided"),
        ([Release(authorization=HOLD)], "released"),
    ],
)
def test_the_status_tells_what_was_settled_or_how_it_ended(
    commands: list[Command], status: str
) -> None:
    world = held(over_settle_percent="15").given(*commands).world()
    found = world.books.authorizations.get(HOLD)
    assert found is not None
    assert found.status == status


def test_a_hold_of_which_nothing_was_settled_expires_as_expired() -> None:
    assert expiry().authorization.status == "expired"
