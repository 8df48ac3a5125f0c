"""Increment and reduce: a hold grows and shrinks while it is open."""

import pytest

from domain.balances import InsufficientFunds
from domain.commands import Command
from domain.corrections import Reverse
from domain.hold_ends import Release, SettlementExists, Void
from domain.holds import AuthorizationIncremented, AuthorizationReduced
from domain.increments import Increment, Reduce, ReductionTooLarge
from domain.money import AmountTooLarge
from tests.domain.harness import CHART, fund
from tests.domain.holding import HOLD, found, held, settle, state, wallet


def increment(amount: str, **more: object) -> Increment:
    return Increment(authorization=HOLD, amount=amount, **more)  # type: ignore[arg-type]


def reduce(amount: str, **more: object) -> Reduce:
    return Reduce(authorization=HOLD, amount=amount, **more)  # type: ignore[arg-type]


def test_an_increment_adds_to_the_hold() -> None:
    held().when(increment("20.5", reference="I")).then(
        (
            HOLD,
            AuthorizationIncremented(
                amount="20.50",
                authorization=state(authorized="120.50", held="120.50"),
                reference="I",
            ),
        )
    )
    assert wallet(held().given(increment("20.50"))) == ("1000.00", "120.50")


@pytest.mark.parametrize(("amount", "code"), [("50.00", None), ("50.01", "insufficient_funds")])
def test_an_increment_finds_its_funds_like_a_new_hold(amount: str, code: str | None) -> None:
    assert held(funds="150.00").when(increment(amount)).code == code


def test_what_is_missing_for_an_increment_is_told() -> None:
    held(funds="150.00").when(increment("50.01")).then(
        InsufficientFunds(account="wallet", available="50.00", asked="50.01")
    )


def test_an_increment_raises_the_ceiling() -> None:
    """(100.00 + 20.00) x 1.15 = 138.00"""
    grown = held(over_settle_percent="15").given(increment("20.00"))
    assert grown.when(settle("138.00")).code is None
    assert grown.when(settle("138.01")).code == "over_settlement"


def test_after_settling_in_full_an_increment_is_held_anew() -> None:
    grown = held().given(settle("100.00"), increment("30.00"))
    assert (found(grown).status, found(grown).held) == ("partially_settled", "30.00")


@pytest.mark.parametrize(
    ("amount", "held_after"), [("5.00", "0.00"), ("10.00", "0.00"), ("10.01", "0.01")]
)
def test_what_was_settled_beyond_the_hold_is_not_held_again(amount: str, held_after: str) -> None:
    """110.00 of 100.00 are settled: the first 10.00 more have had their funds."""
    over = held(over_settle_percent="15").given(settle("110.00"))
    assert found(over.given(increment(amount))).held == held_after


@pytest.mark.parametrize(("amount", "code"), [("0.99", None), ("1.00", "amount_too_large")])
def test_a_hold_as_a_whole_stays_below_the_limit_of_an_amount(
    amount: str, code: str | None
) -> None:
    rich = held("9999999999999999.00", funds="9999999999999999.99").given(fund("wallet", "5.00"))
    when = rich.when(increment(amount))
    assert when.code == code
    if code is not None:
        when.then(AmountTooLarge(asked="10000000000000000.00"))


def test_a_reduction_takes_a_part_back() -> None:
    held().when(reduce("40", reference="R")).then(
        (
            HOLD,
            AuthorizationReduced(
                amount="40.00", authorization=state(authorized="60.00", held="60.00"), reference="R"
            ),
        )
    )
    assert wallet(held().given(reduce("40.00"))) == ("1000.00", "60.00")


def test_a_reduction_lowers_the_ceiling() -> None:
    """(100.00 - 40.00) x 1.15 = 69.00"""
    smaller = held(over_settle_percent="15").given(reduce("40.00"))
    assert smaller.when(settle("69.00")).code is None
    assert smaller.when(settle("69.01")).code == "over_settlement"


def test_reduced_to_zero_with_nothing_settled_it_is_void() -> None:
    (event,) = [event for _, event in held().when(reduce("100.00")).events]
    assert event == AuthorizationReduced(
        amount="100.00", authorization=state(authorized="0.00", held="0.00", closed_as="voided")
    )
    assert event.authorization.status == "voided"
    assert held().given(reduce("100.00")).when(settle("1.00")).code == "authorization_closed"


def test_reduced_to_what_is_settled_it_is_settled_and_open() -> None:
    reduced = held().given(settle("60.00"), reduce("40.00"))
    left = found(reduced)
    assert (left.status, left.held, left.closed_as) == ("settled", "0.00", None)
    assert reduced.when(increment("1.00")).code is None


@pytest.mark.parametrize(
    ("before", "reducible", "beyond"),
    [
        ([], "100.00", "100.01"),
        ([settle("60.00")], "40.00", "40.01"),
        ([settle("100.00")], "0.00", "0.01"),
        ([settle("110.00")], "0.00", "0.01"),
        ([increment("20.00"), settle("60.00")], "60.00", "60.01"),
    ],
)
def test_it_is_never_reduced_below_what_is_settled(
    before: list[Command], reducible: str, beyond: str
) -> None:
    world = held(over_settle_percent="15").given(*before)
    world.when(reduce(beyond)).then(ReductionTooLarge(reducible=reducible, asked=beyond))
    if reducible != "0.00":
        assert world.when(reduce(reducible)).code is None


def test_what_a_reversal_did_not_hold_again_is_not_freed_by_a_reduction() -> None:
    """Of 100.00, 60.00 were settled and taken back: 40.00 are held still."""
    taken_back = held().given(settle("60.00"), Reverse(entry=settled_entry(), reason="duplicate"))
    assert found(taken_back.given(reduce("30.00"))).held == "10.00"
    half = found(taken_back.given(reduce("50.00")))
    assert (half.authorized, half.held) == ("50.00", "0.00")
    ended = found(taken_back.given(reduce("100.00")))
    assert (ended.status, ended.closed_as) == ("released", "released")


def test_what_was_ever_settled_is_not_void() -> None:
    taken_back = held().given(settle("60.00"), Reverse(entry=settled_entry(), reason="duplicate"))
    taken_back.when(Void(authorization=HOLD)).then(SettlementExists)
    assert taken_back.when(Release(authorization=HOLD)).code is None


def settled_entry() -> str:
    return f"g{len(CHART) + 3}"
