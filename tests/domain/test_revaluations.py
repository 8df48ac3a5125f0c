"""Revaluations: asked for, posted once or abandoned, at the closing rate."""

from datetime import timedelta
from typing import Any

from domain.entries import EntryPosted
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
from tests.domain.exchanging import CHART, rate, worths
from tests.domain.harness import TODAY, account

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
