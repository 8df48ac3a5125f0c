"""Rates, what is worked out from them, open items and revaluations: one row a rule."""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from domain.assets import Asset
from domain.calendar import EffectiveInFuture
from domain.corrections import Adjust, Reverse
from domain.entries import EntryPosted, Post
from domain.items import Opening, Relief
from domain.legs import Leg, UnbalancedFunctional, UnvaluedLeg
from domain.money import AmountNotPositive
from domain.rates import (
    Kind,
    RateNotFound,
    RateRecorded,
    RateUsed,
    RecordRate,
    half_even,
    shared_out,
    worth,
)
from domain.revaluations import (
    AbandonRevaluation,
    Figure,
    PostRevaluation,
    Revaluation,
    RevaluationAbandoned,
    RevaluationAsked,
    RevaluationPosted,
    Revalue,
)
from tests.domain.harness import TODAY, account, credit, debit, ledger

EUR, USD, JPY = (
    Asset("EUR", 2, "currency"),
    Asset("USD", 2, "currency"),
    Asset("JPY", 0, "currency"),
)


def rate(
    value: str, days_ago: int = 0, pair: str = "EUR/USD", kind: Kind | None = None, **more: Any
) -> RecordRate:
    base, quote = pair.split("/")
    on = TODAY - timedelta(days=days_ago)
    return RecordRate(base=base, quote=quote, kind=kind, rate=value, effective_on=on, **more)


CHART = ledger.given(
    account("receivable", asset="EUR", monetary=True),
    account("euros", asset="EUR", monetary=True),
    account("fx", "expense", asset=None, purpose="fx_difference"),
)


def swap(amount: str, on: date = TODAY, **more: Any) -> Post:
    """Euros on the receivable, out of the conversion account."""
    return Post(
        legs=[debit("receivable", amount, "EUR", **more), credit("conversion", amount, "EUR")],
        effective_on=on,
    )


def collect(amount: str, on: date = TODAY, **more: Any) -> Post:
    return Post(
        legs=[debit("euros", amount, "EUR"), credit("receivable", amount, "EUR", **more)],
        effective_on=on,
    )


def worths(event: EntryPosted) -> list[tuple[str, str, str, str | None]]:
    return [(leg.account, leg.side, leg.amount, leg.functional_amount) for leg in event.legs]


# -- rates


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


# -- items


BOOKED = CHART.given(rate("1.10", 5), swap("1000.00", TODAY - timedelta(days=5)), rate("1.08"))


def test_what_is_relieved_keeps_the_worth_at_which_it_came_in() -> None:
    posted = BOOKED.when(collect("1000.00")).only()
    assert worths(posted) == [
        ("euros", "debit", "1000.00", "1080.00"),
        ("receivable", "credit", "1000.00", "1100.00"),
        ("fx", "debit", "0.00", "20.00"),
    ]
    assert posted.legs[0].opens == Opening("1000.00", "1080.00")
    assert posted.legs[1].relieves == [Relief(1, "1000.00", "1100.00")]
    world = BOOKED.given(collect("1000.00")).world()
    assert world.books.open_items.get(("receivable", "EUR")) == ()


def test_a_gain_is_on_the_other_side() -> None:
    posted = BOOKED.given(rate("1.25")).when(collect("400.00")).only()
    assert worths(posted)[1:] == [
        ("receivable", "credit", "400.00", "440.00"),
        ("fx", "credit", "0.00", "60.00"),
    ]


def test_parts_of_an_item_add_up_to_its_worth() -> None:
    three = CHART.given(rate("1.1"), swap("1.00"), rate("1.0"))
    parts = [three.given(*[collect("0.33")] * n).when(collect("0.33")).only() for n in range(3)]
    last = three.given(*[collect("0.33")] * 3).when(collect("0.01")).only()
    taken = [part.legs[1].functional_amount for part in [*parts, last]]
    assert taken == ["0.36", "0.36", "0.37", "0.01"]


def test_fifo_or_what_is_named() -> None:
    """Two items: the older one first, but for who names the other; beyond them a new one."""
    two = CHART.given(
        rate("1.10"), swap("10.00", matches="R-1"), rate("1.20"), swap("10.00", matches="R-2")
    )
    first = two.when(collect("12.00")).only().legs[1]
    assert first.relieves == [Relief(1, "10.00", "11.00"), Relief(2, "2.00", "2.40")]
    named = two.when(collect("12.00", matches="R-2")).only().legs[1]
    assert named.relieves == [Relief(2, "10.00", "12.00"), Relief(1, "2.00", "2.20")]
    entry = f"g{len(two.what)}"
    assert two.when(collect("1.00", matches=entry)).only().legs[1].relieves[0].line == 2
    beyond = two.when(collect("25.00")).only().legs[1]
    assert beyond.functional_amount == "29.00"
    assert beyond.opens == Opening("5.00", "6.00")


