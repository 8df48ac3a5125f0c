"""A small ledger with what makes exports difficult: currencies, corrections, hostile texts."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, NamedTuple

from application.sessions import acting_as_service
from domain.accounts import OpenAccount, Side
from domain.assets import RegisterAsset
from domain.commands import Command
from domain.corrections import Adjust, Reverse
from domain.entries import Document, Post
from domain.journals import OpenJournal
from domain.ledgers import CreateLedger, Entity
from domain.legs import LegAsked
from domain.rates import RecordRate
from interface.evidence.live import session
from interface.exporting.extract import Extract, take_extract
from interface.http.viewing import read_own
from projections.report import Span
from projections.status import read_shown
from tests.application.office import CONTROLLER, OPERATOR, Office, id_of
from tests.projections.conftest import Worker

LEDGER = "export"
HOSTILE = (
    '=HYPERLINK("x")\t"quoted" \\ back\r\nnew;line, [2020-01-01] date:1999-01-01 ]]>&<b>\x01\x85€'
)
HOSTILE_LEG = '@SUM(A1)|\t"leg"\n; type:Q, [2019-01-01] \\'
LAST_DAY = date(2026, 3, 31)
EVERYTHING = Span(date.min, date.max)

CREATE = CreateLedger(
    id=LEDGER,
    name='Books of "Société & Fils"',
    functional_asset="EUR",
    timezone="Europe/Paris",
    entity=Entity(
        legal_name="Société & Fils <SARL>",
        country="FR",
        registration_number="732 829 320",
        address="1 rue de la Paix, 75002 Paris",
    ),
)

CHART: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("assets:bank", "asset", "512", {"purpose": "bank"}),
    ("assets:bank:usd", "asset", "5121", {"purpose": "bank"}),
    # Three codes that are one account to beancount.
    ("assets:client_money", "asset", "4671", {}),
    ("assets:client-money", "asset", "4672", {}),
    ("Assets:Client-money", "asset", "4673", {}),
    ("assets:depreciation", "asset", "281", {"contra": True}),
    ("1-shares.main", "asset", "503", {}),
    ("liabilities:suppliers", "liability", "401", {"purpose": "control"}),
    ("equity:capital", "equity", "101", {}),
    ("equity:retained", "equity", "120", {"purpose": "retained_earnings"}),
    ("equity:conversion", "equity", "580", {"purpose": "conversion"}),
    ("revenue:sales", "revenue", "706", {}),
    ("expenses:rent", "expense", "6132", {}),
    ("expenses:rent:paris", "expense", "61321", {}),
    ("assets:unused", "asset", "999", {}),
)


def leg(
    account: str, side: Side, amount: str, asset: str = "EUR", worth: str | None = None, **more: Any
) -> LegAsked:
    return LegAsked(
        account=account, side=side, amount=amount, asset=asset, functional_amount=worth, **more
    )


def both(debit: str, credit: str, amount: str, **more: Any) -> list[LegAsked]:
    return [leg(debit, "debit", amount, **more), leg(credit, "credit", amount)]


class Books(NamedTuple):
    """The ledger; `midway`: the position before what was recorded last, which is `last`;
    `reversed`, `reversal`, `replacement`: ids of entries."""

    office: Office
    midway: int
    last: int
    reversed: str
    reversal: str
    replacement: str

    @contextmanager
    def extract(
        self,
        span: Span = EVERYTHING,
        *,
        with_texts: bool = True,
        known: int | None = None,
    ) -> Iterator[Extract]:
        service = acting_as_service(self.office.database.service)
        with session(service, self.office.ledger) as connection:
            yield take_extract(
                connection,
                ledger=read_own(connection),
                # Whoever else opens the database may give the log a key: that is not of the books.
                known=known or self.last,
                span=span,
                with_texts=with_texts,
                advance=lambda _: None,
            )


def keep(office: Office) -> Books:
    """Makes the ledger, posts in it and brings its views to the head."""
    created = office.ledgers.create(CREATE, key="create-export", by=OPERATOR)
    assert created.status == "done", created.detail
    for command in _setup():
        office.done(command)
    _first_year(office)
    reversed, reversal, replacement, midway = _second_year(office)
    worker = Worker(office)
    worker.catch_up()
    last = read_shown(worker.connection, "lines", "entries")
    worker.connection.close()
    return Books(office, midway, last, reversed, reversal, replacement)


def _setup() -> Iterator[Command]:
    yield OpenJournal(code="SAL", name="Sales; 'abroad'\tand home")
    yield RegisterAsset(code="USD")
    yield RegisterAsset(code="JPY")
    yield RegisterAsset(code="AC.1", scale=4, kind="security")
    yield RegisterAsset(code="X-", scale=3, kind="unit")
    for code, kind, number, more in CHART:
        codes = {"saft.category": "balanse & mer", "saft.code": number}
        yield OpenAccount(
            code=code,
            type=kind,  # type: ignore[arg-type]
            name=f'={code} "account"\t; <&>',
            number=number,
            statutory_codes=codes,
            **more,
        )


def _first_year(office: Office) -> None:
    office.done(
        Post(
            legs=both("assets:bank", "equity:capital", "100000.00"),
            effective_on=date(2025, 1, 2),
            narrative="Capital",
        )
    )
    office.done(
        Post(
            legs=both("assets:bank", "revenue:sales", "1234.56", party="client 1"),
            effective_on=date(2025, 6, 30),
            journal="SAL",
            document=Document(type="invoice", number="F\t2025-1", date=date(2025, 6, 28)),
            reference="=1+2",
            narrative=HOSTILE,
        )
    )
    office.done(
        Post(
            legs=both("expenses:rent:paris", "assets:bank", "0.03"),
            effective_on=date(2025, 12, 31),
        )
    )
    office.done(
        Post(
            legs=[
                leg("revenue:sales", "debit", "1234.56"),
                leg("expenses:rent:paris", "credit", "0.03"),
                leg("equity:retained", "credit", "1234.53"),
            ],
            effective_on=date(2025, 12, 31),
            class_="closing",
        )
    )


def _second_year(office: Office) -> tuple[str, str, str, int]:
    conversion = "equity:conversion"
    day = date(2026, 1, 15)
    for kind, rate in (("spot", "0.80"), ("spot", "0.90"), ("closing", "0.91"), ("average", "0.5")):
        office.done(
            RecordRate(base="USD", quote="EUR", rate=rate, kind=kind, effective_on=day)  # type: ignore[arg-type]
        )
    office.done(RecordRate(base="X-", quote="EUR", rate="16", effective_on=date(2026, 2, 1)))
    office.done(
        Post(
            legs=[
                leg("assets:bank:usd", "debit", "1000.00", "USD", "900.00"),
                leg(conversion, "credit", "1000.00", "USD", "900.00"),
                leg(conversion, "debit", "900.00"),
                leg("assets:bank", "credit", "900.00"),
            ],
            effective_on=date(2026, 1, 15),
        )
    )
    office.done(
        Post(
            legs=[
                leg("1-shares.main", "debit", "3.1250", "AC.1", "150.01"),
                leg(conversion, "credit", "3.1250", "AC.1", "150.01"),
                leg("assets:bank:usd", "credit", "100.10", "USD", "150.01"),
                leg(conversion, "debit", "100.10", "USD", "150.01"),
            ],
            effective_on=date(2026, 1, 16),
            metadata={"broker; x": "y, z"},
            narrative="Shares",
        )
    )
    for asset, amount in (("JPY", "100000"), ("X-", "0.125")):
        office.done(
            Post(
                legs=[
                    leg("assets:client_money", "debit", amount, asset, "2.00"),
                    leg("assets:client-money", "credit", amount, asset, "2.00"),
                ],
                effective_on=date(2026, 2, 1),
            )
        )
    # Worth alone: a revaluation, and what an exchange left over.
    office.done(
        Post(
            legs=[
                leg("assets:bank:usd", "debit", "0.00", "USD", "50.00"),
                leg(conversion, "credit", "0.00", "USD", "50.00"),
                leg(conversion, "debit", "50.00"),
                leg("revenue:sales", "credit", "50.00"),
            ],
            class_="revaluation",
        )
    )
    office.done(
        Post(
            legs=[
                leg("assets:bank:usd", "credit", "10.00", "USD", "9.00"),
                leg("assets:bank", "debit", "8.50"),
                leg(conversion, "debit", "10.00", "USD", "9.00"),
                leg(conversion, "credit", "8.50"),
                leg(conversion, "debit", "0.00", "USD", "0.50"),
                leg("assets:bank:usd", "credit", "0.00", "USD", "0.50"),
            ],
            class_="fx_difference",
        )
    )
    office.done(
        Post(
            legs=[
                leg("Assets:Client-money", "debit", "7.00", dimensions={"Größe, m": "x;y"}),
                leg("assets:bank", "credit", "7.00", narrative=HOSTILE_LEG),
            ],
            journal="SAL",
        )
    )
    wrong = id_of(office.done(Post(legs=both("expenses:rent", "assets:bank", "11.00"))))
    reversal = id_of(office.done(Reverse(entry=wrong, reason="duplicate")))
    other = id_of(
        office.done(
            Post(
                legs=both("expenses:rent", "liabilities:suppliers", "600.00"),
                effective_on=date(2026, 2, 28),
                class_="adjusting",
            )
        )
    )
    with office.ledgers.reader(office.ledger) as connection:
        row = connection.execute("SELECT position FROM head").fetchone()
    assert row is not None
    adjusted = office.done(
        Adjust(
            entry=other,
            reason="wrong_amount",
            legs=both("expenses:rent", "liabilities:suppliers", "660.00"),
        ),
        by=CONTROLLER,
    )
    (replacement,) = (
        stored.record.stream
        for stored in adjusted.stored
        if getattr(stored.record.payload, "correction", None) == "replacement"
    )
    return wrong, reversal, replacement, row["position"]
