"""Periods: what is shut to whom, in which order, and who opens it again."""

from datetime import date

import pytest
from msgspec.structs import replace

from domain.calendar import EffectiveInFuture, Month, PeriodIsClosed, month_named, month_of
from domain.closes import (
    AbandonClose,
    CloseOutOfOrder,
    ClosePeriod,
    ConcludeClose,
    FilePeriod,
    ReopenPeriod,
    SecondPersonNeeded,
    SoftClosePeriod,
)
from domain.corrections import Reverse
from domain.entries import Post
from domain.ledgers import CreateLedger, LockBooks
from domain.mandatory_settlements import SettleMandatory
from domain.periods import (
    CloseAbandoned,
    PeriodClosed,
    PeriodClosing,
    PeriodFiled,
    PeriodReopenAsked,
    PeriodReopened,
    PeriodSoftClosed,
    Status,
    status_of,
)
from domain.refusals import Forbidden
from tests.domain.faulty_periods import ANN, BOB
from tests.domain.harness import TODAY, Given, Hand, account, given, ledger, transfer

CLERK = Hand("claus", "clerk")
WORKER = Hand("system", "closing")
PAT = Hand("pat", "clerk")
"""An approver: no controller."""

JANUARY, FEBRUARY = date(2026, 1, 31), date(2026, 2, 28)
DIGEST = "ab" * 32


def close(period: str, *, position: int = 9) -> tuple[ClosePeriod, ConcludeClose]:
    conclude = ConcludeClose(period=period, position=position, digest=DIGEST, entries=[])
    return ClosePeriod(period=period), conclude


def dated(day: date) -> Post:
    return transfer("cash", "income", "1.00", effective_on=day)


def statuses(what: Given, *months: str) -> list[Status]:
    world = what.world()
    book = world.books.ledger
    return [
        status_of(book, month_named(name, start=book.fiscal_year_start), world.today)
        for name in months
    ]


@pytest.mark.parametrize(
    ("start", "day", "month"),
    [
        ("01-01", date(2026, 2, 28), Month("2026-02", date(2026, 2, 1), date(2026, 2, 28))),
        ("01-01", date(2025, 12, 31), Month("2025-12", date(2025, 12, 1), date(2025, 12, 31))),
        ("04-06", date(2026, 4, 5), Month("2026-03", date(2026, 3, 6), date(2026, 4, 5))),
        ("04-06", date(2026, 1, 5), Month("2025-12", date(2025, 12, 6), date(2026, 1, 5))),
        ("01-31", date(2026, 2, 28), Month("2026-02", date(2026, 2, 28), date(2026, 3, 30))),
        ("01-31", date(2026, 2, 27), Month("2026-01", date(2026, 1, 31), date(2026, 2, 27))),
    ],
)
def test_months_begin_on_the_day_on_which_the_year_does(
    start: str, day: date, month: Month
) -> None:
    assert month_of(day, start=start) == month_named(month.name, start=start) == month


def test_a_soft_closed_period_is_for_controllers() -> None:
    soft = ledger.given(ANN, SoftClosePeriod(period="2026-01"))
    ledger.given(ANN).when(SoftClosePeriod(period="2026-01", reference="R")).then(
        (
            "new",
            PeriodSoftClosed(
                period="2026-01", first_on=date(2026, 1, 1), last_on=JANUARY, reference="R"
            ),
        )
    )
    assert soft.when(dated(JANUARY)).code is None
    soft.given(CLERK).when(dated(JANUARY)).then(
        PeriodIsClosed(status="soft-closed", through="2026-01-31", locked_through=None)
    )
    assert soft.given(CLERK).when(dated(date(2026, 2, 1))).code is None
    assert statuses(soft, "2026-01", "2026-02", "2026-04") == ["soft_closed", "open", "future"]
    opened = soft.when(ReopenPeriod(period="2026-01"))
    opened.then(("g14", PeriodReopened(period="2026-01")))


def test_a_close_shuts_the_period_to_all_but_the_worker() -> None:
    closing = ledger.given(ANN, ClosePeriod(period="2026-01"))
    assert statuses(closing, "2025-12", "2026-01") == ["closed", "closing"]
    for hand in (CLERK, ANN):
        closing.given(hand).when(dated(JANUARY)).then(PeriodIsClosed(status="closed"))
    assert closing.given(WORKER).when(dated(JANUARY)).code is None
    closed = ledger.given(ANN, *close("2026-01"))
    closed.given(WORKER).when(dated(JANUARY)).then(PeriodIsClosed(status="closed"))
    assert statuses(closed, "2026-01", "2026-02") == ["closed", "open"]


