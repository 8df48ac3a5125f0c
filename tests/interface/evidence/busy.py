"""A ledger in which about everything has happened."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from application.outcomes import Caller
from domain.accounts import CloseAccount, OpenAccount
from domain.amendments import AmendAccount
from domain.assets import RegisterAsset
from domain.authorizations import Authorize, Settle
from domain.baselines import ApproveBaseline, SetBaseline
from domain.closes import (
    AbandonClose,
    ClosePeriod,
    ConcludeClose,
    FilePeriod,
    ReopenPeriod,
    SoftClosePeriod,
)
from domain.commands import Command
from domain.corrections import Adjust, Reverse
from domain.entries import Document, Post, Source
from domain.erasures import (
    EraseAccountTexts,
    EraseAuthorizationTexts,
    EraseEntryTexts,
    EraseEventTexts,
)
from domain.freezes import FreezeAccount, UnfreezeAccount
from domain.hold_ends import Release, Void
from domain.holds import Network
from domain.increments import Increment, Reduce
from domain.journals import OpenJournal
from domain.ledgers import LockBooks
from domain.legs import LegAsked
from domain.limits import SetLimit
from domain.mandatory_settlements import SettleMandatory
from domain.rates import RecordRate
from domain.refunds import Chargeback, Refund, Representment
from domain.revaluations import AbandonRevaluation, Figure, PostRevaluation, Revalue
from domain.statements import StateAccount
from tests.application.office import OPERATOR, id_of, legs, transfer
from tests.application.transparency.archive import Archive

CARL = Caller("carl", "key-7", frozenset({"controller"}), "http")
WORKER = Caller("system", None, frozenset({"operator", "controller"}), "worker")
NETWORK = Caller("network", "key-9", frozenset({"clerk"}), "http", network_feed=True)


def fill(archive: Archive) -> None:
    """Does it all, a commit each."""
    chart = archive.chart()
    day = archive.clock.now.date() - timedelta(days=40)
    archive.done(OpenJournal(code="SAL", name="Sales"))
    archive.done(RegisterAsset(code="EUR"))
    archive.done(RegisterAsset(code="JPY"))
    archive.done(_conversion(archive))
    archive.done(
        Post(
            legs=legs(chart.cash, chart.merchant, "12.50", narrative="a leg's own text"),
            journal="SAL",
            effective_on=day,
            narrative="What it was for",
            metadata={"order": "4711"},
        )
    )
    wrong = id_of(archive.done(transfer(chart.cash, chart.merchant, "7.00", narrative="Oops")))
    archive.done(Reverse(entry=wrong, reason="duplicate"))
    other = id_of(archive.done(transfer(chart.cash, chart.merchant, "8.00")))
    archive.done(
        Adjust(entry=other, reason="wrong_amount", legs=legs(chart.cash, chart.merchant, "9.00"))
    )
    archive.done(LockBooks(through=day))
    proposed = _baselines(archive, chart)
    _limits(archive, chart)
    _holds(archive, chart)
    archive.done(FreezeAccount(account=chart.merchant))
    assert archive.do(transfer(chart.cash, chart.merchant, "1.00")).code == "account_frozen"
    archive.done(UnfreezeAccount(account=chart.merchant))
    archive.done(AmendAccount(account=chart.wallet, name="Her wallet", floor="-5.00"))
    gone = archive.chart(funds=None)
    archive.done(CloseAccount(account=gone.cash))
    archive.done(StateAccount(account=chart.wallet))
    archive.done(StateAccount(account=gone.cash))
    archive.done(FreezeAccount(account=gone.wallet, basis="legal", authority_reference="AZ 1"))
    archive.done(SetLimit(account=gone.wallet, per="day", count=9, narrative="Why she has one"))
    archive.done(FreezeAccount(account=gone.wallet, narrative="What she is suspected of"))
    archive.done(EraseAccountTexts(account=gone.wallet, reason="privacy"))
    assert archive.do(transfer(chart.wallet, chart.cash, "99999.00")).code == "limit_exceeded"
    asked_for = archive.done(
        EraseEntryTexts(entry=wrong, reason="privacy", narrative="Asked for by her")
    )
    archive.done(EraseEventTexts(event=str(asked_for.position), reason="privacy"))
    archive.done(
        Post(
            legs=legs(
                chart.cash,
                chart.merchant,
                "3.00",
                party='null, "so, {to} (say)"',
                dimensions={"team": 'a \\ "b", é', "zz": "", "cost centre": "x,y"},
            ),
            document=Document(type="invoice", number='R (1), "2"'),
            source=Source(system="old books"),
            reference="\u00a0x\ty",
        )
    )
    owed = legs(
        chart.cash, chart.merchant, "3.00", party="NULL", due_on=date(2026, 5, 1), matches="R, 1"
    )
    archive.done(Reverse(entry=id_of(archive.done(Post(legs=owed))), reason="duplicate"))
    _periods(archive, chart)
    _exchange(archive)
    compliance = Caller("compliance", "key-8", frozenset({"compliance"}), "http")
    archive.done(ApproveBaseline(baseline=proposed), by=compliance)


def _periods(archive: Archive, chart: Any) -> None:
    """February is closed, reopened by two, closed anew and filed; March is soft-closed."""
    name, last_on = "2026-02", date(2026, 2, 28)
    late = transfer(chart.cash, chart.merchant, "3.00", effective_on=last_on)

    def close(**more: Any) -> None:
        archive.done(ClosePeriod(period=name, **more))
        assert archive.do(late).code == "period_closed"
        archive.done(late, by=WORKER)
        digest = trial_balance_digest(archive.records(), last_on.isoformat())
        archive.done(
            ConcludeClose(period=name, position=archive.position, digest=digest, entries=[]),
            by=WORKER,
        )

    archive.done(ClosePeriod(period=name))
    archive.done(AbandonClose(period=name, why="suspense", detail="Not yet."), by=WORKER)
    close(narrative="The month is done")
    archive.done(ReopenPeriod(period=name, reason="other", narrative="An invoice came late"))
    archive.done(ReopenPeriod(period=name), by=CARL)
    archive.done(late)
    close()
    archive.done(FilePeriod(period=name))
    archive.done(SoftClosePeriod(period="2026-03"))
    archive.done(ReopenPeriod(period="2026-03"))


def trial_balance_digest(records: Iterable[dict[str, Any]], last_on: str) -> str:
    """The digest of the canonical trial balance, as docs/evidence-format.md has it."""
    scales: dict[str, int] = {}
    nets: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    functional = ""
    for record in records:
        payload = record["payload"]
        if record["type"] == "LedgerCreated":
            functional = payload["functional_asset"]
        elif record["type"] == "AssetRegistered":
            scales[payload["code"]] = payload["scale"]
        elif record["type"] == "EntryPosted" and payload["effective_on"] <= last_on:
            for leg in payload["legs"]:
                sign = 1 if leg["side"] == "debit" else -1
                own = leg["amount"] if leg["asset"] == functional else "0"
                sums = nets[leg["account"], leg["asset"]]
                sums[0] += sign * Decimal(leg["amount"])
                sums[1] += sign * Decimal(leg.get("functional_amount", own))
    lines = [
        f"{account}\t{asset}\t{_decimal(net, scales[asset])}"
        f"\t{_decimal(worth, scales[functional])}\n"
        for (account, asset), (net, worth) in sorted(nets.items())
        if net or worth
    ]
    return sha256("".join(lines).encode()).hexdigest()


def _decimal(amount: Decimal, scale: int) -> str:
    return f"{amount:.{scale}f}"


def _conversion(archive: Archive) -> Command:
    accounts: list[Command] = [
        OpenAccount(code="conv:eur", type="asset", name="EUR", asset="EUR", purpose="conversion"),
        OpenAccount(code="conv:usd", type="asset", name="USD", asset="USD", purpose="conversion"),
        OpenAccount(code="bank:eur", type="asset", name="Bank", asset="EUR"),
        OpenAccount(code="bank:usd", type="asset", name="Bank", asset="USD"),
    ]
    for outcome in archive.all(*accounts):
        assert outcome.status == "done", outcome.detail

    def leg(account: str, side: Any, amount: str, asset: str, value: str | None) -> LegAsked:
        return LegAsked(
            account=account, side=side, amount=amount, asset=asset, functional_amount=value
        )

    return Post(
        legs=[
            leg("bank:eur", "debit", "100.00", "EUR", "110.00"),
            leg("conv:eur", "credit", "100.00", "EUR", "110.00"),
            leg("conv:usd", "debit", "110.00", "USD", None),
            leg("bank:usd", "credit", "110.00", "USD", None),
        ]
    )


def _baselines(archive: Archive, chart: Any) -> str:
    """Returns the second of two that are proposed."""
    proposed = [
        archive.done(
            SetBaseline(
                account=chart.cash,
                dimension={"team": "tax", "site": "1"},
                unit_amount="1000",
                units=units,
                source="Lease",
                approver="compliance",
                on_behalf_of="zoe",
            )
        )
        for units in ({"2025-01": "2"}, {"2025-01": "1.5", "2025-02": "1"})
    ]
    return id_of(proposed[-1])


def _exchange(archive: Archive) -> None:
    """Rates and one that was corrected; items opened, relieved in part and given back; revaluations
    that were posted, taken back, abandoned, and one that waits."""
    today = archive.clock.now.date()

    def rate(rate: str, kind: Any = "spot", **more: Any) -> None:
        archive.done(RecordRate(base="EUR", quote="USD", kind=kind, rate=rate, **more))

    def leg(account: str, side: Any, amount: str, **more: Any) -> LegAsked:
        return LegAsked(account=account, side=side, amount=amount, asset="EUR", **more)

    def revalue() -> str:
        return id_of(archive.done(Revalue(effective_on=today - timedelta(days=1))))

    owed = OpenAccount(code="owed", type="asset", name="Owed", asset="EUR", monetary=True)
    differences = OpenAccount(code="fx", type="expense", name="FX", purpose="fx_difference")
    for command in (owed, differences):
        archive.done(command)
    rate("1.1", effective_on=today - timedelta(days=2), source="ECB")
    rate("1.2", effective_on=today - timedelta(days=2))
    rate("1.15", "closing", effective_on=today - timedelta(days=1))
    sold = [leg("owed", "debit", "100.00", matches="R-1"), leg("conv:eur", "credit", "100.00")]
    archive.done(Post(legs=sold, effective_on=today - timedelta(days=2)))
    figure = Figure(account="owed", asset="EUR", balance="100.00", functional_amount="120.00")
    posted = archive.done(
        PostRevaluation(revaluation=revalue(), known_position=1, figures=[figure]), by=OPERATOR
    )
    archive.done(Reverse(entry=id_of(posted), effective_on=today, reason="revaluation"))
    archive.done(
        PostRevaluation(revaluation=revalue(), known_position=1, figures=[figure]), by=OPERATOR
    )
    archive.done(
        AbandonRevaluation(revaluation=revalue(), code="busy", detail="Too busy."), by=OPERATOR
    )
    revalue()
    rate("1.0735")
    paid = [leg("bank:eur", "debit", "40.01"), leg("owed", "credit", "40.01", matches="R-1")]
    settled = id_of(archive.done(Post(legs=paid)))
    archive.done(Post(legs=paid))
    archive.done(Reverse(entry=settled, reason="duplicate"))
    more = [leg("owed", "debit", "7.00"), leg("conv:eur", "credit", "7.00")]
    for _ in range(2):
        archive.done(Post(legs=more))
    owing = Authorize(debit="bank:eur", credit="owed", amount="8.00", asset="EUR")
    archive.done(Settle(authorization=id_of(archive.done(owing)), final=True))


def _limits(archive: Archive, chart: Any) -> None:
    archive.done(SetLimit(account=chart.wallet, per="day", amount="90.00", count=50))
    archive.done(SetLimit(account=chart.wallet, per="month", amount="900.00"))
    archive.done(SetLimit(account=chart.wallet, per="authorization", amount="50.00"))
    archive.done(transfer(chart.wallet, chart.cash, "1.00"))
    archive.done(SetLimit(account=chart.wallet, per="month", amount="800.00"))
    archive.done(SetLimit(account=chart.wallet, per="authorization"))


def _holds(archive: Archive, chart: Any) -> None:
    def hold(amount: str, **more: Any) -> str:
        command = Authorize(
            debit=chart.wallet, credit=chart.merchant, amount=amount, asset="USD", **more
        )
        return id_of(archive.done(command))

    first = hold("10.00", over_settle_percent="20")
    archive.done(Increment(authorization=first, amount="2.00"))
    archive.done(Reduce(authorization=first, amount="1.00"))
    archive.done(Settle(authorization=first, amount="4.00"))
    archive.done(Settle(authorization=first, amount="3.00", final=True))
    archive.done(Refund(authorization=first, amount="2.00", reason="other", narrative="Broken"))
    archive.done(Chargeback(authorization=first, amount="1.00", reason="counterparty"))
    archive.done(Representment(authorization=first, amount="1.00", reason="counterparty"))
    archive.done(Void(authorization=hold("3.00")))
    archive.done(Release(authorization=hold("4.00")))
    over = hold("5.00", over_settle_percent="50")
    archive.done(Settle(authorization=over, amount="6.00"))
    due = hold("1.00", expires_in_seconds=60)
    archive.clock.move(seconds=61)
    assert archive.do(Settle(authorization=due)).code == "authorization_expired"
    texts = hold("2.50", narrative="A table for two")
    archive.done(EraseAuthorizationTexts(authorization=texts, reason="privacy"))
    late = hold("2.00", expires_in_seconds=60)
    archive.clock.move(days=1)
    archive.done(
        SettleMandatory(
            debit=chart.wallet,
            credit=chart.merchant,
            amount="2.20",
            asset="USD",
            authorization=late,
        ),
        by=NETWORK,
    )
    archive.done(
        SettleMandatory(
            debit=chart.wallet,
            credit=chart.merchant,
            amount="1.10",
            asset="USD",
            network=Network(scheme="visa", reference="ARN-1"),
        ),
        by=NETWORK,
    )
    hold("1.50", expires_in_seconds=86_400)
    assert isinstance(archive.clock.now.date(), date)