def test_what_has_no_name_is_one_item_a_day() -> None:
    day = CHART.given(rate("1.10", 1), swap("1.00"), swap("2.00"), swap("3.00", matches="R"))
    world = day.given(swap("4.00", TODAY - timedelta(days=1))).world()
    assert world.books.open_items.get(("receivable", "EUR")) == (1, 3, 4)
    assert world.books.items.now["receivable", "EUR", 1].minor == 300
    assert day.when(swap("5.00")).only().legs[0].opens == Opening("5.00", "5.50", line=1)


def test_a_reversal_gives_back_what_was_relieved_or_opened() -> None:
    sold = f"g{len(BOOKED.what) - 1}"
    world = BOOKED.given(Reverse(entry=sold, reason="duplicate")).world()
    assert world.books.open_items.get(("receivable", "EUR")) == ()
    collected = f"g{len(BOOKED.what) + 1}"
    back = BOOKED.given(collect("1000.00")).when(Reverse(entry=collected, reason="duplicate"))
    reversal = back.events[0][1]
    assert isinstance(reversal, EntryPosted)
    assert reversal.legs[1].opens == Opening("1000.00", "1100.00")
    assert reversal.legs[0].relieves == [Relief(1, "1000.00", "1080.00")]


def test_a_replacement_relieves_what_the_reversal_gave_back() -> None:
    collected = f"g{len(BOOKED.what) + 1}"
    right = Adjust(entry=collected, reason="wrong_amount", legs=collect("900.00").legs)
    events = BOOKED.given(collect("1000.00")).when(right).events
    replacement = events[1][1]
    assert isinstance(replacement, EntryPosted)
    assert replacement.legs[1].relieves == [Relief(3, "900.00", "990.00")]
    assert worths(replacement)[2] == ("fx", "debit", "0.00", "18.00")
    world = BOOKED.given(collect("1000.00"), right).world()
    left = world.books.items.now["receivable", "EUR", 3]
    assert (left.minor, left.functional_minor) == (10_000, 11_000)


# -- where differences go


def test_differences_go_by_the_conversion_account_where_theirs_takes_the_own_asset_only() -> None:
    own = ledger.given(
        account("receivable", asset="EUR", monetary=True),
        account("euros", asset="EUR", monetary=True),
        account("fx", "expense", purpose="fx_difference"),
        rate("1.10"),
        swap("1000.00"),
        rate("1.08"),
    )
    assert worths(own.when(collect("1000.00")).only())[2:] == [
        ("fx", "debit", "20.00", None),
        ("conversion", "credit", "20.00", None),
        ("conversion", "debit", "0.00", "20.00"),
    ]


def test_without_an_account_of_theirs_differences_stay_on_the_conversion_account() -> None:
    bare = ledger.given(
        account("receivable", asset="EUR", monetary=True),
        account("euros", asset="EUR", monetary=True),
        rate("1.10"),
        swap("1000.00"),
        rate("1.08"),
    )
    posted = bare.when(collect("1000.00")).only()
    assert worths(posted)[2] == ("conversion", "debit", "0.00", "20.00")


def test_whose_client_says_so_may_have_a_worth_and_no_amount() -> None:
    legs = [
        debit("receivable", "0.00", "EUR", functional_amount="50.00"),
        credit("fx", "0.00", "EUR", functional_amount="50.00"),
    ]
    for kind in ("revaluation", "fx_difference"):
        posted = CHART.when(Post(legs=legs, class_=kind)).only()
        assert worths(posted)[0] == ("receivable", "debit", "0.00", "50.00")
    CHART.when(Post(legs=legs)).then(AmountNotPositive)
    CHART.when(Post(legs=legs, class_="adjusting")).then(AmountNotPositive)
    bare = [debit("receivable", "0.00", "EUR"), credit("fx", "0.00", "EUR")]
    CHART.when(Post(legs=bare, class_="revaluation")).then(AmountNotPositive)
    own = [debit("cash", "0.00", functional_amount="5.00"), credit("income", "0.00")]
    CHART.when(Post(legs=own, class_="revaluation")).then(AmountNotPositive)


def test_a_difference_that_was_asked_for_is_added() -> None:
    legs = [
        debit("euros", "1000.00", "EUR", functional_amount="1080.00"),
        credit("receivable", "1000.00", "EUR", functional_amount="1100.00"),
    ]
    posted = CHART.when(Post(legs=legs, class_="fx_difference")).only()
    assert worths(posted)[2] == ("fx", "debit", "0.00", "20.00")
    CHART.when(Post(legs=legs)).then(UnbalancedFunctional(difference="20.00"))


# -- revaluations

ASKED = f"g{len(CHART.what) + 3}"
WAITING = CHART.given(
    rate("1.15", kind="closing"), rate("0.0067", pair="JPY/USD", kind="closing"),
    Revalue(effective_on=TODAY),
)  # fmt: skip


