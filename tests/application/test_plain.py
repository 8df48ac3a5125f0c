"""The straight line comes to what the general way comes to: the same record, the same books."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from application.outcomes import Caller
from application.plain import PlainForms, fill
from application.records import FORMAT, Record, encode
from domain.accounts import OpenAccount
from domain.assets import RegisterAsset
from domain.books import Books
from domain.calendar import fiscal_year
from domain.catalogue import DECISIONS, EVENTS, EVOLVE
from domain.commands import At, Command
from domain.entries import Attachment, Document, EntryPosted, Link, Original, Post, Source
from domain.freezes import FreezeAccount
from domain.ledgers import CreateLedger, LockBooks
from domain.legs import LegAsked
from domain.pages import Page
from domain.plain import PlainPosting, is_bare
from domain.refusals import Refusal

TODAY = date(2026, 3, 31)
AT = At(datetime(2026, 3, 31, 12, tzinfo=UTC), TODAY)
RECORDED_AT = "2026-03-31T12:00:00.000000Z"
BY = Caller(actor="till", key_id="k_1", roles=frozenset({"clerk"}), channel="http")
ID, DIGEST = "61824845-eb54-58c8-a63b-e0540fa68c5f", "ab" * 32

ACCOUNTS = (
    "cash",
    "wallet",
    "credit",
    "contra",
    "euro",
    "any",
    "frozen",
    "debits",
    "lien",
    "group",
    "missing",
)
AMOUNTS = ("12.34", "0.01", "0", "0.00", "5", "05.00", "0.5", "1.234", "100.00", "900000.00")


def chart() -> Books:
    books = Books()
    usd: dict[str, Any] = {"type": "liability", "name": "x", "asset": "USD"}
    for number, command in enumerate(
        (
            CreateLedger(
                id="l",
                name="L",
                functional_asset="USD",
                timezone="UTC",
                fiscal_year_start="04-01",
            ),
            RegisterAsset(code="EUR"),
            RegisterAsset(code="JPY"),
            OpenAccount(code="cash", type="asset", name="x", asset="USD"),
            OpenAccount(code="wallet", floor="0.00", **usd),
            OpenAccount(code="credit", floor="-100.00", **usd),
            OpenAccount(code="contra", contra=True, floor="0.00", **usd),
            OpenAccount(code="euro", type="asset", name="x", asset="EUR"),
            OpenAccount(code="any", type="equity", name="x"),
            OpenAccount(code="frozen", **usd),
            OpenAccount(code="group", postable=False, **usd),
            FreezeAccount(account="frozen"),
            OpenAccount(code="debits", **usd),
            FreezeAccount(account="debits", scope="debits"),
            OpenAccount(code="lien", **usd),
            FreezeAccount(account="lien", amount="12.34"),
            LockBooks(through=date(2026, 1, 31)),
            Post(legs=two("cash", "wallet", "50.00")),
        )
    ):
        take(books, command, f"s{number}")
    return books


def take(books: Books, command: Command, id: str) -> None:
    def new(number: int) -> str:
        return f"{id}.{number}"

    for stream, event in DECISIONS[type(command)](books, command, AT, new):
        EVOLVE[type(event)](books, stream, event)


def two(debit: str, credit: str, amount: str, asset: str = "USD") -> list[LegAsked]:
    return [
        LegAsked(account=debit, side="debit", amount=amount, asset=asset),
        LegAsked(account=credit, side="credit", amount=amount, asset=asset),
    ]


def legs() -> st.SearchStrategy[LegAsked]:
    return st.builds(
        LegAsked,
        account=st.sampled_from(ACCOUNTS),
        side=st.sampled_from(["debit", "credit"]),
        amount=st.sampled_from(AMOUNTS),
        asset=st.sampled_from(["USD", "USD", "USD", "EUR", "JPY", "XXX"]),
        party=st.sampled_from([None, None, None, "p"]),
        dimensions=st.sampled_from([None, None, None, {}, {"cost_centre": "1"}]),
        due_on=st.sampled_from([None, None, TODAY]),
        matches=st.sampled_from([None, None, "m"]),
        functional_amount=st.sampled_from([None] * 5 + ["12.34"]),
    )


def shared(accounts: list[str], credited: str, amounts: list[str]) -> list[LegAsked]:
    """Legs that mostly balance: some debits, and what they come to on the other side."""
    found = [
        LegAsked(account=account, side="debit", amount=amount, asset="USD")
        for account, amount in zip(accounts, amounts, strict=False)
    ]
    total = str(sum(Decimal(amount) for amount in amounts[: len(found)]))
    return [*found, LegAsked(account=credited, side="credit", amount=total, asset="USD")]


posts = st.builds(
    Post,
    legs=st.one_of(
        st.lists(legs(), min_size=2, max_size=3),
        st.builds(
            two, st.sampled_from(ACCOUNTS), st.sampled_from(ACCOUNTS), st.sampled_from(AMOUNTS)
        ),
        st.builds(
            shared,
            st.lists(st.sampled_from(ACCOUNTS), min_size=2, max_size=3),
            st.sampled_from(ACCOUNTS),
            st.lists(st.sampled_from(AMOUNTS), min_size=2, max_size=3),
        ),
    ),
    effective_on=st.sampled_from([None, None, TODAY, date(2026, 2, 1), date(2026, 1, 31)])
    | st.dates(date(2025, 1, 1), date(2027, 1, 1)),
    journal=st.sampled_from([None, None, None, "GEN", "AUTH", "none"]),
    value_on=st.sampled_from([None, None, None, TODAY]),
    id=st.sampled_from([None, None, ID]),
    reference=st.sampled_from([None, None, "r"]),
    document=st.sampled_from([None, None, Document(type="invoice", date=TODAY)]),
    source=st.sampled_from([None, None, Source(file="f", line=1)]),
    original=st.sampled_from([None, None, Original(entered_by="x")]),
    attachments=st.sampled_from([None, None, [Attachment(sha256=DIGEST)]]),
    class_=st.sampled_from([None] * 5 + ["adjusting"]),
    links=st.sampled_from([None] * 5 + [[Link(kind="see", entry=ID)], []]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(posts, min_size=1, max_size=6))
def test_plain_is_post(commands: list[Post]) -> None:
    one, other = chart(), chart()
    plain = PlainPosting(one, AT)
    forms = PlainForms(ledger="l", software_version="1")
    for command in commands:
        posted, event = posted_by(plain, forms, command), None
        try:
            ((_, event),) = DECISIONS[Post](other, command, AT, lambda _: ID)
        except Refusal:
            assert posted is None, "the straight line never posts what would be refused"
        if event is not None:
            EVOLVE[EntryPosted](other, ID, event)
            if posted is None:
                EVOLVE[EntryPosted](one, ID, event)
            else:
                assert posted == encode(record_of(event))
        assert pages(one) == pages(other)
        for shelf in ("versions", "vouchers", "accounts"):
            assert getattr(one, shelf).now == getattr(other, shelf).now
            assert getattr(one, shelf).changed == getattr(other, shelf).changed


def posted_by(plain: PlainPosting, forms: PlainForms, command: Post) -> bytes | None:
    """The record of what the straight line posts."""
    if not is_bare(command):
        event = plain.post_described(command)
        return None if event is None else encode(record_of(event))
    entry = plain.post(command)
    if entry is None:
        return None
    form = forms.form(
        incarnation=1,
        by=BY,
        effective_on=entry.effective_on,
        fiscal_year=entry.fiscal_year,
        asset=entry.first.asset,
    )
    return fill(form, entry, position=9, recorded_at=RECORDED_AT, command_id=ID, digest=DIGEST)


def pages(books: Books) -> list[Page]:
    """All pages, as they are, in the order of their first change."""
    return books.balances.changed


def test_the_usual_entry_takes_the_straight_line() -> None:
    plain = PlainPosting(chart(), AT)
    assert plain.post(Post(legs=two("cash", "wallet", "5.00"))) is not None
    assert plain.post(Post(legs=two("wallet", "any", "5.00"), effective_on=TODAY)) is not None
    parts = shared(["any", "credit"], "cash", ["5.00", "2.00"])
    assert plain.post_described(Post(legs=parts, id=ID)) is not None


def test_days_locked_within_the_commit_are_closed_to_the_straight_line() -> None:
    books = chart()
    plain = PlainPosting(books, AT)
    assert plain.post(Post(legs=two("cash", "wallet", "5.00"))) is not None
    take(books, LockBooks(through=TODAY), "lock")
    assert plain.post(Post(legs=two("cash", "wallet", "5.00"))) is None


def test_fiscal_year_starts_in_april() -> None:
    assert fiscal_year(TODAY, start="04-01") == 2026


def record_of(event: object) -> Record:
    return Record(
        FORMAT,
        "l",
        1,
        9,
        ID,
        1,
        "EntryPosted",
        EVENTS[EntryPosted],
        RECORDED_AT,
        BY.actor,
        None,
        BY.key_id,
        BY.channel,
        "1",
        ID,
        DIGEST,
        None,
        None,
        None,
        event,
    )
