"""Reverse and adjust: what was posted is taken back, and perhaps replaced."""

from datetime import date, timedelta

import pytest

from domain.amendments import AmendAccount
from domain.calendar import EffectiveInFuture
from domain.commands import NarrativeRequired
from domain.corrections import (
    Adjust,
    AlreadyReversed,
    ReversalOfReversal,
    Reverse,
)
from domain.entries import EntryAdjusted, EntryPosted, EntryReversed, Post
from domain.journals import OpenJournal
from domain.ledgers import LockBooks
from domain.legs import Leg, Unbalanced
from tests.domain.harness import (
    CHART,
    TODAY,
    Given,
    When,
    credit,
    debit,
    fund,
    ledger,
    transfer,
)

EARLIER = TODAY - timedelta(days=20)
ENTRY = f"g{len(CHART) + 2}"
POSTED = Post(
    journal="SALES",
    class_="adjusting",
    effective_on=EARLIER,
    value_on=EARLIER,
    reference="first",
    legs=[
        debit("cash", "5.00", party="p", dimensions={"d": "1"}, due_on=TODAY, matches="m"),
        credit("income", "5.00"),
    ],
)
past = ledger.given(OpenJournal(code="SALES", name="Sales"), POSTED)
DUPLICATE = Reverse(entry=ENTRY, reason="duplicate")


def adjust(amount: str = "6.00", **more: object) -> Adjust:
    legs = [debit("cash", amount), credit("income", amount)]
    fields = {"entry": ENTRY, "reason": "wrong_amount", "legs": legs, **more}
    return Adjust(**fields)  # type: ignore[arg-type]


def entries(when: When) -> list[EntryPosted]:
    assert when.refusal is None, when.refusal
    return [event for _, event in when.events if isinstance(event, EntryPosted)]


def test_a_reversal_swaps_the_sides_and_names_what_it_corrects() -> None:
    past.when(Reverse(entry=ENTRY, reason="duplicate", reference="back")).then(
        (
            "new",
            EntryPosted(
                journal="SALES",
                voucher_no=2,
                fiscal_year=2026,
                class_="adjusting",
                effective_on=EARLIER,
                reference="back",
                corrects=ENTRY,
                correction="reversal",
                legs=[
                    Leg(
                        "cash",
                        "credit",
                        "5.00",
                        "USD",
                        2,
                        "0.00",
                        None,
                        "p",
                        {"d": "1"},
                        TODAY,
                        "m",
                    ),
                    Leg("income", "debit", "5.00", "USD", 2, "0.00"),
                ],
            ),
        ),
        (ENTRY, EntryReversed(reversal="new")),
    )


def test_an_adjustment_is_reversal_and_replacement_linked_both_ways() -> None:
    when = past.when(adjust())
    reversal, replacement = entries(when)
    assert [stream for stream, _ in when.events] == ["new", "new.1", ENTRY]
    assert when.events[2][1] == EntryAdjusted(reversal="new", replacement="new.1")
    assert (reversal.correction, replacement.correction) == ("reversal", "replacement")
    assert (reversal.corrects, replacement.corrects) == (ENTRY, ENTRY)
    assert (reversal.voucher_no, replacement.voucher_no) == (2, 3)
    assert (reversal.class_, replacement.class_) == ("adjusting", "adjusting")
    assert (reversal.journal, replacement.journal) == ("SALES", "SALES")
    assert [(leg.line, leg.balance) for leg in reversal.legs] == [(2, "0.00"), (2, "0.00")]
    assert [(leg.line, leg.balance) for leg in replacement.legs] == [(3, "6.00"), (3, "6.00")]


def test_functional_amounts_are_taken_back_as_they_were() -> None:
    legs = [
        debit("any", "3.00", "EUR", functional_amount="3.30"),
        credit("conversion", "3.00", "EUR", functional_amount="3.30"),
    ]
    world = ledger.given(fund("wallet", "1.00"), Post(legs=legs))
    (reversal,) = entries(world.when(DUPLICATE))
    assert [leg.functional_amount for leg in reversal.legs] == ["3.30", "3.30"]
    assert [leg.side for leg in reversal.legs] == ["credit", "debit"]


def test_an_entry_is_taken_back_once() -> None:
    reversed_ = past.given(DUPLICATE)
    reversal = f"g{len(reversed_.what)}"
    reversed_.when(DUPLICATE).then(AlreadyReversed(entry=ENTRY, reversal=reversal))
    reversed_.when(adjust()).then(AlreadyReversed)
    past.given(adjust()).when(DUPLICATE).then(AlreadyReversed)


