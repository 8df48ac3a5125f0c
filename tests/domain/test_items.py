"""Open items: what comes in at a worth is relieved at it, and where the difference goes."""

from datetime import timedelta
from typing import Any

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from domain.books import Books
from domain.commands import Event
from domain.corrections import Adjust, Reverse
from domain.entries import EntryPosted, Post
from domain.items import Opening, Relief
from domain.legs import Leg, UnbalancedFunctional
from domain.money import AmountNotPositive
from tests.domain.exchanging import CHART, collect, rate, swap, worths
from tests.domain.harness import TODAY, account, credit, debit, ledger

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
    assert open_lines(world.books) == []


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
    assert open_lines(world.books) == [1, 3, 4]
    assert world.books.items.now["receivable", "EUR", 1].minor == 300
    assert day.when(swap("5.00")).only().legs[0].opens == Opening("5.00", "5.50", line=1)


def test_a_reversal_gives_back_what_was_relieved_or_opened() -> None:
    sold = f"g{len(BOOKED.what) - 1}"
    world = BOOKED.given(Reverse(entry=sold, reason="duplicate")).world()
    assert open_lines(world.books) == []
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


LIVES = st.lists(
    st.tuples(
        st.sampled_from(["sell", "sell", "collect", "collect", "rate", "reverse"]),
        st.integers(1, 5_000),
        st.sampled_from([None, "A", "B", "e1", "e2"]),
    ),
    min_size=15,
    max_size=30,
)


@for_all(lives=LIVES)
@settings(max_examples=25, deadline=None)
def test_whatever_happens_worth_is_even_and_items_are_what_accounts_hold(lives: Any) -> None:
    world = CHART.given(rate("1.1", 1)).world()
    entries: list[str] = []
    for number, (kind, amount, name) in enumerate(lives):
        stream, text = f"e{number}", f"{amount // 100}.{amount % 100:02d}"
        if kind == "rate":
            world.do(rate(f"1.{amount}"), stream)
        elif kind == "reverse" and entries:
            world.do(Reverse(entry=entries.pop(amount % len(entries)), reason="data_entry"), stream)
        else:
            on = TODAY - timedelta(days=amount % 2)
            command = (swap if kind == "sell" else collect)(text, on, matches=name)
            order = expected_order(world.books, "credit" if kind == "sell" else "debit", name)
            # What is decided in a group that falls leaves no trace.
            world.books.begin_group()
            first = world.do(command, stream)
            world.books.drop_group()
            assert (
                expected_order(world.books, "credit" if kind == "sell" else "debit", name) == order
            )
            assert world.do(command, stream) == first
            del world.log[-len(first) :]
            (leg,) = (leg for leg in posted_legs(first) if leg.account == "receivable")
            taken = [part.line for part in leg.relieves or ()]
            assert taken == order[: len(taken)]
            entries.append(stream)
    legs = posted_legs(world.log)
    assert_even(legs)
    for code in ("receivable", "euros"):
        held = sum(signed(leg, leg.amount) for leg in legs if leg.account == code)
        at_worth = sum(
            signed(leg, leg.functional_amount or "0") for leg in legs if leg.account == code
        )
        lines = open_lines(world.books, code)
        items = [world.books.items.now[code, "EUR", line] for line in lines]
        signs = [1 if item.side == "debit" else -1 for item in items]
        assert held == sum(s * item.minor for s, item in zip(signs, items, strict=True))
        assert all(item.minor > 0 for item in items)
        worth_of_items = sum(s * i.functional_minor for s, i in zip(signs, items, strict=True))
        if not any(kind == "reverse" for kind, _, _ in lives):
            assert at_worth == worth_of_items


def posted_legs(events: list[tuple[str, Event]]) -> list[Leg]:
    return [leg for _, event in events if isinstance(event, EntryPosted) for leg in event.legs]


def expected_order(books: Books, side: str, name: str | None) -> list[int]:
    """The items of a side, by looking at each: what is named, then as they came in."""
    items = {line: books.items.now["receivable", "EUR", line] for line in open_lines(books)}
    of_side = [line for line, item in items.items() if item.side == side]
    named = [line for line in of_side if name in (items[line].name, items[line].entry) and name]
    return [*named, *(line for line in of_side if line not in named)]


def open_lines(books: Books, account: str = "receivable") -> list[int]:
    """The lines whose items are open, as the pile finds them: those on the shelf, and no others."""
    pile = books.items.pile(account, "EUR")
    lines = sorted([*pile.of_side("debit"), *pile.of_side("credit")])
    on_shelf = sorted(
        key[2] for key, item in books.items.now.items() if item.minor and key[0] == account
    )
    assert lines == on_shelf
    return lines


def signed(leg: Leg, text: str) -> int:
    minor = int(text.replace(".", ""))
    return minor if leg.side == "debit" else -minor


def assert_even(legs: list[Leg]) -> None:
    assert sum(signed(leg, leg.functional_amount or "0") for leg in legs) == 0
    assert sum(signed(leg, leg.amount) for leg in legs) == 0