def figure(account: str, balance: str, before: str, asset: str = "EUR") -> Figure:
    return Figure(account=account, asset=asset, balance=balance, functional_amount=before)


def test_it_is_asked_for_posted_once_or_abandoned() -> None:
    CHART.when(Revalue(effective_on=TODAY)).then(("new", RevaluationAsked(effective_on=TODAY)))
    none = PostRevaluation(revaluation=ASKED, known_position=7, figures=[])
    done = RevaluationPosted(effective_on=TODAY, known_position=7, entries=[])
    WAITING.when(none).then((ASKED, done))
    gone = AbandonRevaluation(revaluation=ASKED, code="rate_not_found", detail="None.")
    event = RevaluationAbandoned(code="rate_not_found", detail="None.")
    WAITING.when(gone).then((ASKED, event))
    assert WAITING.given(none).when(gone).code == "not_found"
    assert WAITING.given(none).world().books.revaluations.now[ASKED] == Revaluation(
        effective_on=TODAY, version=2, status="posted", known_position=7
    )


def test_an_entry_for_each_asset_brings_worth_to_the_closing_rate() -> None:
    figures = [
        figure("receivable", "1000.00", "1100.00"),
        figure("euros", "-10.00", "-12.00"),
        figure("conversion", "0.00", "3.00"),
        figure("yen", "1000", "6.70", "JPY"),
        figure("any", "-1001", "-6.00", "JPY"),
    ]
    command = PostRevaluation(revaluation=ASKED, known_position=7, figures=figures)
    (_, euros), (_, yen), (_, done) = WAITING.when(command).events
    assert isinstance(euros, EntryPosted)
    assert isinstance(yen, EntryPosted)
    assert worths(euros) == [
        ("receivable", "debit", "0.00", "50.00"),
        ("euros", "debit", "0.00", "0.50"),
        ("conversion", "credit", "0.00", "3.00"),
        ("fx", "credit", "0.00", "47.50"),
    ]
    assert worths(yen) == [("any", "credit", "0", "0.71"), ("fx", "debit", "0", "0.71")]
    assert euros.reverse_on == TODAY + timedelta(days=1)
    assert isinstance(done, RevaluationPosted)
    assert done.entries == ["new", "new.1"]


def test_unrealised_differences_may_have_an_account_of_their_own() -> None:
    own = WAITING.given(account("unrealised", "revenue", asset=None, purpose="fx_unrealised"))
    command = PostRevaluation(
        revaluation=ASKED, known_position=7, figures=[figure("euros", "1.00", "1.00")]
    )
    entry: Any = own.when(command).events[0][1]
    assert worths(entry)[1] == ("unrealised", "credit", "0.00", "0.15")


# -- properties

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


LIVES = st.lists(
    st.tuples(
        st.sampled_from(["sell", "collect", "rate", "reverse"]),
        st.integers(1, 5_000),
        st.sampled_from([None, "A", "B"]),
    ),
    min_size=1,
    max_size=14,
)


@for_all(lives=LIVES)
@settings(max_examples=25, deadline=None)
def test_whatever_happens_worth_is_even_and_items_are_what_accounts_hold(lives: Any) -> None:
    world = CHART.given(rate("1.1")).world()
    entries: list[str] = []
    for number, (kind, amount, name) in enumerate(lives):
        stream, text = f"e{number}", f"{amount // 100}.{amount % 100:02d}"
        if kind == "rate":
            world.do(rate(f"1.{amount}"), stream)
        elif kind == "reverse" and entries:
            world.do(Reverse(entry=entries.pop(amount % len(entries)), reason="data_entry"), stream)
        else:
            world.do((swap if kind == "sell" else collect)(text, matches=name), stream)
            entries.append(stream)
    legs = [leg for _, event in world.log if isinstance(event, EntryPosted) for leg in event.legs]
    assert_even(legs)
    for code in ("receivable", "euros"):
        held = sum(signed(leg, leg.amount) for leg in legs if leg.account == code)
        at_worth = sum(
            signed(leg, leg.functional_amount or "0") for leg in legs if leg.account == code
        )
        numbers = world.books.open_items.get((code, "EUR")) or ()
        items = [world.books.items.now[code, "EUR", number] for number in numbers]
        signs = [1 if item.side == "debit" else -1 for item in items]
        assert held == sum(s * item.minor for s, item in zip(signs, items, strict=True))
        assert all(item.minor > 0 for item in items)
        worth_of_items = sum(s * i.functional_minor for s, i in zip(signs, items, strict=True))
        if not any(kind == "reverse" for kind, _, _ in lives):
            assert at_worth == worth_of_items


def signed(leg: Leg, text: str) -> int:
    minor = int(text.replace(".", ""))
    return minor if leg.side == "debit" else -minor


def assert_even(legs: list[Leg]) -> None:
    assert sum(signed(leg, leg.functional_amount or "0") for leg in legs) == 0
    assert sum(signed(leg, leg.amount) for leg in legs) == 0