def test_a_reversal_is_not_taken_back_a_replacement_is() -> None:
    adjusted = past.given(adjust())
    number = len(adjusted.what)
    reversal, replacement = f"g{number}", f"g{number}.1"
    adjusted.when(Reverse(entry=reversal, reason="duplicate")).then(ReversalOfReversal)
    adjusted.when(adjust(entry=reversal)).then(ReversalOfReversal)
    (again,) = entries(adjusted.when(Reverse(entry=replacement, reason="duplicate")))
    assert again.corrects == replacement
    assert entries(adjusted.when(adjust("7.00", entry=replacement)))[1].legs[0].balance == "7.00"


@pytest.mark.parametrize("narrative", [None, ""])
def test_the_reason_other_needs_a_narrative(narrative: str | None) -> None:
    past.when(Reverse(entry=ENTRY, reason="other", narrative=narrative)).then(NarrativeRequired)
    past.when(adjust(reason="other", narrative=narrative)).then(NarrativeRequired)
    assert past.when(Reverse(entry=ENTRY, reason="other", narrative="why")).code is None


# Days ---------------------------------------------------------------------------------------


def days(when: When) -> list[tuple[date, date | None, bool]]:
    return [(one.effective_on, one.relates_to, one.prior_period) for one in entries(when)]


def locked(through: date) -> Given:
    return past.given(LockBooks(through=through))


def test_a_correction_is_dated_like_what_it_corrects() -> None:
    assert days(past.when(DUPLICATE)) == [(EARLIER, None, False)]
    assert days(past.when(adjust())) == [(EARLIER, None, False)] * 2


def test_where_those_books_are_locked_it_takes_the_first_open_day() -> None:
    first_open = EARLIER + timedelta(days=1)
    assert days(locked(EARLIER).when(DUPLICATE)) == [(first_open, EARLIER, True)]
    assert days(locked(EARLIER).when(adjust())) == [(first_open, EARLIER, True)] * 2
    day_before = EARLIER - timedelta(days=1)
    assert days(locked(day_before).when(DUPLICATE)) == [(EARLIER, None, False)]
    yesterday = TODAY - timedelta(days=1)
    assert days(locked(yesterday).when(DUPLICATE)) == [(TODAY, EARLIER, True)]


def test_where_today_is_locked_there_is_no_open_day_yet() -> None:
    locked(TODAY).when(DUPLICATE).then(EffectiveInFuture(today=TODAY.isoformat()))


def test_a_correction_may_have_another_day() -> None:
    asked = Reverse(entry=ENTRY, reason="duplicate", effective_on=TODAY)
    assert days(past.when(asked)) == [(TODAY, EARLIER, False)]
    both = adjust(effective_on=TODAY, replacement_effective_on=EARLIER)
    assert days(past.when(both)) == [(TODAY, EARLIER, False), (EARLIER, None, False)]
    only_replacement = adjust(replacement_effective_on=TODAY)
    assert days(past.when(only_replacement)) == [(EARLIER, None, False), (TODAY, EARLIER, False)]


def test_its_voucher_is_of_the_year_of_its_own_day() -> None:
    last_year = Post(
        effective_on=date(2025, 12, 31), legs=[debit("cash", "1.00"), credit("income", "1.00")]
    )
    world = ledger.given(fund("wallet", "1.00"), last_year)
    (same,) = entries(world.when(DUPLICATE))
    assert (same.fiscal_year, same.voucher_no) == (2025, 2)
    moved = Reverse(entry=ENTRY, reason="duplicate", effective_on=TODAY)
    (later,) = entries(world.when(moved))
    assert (later.fiscal_year, later.voucher_no) == (2026, 2)


# The replacement ----------------------------------------------------------------------------


def test_a_replacement_is_checked_like_any_entry() -> None:
    past.when(adjust(legs=[debit("cash", "1.00"), credit("income", "1.01")])).then(Unbalanced)


def test_a_correction_may_take_back_what_can_take_no_new_postings() -> None:
    grouped = past.given(AmendAccount(account="income", postable=False))
    assert grouped.when(transfer("cash", "income", "1.00")).code == "account_not_postable"
    assert grouped.when(DUPLICATE).code is None
    assert grouped.when(adjust()).code == "account_not_postable"
