"""The routes by which clients read: one table."""

from collections.abc import Callable
from typing import NamedTuple

from marshmallow import Schema

from interface.http import reads
from interface.http.admission import LEDGERS
from interface.http.certificates import TEXT
from interface.http.messages import Answer
from interface.http.reads import SEEN
from interface.http.reports import CSV, PDF, XLSX
from interface.http.schemas_answers import (
    Account,
    AccountsPage,
    AssetsPage,
    Balances,
    EventsPage,
    JournalsPage,
    Ledger,
    LedgersPage,
    LimitsPage,
    Record,
)
from interface.http.schemas_answers_postings import Authorization, EntryRead
from interface.http.schemas_answers_views import AuthorizationsPage, EntriesPage, Report, Statement
from interface.http.schemas_baselines import BaselineOne, BaselinesPage, BaselinesQuery
from interface.http.schemas_log import AuditTrail
from interface.http.schemas_periods import PeriodRead, PeriodsPage, PeriodsQuery
from interface.http.schemas_queries import (
    AccountsQuery,
    AuthorizationsQuery,
    BalancesQuery,
    EntriesQuery,
    EventsQuery,
    LimitsQuery,
    PageQuery,
    ReadQuery,
    ReportQuery,
    StatementQuery,
)
from interface.http.schemas_rates import (
    RatesPage,
    RatesQuery,
    RevaluationsPage,
    RevaluationsQuery,
)
from interface.http.write_routes import ACCOUNT, AUTHORIZATION, BASELINE, ENTRY, LEDGER, PERIOD


class ReadRoute(NamedTuple):
    """`read` takes the Reading and what the path names."""

    rule: str
    read: Callable[..., Answer]
    query: type[Schema]
    answer: type[Schema]
    summary: str
    headers: tuple[str, ...] = ()
    line: type[Schema] | None = None
    """What a line of it is, where it may be had as NDJSON."""
    files: tuple[str, ...] = ()
    """In which other media types it may be had."""


READ_ROUTES = (
    ReadRoute(LEDGERS, reads.ledgers, PageQuery, LedgersPage, "List ledgers"),
    ReadRoute(LEDGER, reads.ledger, ReadQuery, Ledger, "Show a ledger"),
    ReadRoute(f"{LEDGER}/assets", reads.assets, PageQuery, AssetsPage, "List assets"),
    ReadRoute(f"{LEDGER}/journals", reads.journals, PageQuery, JournalsPage, "List journals"),
    ReadRoute(f"{LEDGER}/accounts", reads.accounts, AccountsQuery, AccountsPage, "List accounts"),
    ReadRoute(f"{LEDGER}/periods", reads.periods, PeriodsQuery, PeriodsPage, "List periods"),
    ReadRoute(PERIOD, reads.period, ReadQuery, PeriodRead, "Show a period", (SEEN,)),
    ReadRoute(f"{LEDGER}/limits", reads.limits, LimitsQuery, LimitsPage, "List limits"),
    ReadRoute(
        f"{LEDGER}/baselines", reads.baselines, BaselinesQuery, BaselinesPage, "List baselines"
    ),
    ReadRoute(BASELINE, reads.baseline, ReadQuery, BaselineOne, "Show a baseline", (SEEN,)),
    ReadRoute(f"{LEDGER}/rates", reads.rates, RatesQuery, RatesPage, "List exchange rates"),
    ReadRoute(
        f"{LEDGER}/rates/revaluations",
        reads.revaluations,
        RevaluationsQuery,
        RevaluationsPage,
        "List revaluations",
    ),
    ReadRoute(ACCOUNT, reads.account, ReadQuery, Account, "Show an account", ("ETag", SEEN)),
    ReadRoute(f"{ACCOUNT}/balances", reads.balances, BalancesQuery, Balances, "Show its balances"),
    ReadRoute(
        f"{ACCOUNT}/statement", reads.statement, StatementQuery, Statement, "Show its statement"
    ),
    ReadRoute(f"{LEDGER}/entries", reads.entries, EntriesQuery, EntriesPage, "List entries"),
    ReadRoute(ENTRY, reads.entry, ReadQuery, EntryRead, "Show an entry", (SEEN,)),
    ReadRoute(AUTHORIZATION, reads.authorization, ReadQuery, Authorization, "Show a hold", (SEEN,)),
    ReadRoute(
        f"{LEDGER}/authorizations",
        reads.authorizations,
        AuthorizationsQuery,
        AuthorizationsPage,
        "List holds",
    ),
    ReadRoute(
        f"{LEDGER}/reports/<report>",
        reads.report,
        ReportQuery,
        Report,
        "Make a report",
        files=(CSV, XLSX, PDF, TEXT),
    ),
    ReadRoute(
        f"{LEDGER}/audit/<kind>/<path:id>", reads.audit, PageQuery, AuditTrail, "Audit a thing"
    ),
    ReadRoute(
        f"{LEDGER}/events", reads.events, EventsQuery, EventsPage, "Read the log", line=Record
    ),
)