def test_the_close_is_a_conversation_on_record() -> None:
    ledger.given(ANN).when(ClosePeriod(period="2026-01", reference="R")).then(
        (
            "new",
            PeriodClosing(
                period="2026-01", first_on=date(2026, 1, 1), last_on=JANUARY, reference="R"
            ),
        )
    )
    closed = ledger.given(ANN, *close("2026-01"))
    closed.when(ClosePeriod(period="2026-02")).then(
        (
            "new",
            PeriodClosing(
                period="2026-02", first_on=date(2026, 2, 1), last_on=FEBRUARY, before=JANUARY
            ),
        )
    )
    second = closed.given(ClosePeriod(period="2026-02"))
    second.when(ConcludeClose(period="2026-02", position=20, digest=DIGEST, entries=["e"])).then(
        (
            "g16",
            PeriodClosed(
                period="2026-02", last_on=FEBRUARY, position=20, digest=DIGEST, entries=["e"]
            ),
        )
    )
    abandoned = second.when(AbandonClose(period="2026-02", why="w", detail="d"))
    abandoned.then(
        (
            "g16",
            CloseAbandoned(period="2026-02", why="w", detail="d", closed_through=JANUARY),
        )
    )
    assert abandoned.world.books.ledger.closed_through == JANUARY
    assert abandoned.world.books.ledger.closing is None


def test_periods_close_in_order_from_the_year_in_which_books_begin() -> None:
    ledger.given(ANN).when(ClosePeriod(period="2026-02")).then(
        CloseOutOfOrder(period="2026-02", other="2026-01", status="open")
    )
    earlier = ledger.given(ANN, dated(date(2024, 5, 17)))
    earlier.when(ClosePeriod(period="2026-01")).then(CloseOutOfOrder(other="2024-01"))
    assert earlier.when(ClosePeriod(period="2024-01")).code is None
    locked = earlier.given(LockBooks(through=date(2026, 1, 10)))
    assert locked.when(ClosePeriod(period="2026-01")).code is None
    locked.when(ClosePeriod(period="2025-12")).then(PeriodIsClosed(locked_through="2026-01-10"))


def test_a_period_is_closed_when_it_is_over() -> None:
    until_march = ledger.given(ANN, *close("2026-01"), *close("2026-02"))
    assert until_march.world().today == TODAY == date(2026, 3, 31)
    assert until_march.when(ClosePeriod(period="2026-03")).code is None
    ledger.given(ANN).when(ClosePeriod(period="2026-04")).then(EffectiveInFuture)


def test_the_last_month_ends_the_fiscal_year() -> None:
    british = CreateLedger(
        id="acme",
        name="Acme",
        functional_asset="GBP",
        timezone="Europe/London",
        fiscal_year_start="04-06",
    )
    lived = given(british, ANN, LockBooks(through=date(2025, 2, 20)))
    assert lived.when(ClosePeriod(period="2025-02")).only().fiscal_year is None
    last = lived.given(*close("2025-02")).when(ClosePeriod(period="2025-03")).only()
    assert (last.fiscal_year, last.last_on) == (2025, date(2025, 4, 5))


def test_what_was_closed_is_reopened_by_two_persons() -> None:
    closed = ledger.given(ANN, *close("2026-01"))
    wish = ReopenPeriod(period="2026-01", reason="wrong_period", reference="R")
    closed.given(PAT).when(wish).then(Forbidden(needed="controller"))
    closed.when(wish).then(
        (
            "g14",
            PeriodReopenAsked(period="2026-01", asked_by="ann", why="wrong_period", reference="R"),
        )
    )
    asked = closed.given(wish)
    assert statuses(asked, "2026-01") == ["closed"]
    asked.when(wish).then(SecondPersonNeeded(asked_by="ann"))
    for second in (BOB, PAT):
        asked.given(second).when(ReopenPeriod(period="2026-01")).then(
            (
                "g14",
                PeriodReopened(
                    period="2026-01",
                    asked_by="ann",
                    confirmed_by=second.actor,
                    why="wrong_period",
                ),
            )
        )
    opened = asked.given(BOB, ReopenPeriod(period="2026-01"))
    assert opened.given(CLERK).when(dated(JANUARY)).code is None
    opened.when(ReopenPeriod(period="2026-01")).then(CloseOutOfOrder(status="open"))


