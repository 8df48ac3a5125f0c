"""Rates, and what is worked out from them: one row a rule."""

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from domain.calendar import EffectiveInFuture
from domain.entries import Post
from domain.legs import UnbalancedFunctional, UnvaluedLeg
from domain.money import AmountNotPositive
from domain.rates import (
    RateNotFound,
    RateRecorded,
    RateUsed,
    RecordRate,
    half_even,
    shared_out,
    worth,
)
from tests.domain.exchanging import CHART, EUR, JPY, rate, swap, worths
from tests.domain.harness import TODAY, credit, debit, ledger


def test_a_rate_is_recorded_and_corrected_in_its_stream() -> None:
    first = rate("1.10", kind="closing", source="ECB")
    event = RateRecorded(
        base="EUR", quote="USD", kind="closing", rate="1.10", effective_on=TODAY, source="ECB"
    )
    ledger.when(first).then(("new", event))
    stream = f"g{len(ledger.what) + 1}"
    right = RateRecorded(
        base="EUR", quote="USD", kind="closing", rate="1.12", effective_on=TODAY, replaces="1.10"
    )
    ledger.given(first).when(rate("1.12", kind="closing")).then((stream, right))
    world = ledger.given(first, rate("1.12", kind="closing")).world()
    facts = world.books.rates.now["EUR", "USD", "closing", TODAY].facts
    assert [fact.rate for fact in facts] == ["1.10", "1.12"]


def test_a_rate_must_be_of_something_and_above_zero() -> None:
    ledger.when(rate("0.000")).then(AmountNotPositive)
    tomorrow = RecordRate(base="EUR", quote="USD", rate="1", effective_on=TODAY + timedelta(days=1))
    ledger.when(tomorrow).then(EffectiveInFuture)


@pytest.mark.parametrize(
    ("rates", "value"),
    [
        ([rate("1.10")], "110.00"),
        ([rate("1.10", 7)], "110.00"),
        ([rate("1.10", 3), rate("1.20", 2), rate("1.30", 5)], "120.00"),
        ([rate("1.10"), rate("1.20")], "120.00"),
        ([rate("1.10", 7), rate("9", kind="closing"), rate("9", kind="average")], "110.00"),
        ([rate("0.8", pair="USD/EUR")], "125.00"),
        ([rate("0.8", 1, pair="USD/EUR"), rate("1.10", 2)], "125.00"),
        ([rate("0.8", 1, pair="USD/EUR"), rate("1.10", 1)], "110.00"),
    ],
)
def test_the_newest_rate_values(rates: list[RecordRate], value: str) -> None:
    posted = CHART.given(*rates).when(swap("100.00")).only()
    assert worths(posted) == [
        ("receivable", "debit", "100.00", value),
        ("conversion", "credit", "100.00", value),
    ]


@pytest.mark.parametrize(
    "rates", [[rate("1.10", 8)], [rate("1.10", 0, kind="closing")], [rate("1", 8, "USD/EUR")]]
)
def test_a_pair_that_has_rates_needs_one_of_the_day(rates: list[RecordRate]) -> None:
    CHART.given(*rates).when(swap("100.00")).then(RateNotFound)


def test_what_never_had_a_rate_goes_without_where_it_is_alone() -> None:
    posted = CHART.given(rate("130", pair="USD/JPY")).when(swap("100.00")).only()
    assert worths(posted)[0] == ("receivable", "debit", "100.00", None)
    mixed = Post(legs=[*swap("1.00").legs, debit("cash", "1.00"), credit("income", "1.00")])
    CHART.when(mixed).then(UnvaluedLeg(leg=1, account="receivable"))


def test_what_is_given_stands() -> None:
    given_all = Post(
        legs=[
            debit("receivable", "1.00", "EUR", functional_amount="5.00"),
            credit("conversion", "1.00", "EUR", functional_amount="5.00"),
        ]
    )
    posted = CHART.given(rate("1.10")).when(given_all).only()
    assert [leg.functional_amount for leg in posted.legs] == ["5.00", "5.00"]
    assert [leg.rate for leg in posted.legs] == [None, None]
    one = Post(legs=[given_all.legs[0], credit("conversion", "1.00", "EUR")])
    CHART.given(rate("1.10")).when(one).then(UnbalancedFunctional(difference="3.90"))


def test_an_amount_is_shared_out_among_legs() -> None:
    """Three thirds of 0.10 euros at 1.05: 0.105 is 0.10, half to even, on both sides."""
    legs = [debit("receivable", "0.03", "EUR") for _ in range(2)]
    legs += [debit("receivable", "0.04", "EUR"), credit("conversion", "0.10", "EUR")]
    posted = CHART.given(rate("1.05")).when(Post(legs=legs)).only()
    assert [leg.functional_amount for leg in posted.legs] == ["0.03", "0.03", "0.04", "0.10"]


def test_a_difference_of_rounding_has_a_line_of_its_own() -> None:
    legs = [
        debit("receivable", "1.00", "EUR", functional_amount="1.11"),
        credit("conversion", "1.00", "EUR"),
    ]
    posted = CHART.given(rate("1.10")).when(Post(legs=legs)).only()
    assert worths(posted)[2] == ("fx", "credit", "0.00", "0.01")
    assert posted.class_ == "fx_difference"


many = settings(max_examples=40, deadline=None)
MINOR = st.integers(0, 10**12)
RATES = st.tuples(st.integers(1, 10**9), st.integers(0, 9)).map(
    lambda pair: f"{pair[0] // 10 ** pair[1]}.{pair[0] % 10 ** pair[1]:0{pair[1] or 1}d}"
)


@for_all(numerator=st.integers(-(10**20), 10**20), denominator=st.integers(1, 10**9))
@many
def test_half_even_is_what_fractions_round_to(numerator: int, denominator: int) -> None:
    assert half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@for_all(total=MINOR, weights=st.lists(MINOR, min_size=1, max_size=9).filter(any))
@many
def test_shares_add_up_and_none_is_a_whole_unit_off(total: int, weights: list[int]) -> None:
    shares = shared_out(total, weights)
    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        assert abs(Fraction(total * weight, sum(weights)) - share) < 1


@for_all(minor=MINOR, text=RATES.filter(lambda text: text.strip("0.")), turned=st.booleans())
@many
def test_worth_is_exact_to_half_a_unit(minor: int, text: str, turned: bool) -> None:
    base, quote = ("JPY", "EUR") if turned else ("EUR", "JPY")
    used = RateUsed(base, quote, "spot", text, TODAY)
    exact = Fraction(minor, 100) * (1 / Fraction(text) if turned else Fraction(text))
    if exact < 10**17:
        assert worth(minor, EUR, used, JPY) == round(exact)