def test_a_person_and_the_services_she_answers_for_are_one() -> None:
    bot, other = Hand("bot", "controller", "ann"), Hand("feed", "controller", "ann")
    wish = ReopenPeriod(period="2026-01", reason="wrong_period")
    for first, second in ((bot, ANN), (ANN, bot), (bot, other)):
        asked = ledger.given(first, *close("2026-01"), wish, second)
        asked.when(wish).then(SecondPersonNeeded(asked_by=first.actor))
    asked = ledger.given(ANN, *close("2026-01"), replace(wish, on_behalf_of="bob"), BOB)
    asked.when(wish).then(SecondPersonNeeded(asked_by="ann"))
    done = asked.given(Hand("till", "controller", "carl")).when(wish).only()
    assert (done.asked_by, done.confirmed_by, done.person) == ("ann", "till", "carl")


def test_to_reopen_one_reopens_all_after_it() -> None:
    closed = ledger.given(ANN, *close("2026-01"), *close("2026-02"), *close("2026-03"))
    asked = closed.given(ReopenPeriod(period="2026-02", reason="regulatory"))
    done = asked.given(BOB).when(ReopenPeriod(period="2026-02"))
    done.then(
        *[
            (
                stream,
                PeriodReopened(
                    period=period,
                    closed_through=JANUARY,
                    asked_by="ann",
                    confirmed_by="bob",
                    why="regulatory",
                ),
            )
            for stream, period in (("g18", "2026-03"), ("g16", "2026-02"))
        ]
    )
    opened = asked.given(BOB, ReopenPeriod(period="2026-02"))
    assert statuses(opened, "2026-01", "2026-02", "2026-03") == ["closed", "open", "open"]
    again = opened.given(*close("2026-02", position=30)).world()
    period = again.books.periods.get("2026-02")
    assert period is not None
    assert [one.position for one in period.closes] == [9, 30]


def test_the_first_one_that_was_closed_opens_what_its_close_shut() -> None:
    closed = ledger.given(ANN, *close("2026-01"))
    closed.when(ReopenPeriod(period="2025-11", reason="regulatory")).then(
        CloseOutOfOrder(period="2025-11", other="2026-01", status="closed")
    )
    opened = closed.given(
        ReopenPeriod(period="2026-01", reason="regulatory"), BOB, ReopenPeriod(period="2026-01")
    )
    assert opened.given(CLERK).when(dated(date(2025, 11, 30))).code is None


def test_a_reopened_period_leaves_the_soft_close_before_it() -> None:
    soft = ledger.given(ANN, SoftClosePeriod(period="2026-01"), SoftClosePeriod(period="2026-02"))
    opened = soft.when(ReopenPeriod(period="2026-02"))
    assert opened.only().soft_closed_through == JANUARY


def test_what_is_filed_is_locked_for_ever() -> None:
    closed = ledger.given(ANN, *close("2026-01"))
    closed.when(FilePeriod(period="2026-01", reference="R")).then(
        ("g14", PeriodFiled(period="2026-01", through=JANUARY, reference="R"))
    )
    filed = closed.given(FilePeriod(period="2026-01"))
    assert statuses(filed, "2026-01") == ["locked"]
    filed.when(ReopenPeriod(period="2026-01", reason="regulatory")).then(
        PeriodIsClosed(status="locked", locked_through="2026-01-31")
    )
    filed.given(WORKER).when(dated(JANUARY)).then(PeriodIsClosed(status="locked"))


def test_corrections_take_the_first_day_that_is_open_to_whom_they_are_of() -> None:
    soft = ledger.given(CLERK, dated(JANUARY), ANN, SoftClosePeriod(period="2026-01"))
    reverse = Reverse(entry="g14", reason="duplicate")
    by_controller = soft.when(reverse).events[0][1]
    assert by_controller.effective_on == JANUARY  # type: ignore[attr-defined]
    by_clerk = soft.given(CLERK).when(reverse).events[0][1]
    assert by_clerk.effective_on == date(2026, 2, 1)  # type: ignore[attr-defined]
    assert by_clerk.relates_to == JANUARY  # type: ignore[attr-defined]
    assert by_clerk.prior_period  # type: ignore[attr-defined]


def test_what_a_network_cleared_moves_to_the_first_open_day() -> None:
    closed = ledger.given(account("clearing"), ANN, *close("2026-01"), CLERK)
    cleared = SettleMandatory(
        debit="wallet", credit="merchant", amount="1.00", asset="USD", effective_on=JANUARY
    )
    entry, settled = (event for _, event in closed.when(cleared).events)
    assert entry.effective_on == date(2026, 2, 1)  # type: ignore[attr-defined]
    assert "period_moved" in settled.exceptions  # type: ignore[attr-defined]
