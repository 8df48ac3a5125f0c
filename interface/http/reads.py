"""Reads: each route's function."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import DictRow

from application.ledgers import read_position
from application.permissions import READ_EVENTS, READ_LEDGER
from interface.http.accounts import account_shown, etag, read_account, read_balances
from interface.http.admission import Guest, check_may_read
from interface.http.audit import THINGS, check_kind, log_question, log_trail, thing_trail
from interface.http.authorizations import read_authorization
from interface.http.baselines import read_baseline, read_baselines
from interface.http.books import read_ledger
from interface.http.certificates import asked_certificate, certificate_answer, drafted
from interface.http.door import Door
from interface.http.entries import read_entry
from interface.http.events import Events
from interface.http.exchange import read_rates, read_revaluations
from interface.http.limits import read_limits
from interface.http.lists import authorizations_page, entries_page
from interface.http.messages import (
    JSON,
    NDJSON,
    Answer,
    Environ,
    is_unchanged,
    json_answer,
    wants_ndjson,
)
from interface.http.pages import (
    Page,
    asked_page,
    page_of,
    read_accounts,
    read_assets,
    read_journals,
)
from interface.http.past import past_balances, statement_shown
from interface.http.periods import read_period, read_periods
from interface.http.reports import (
    SECONDS_MAX,
    AskedReport,
    asked_report,
    check_taken,
    of_period_asked,
    report_answer,
)
from interface.http.targets import (
    named_account,
    named_authorization,
    named_baseline,
    named_entry,
    named_period,
)
from interface.http.viewing import viewing
from interface.reports.periods import WORDS

Query = dict[str, Any]

SEEN = "Ledger-Position"
READ_BASELINES = READ_EVENTS | {"approver"}
"""Who is to approve them has to see them."""
PAST = frozenset({"effective_on", "known_at", "known_position"})
"""What of a query only the views can answer."""


class Reading(NamedTuple):
    """One request to read: who asks, with which parameters."""

    door: Door
    environ: Environ
    guest: Guest
    query: Query


def ledgers(reading: Reading) -> Answer:
    """Answers with a page of the ledgers that the key opens."""
    door, _, guest, query = reading
    check_may_read(guest, READ_LEDGER, "ledgers")
    after, limit = asked_page(query)
    mine = guest.key.ledger
    names = [name for name in door.ledgers.names() if name > after and mine in (None, name)]
    items = []
    for name in names[:limit]:
        with door.ledgers.reader(name) as connection:
            items.append(read_ledger(connection))
    return json_answer(200, page_of(names, [*items, *names[limit : limit + 1]], limit))


def ledger(reading: Reading, ledger: str) -> Answer:
    """Answers with a ledger."""
    door, _, guest, query = reading
    with door.reading(guest, ledger, query) as connection:
        return json_answer(200, read_ledger(connection))


def _page(reading: Reading, ledger: str, read: Callable[..., Page], **may: Any) -> Answer:
    """Answers with a page of what is there now, and the position that it shows."""
    door, _, guest, query = reading
    with door.snapshot(guest, ledger, query, **may) as connection:
        page = read(connection, query)
        return json_answer(200, {**page, "position": read_position(connection)})


def _one(
    reading: Reading,
    ledger: str,
    read: Callable[[Connection[DictRow]], dict[str, Any]],
    **may: Any,
) -> Answer:
    """Answers with one thing; the header says which position it shows."""
    door, _, guest, query = reading
    with door.snapshot(guest, ledger, query, **may) as connection:
        shown = read(connection)
        return json_answer(200, shown, [(SEEN, str(read_position(connection)))])


def _listed(read: Callable[[Connection[DictRow], Query], Page]) -> Callable[..., Answer]:
    """Returns the route's function of a list that takes the ledger's rows and the query alone."""

    def listed(reading: Reading, ledger: str) -> Answer:
        return _page(reading, ledger, read)

    # By this name the OpenAPI document knows the route.
    listed.__name__ = read.__name__.removeprefix("read")
    return listed


assets = _listed(read_assets)
journals = _listed(read_journals)
accounts = _listed(read_accounts)
rates = _listed(read_rates)
revaluations = _listed(read_revaluations)


def limits(reading: Reading, ledger: str) -> Answer:
    """Answers with a page of limits, and what is taken of them now."""
    return _page(reading, ledger, partial(read_limits, now=reading.door.ledgers.now()))


def baselines(reading: Reading, ledger: str) -> Answer:
    """Answers with a page of baselines."""
    return _page(reading, ledger, read_baselines, roles=READ_BASELINES, what="baselines")


def baseline(reading: Reading, ledger: str, baseline: str) -> Answer:
    """Answers with one version of a baseline."""

    def read(connection: Connection[DictRow]) -> dict[str, Any]:
        return read_baseline(connection, named_baseline(baseline))

    return _one(reading, ledger, read, roles=READ_BASELINES, what="baselines")


def periods(reading: Reading, ledger: str) -> Answer:
    """Answers with a page of periods, as they stand now."""
    return _page(reading, ledger, partial(read_periods, now=reading.door.ledgers.now()))


def period(reading: Reading, ledger: str, period: str) -> Answer:
    """Answers with a period, as it stands now."""
    now = reading.door.ledgers.now()
    return _one(reading, ledger, lambda books: read_period(books, named_period(period), now=now))


def account(reading: Reading, ledger: str, account: str) -> Answer:
    """Answers with an account; its version is the ETag, and who has that gets no other one."""
    door, environ, guest, query = reading
    with door.snapshot(guest, ledger, query) as connection:
        found = read_account(connection, named_account(account))
        seen = str(read_position(connection))
    headers = [etag(found.version), (SEEN, seen)]
    if is_unchanged(environ, headers[0][1]):
        return Answer(304, headers, b"")
    return json_answer(200, account_shown(found), headers)


def balances(reading: Reading, ledger: str, account: str) -> Answer:
    """Answers with balances: as they stand now; of the past and of branches from the views."""
    door, _, guest, query = reading
    code = named_account(account)
    if code.endswith(":") or not query.keys().isdisjoint(PAST):
        with viewing(door, guest, ledger, query, "lines", "holds") as seen:
            return json_answer(200, past_balances(seen, code, query))
    with door.reading(guest, ledger, query) as connection:
        return json_answer(200, read_balances(connection, code, asset=query.get("asset")))


def statement(reading: Reading, ledger: str, account: str) -> Answer:
    """Answers with a page of an account's statement."""
    door, _, guest, query = reading
    code = named_account(account)
    with viewing(door, guest, ledger, query, "lines") as seen:
        return json_answer(200, statement_shown(seen, code, query))


def entries(reading: Reading, ledger: str) -> Answer:
    """Answers with a page of entries."""
    door, _, guest, query = reading
    with viewing(door, guest, ledger, query, "entries") as seen:
        return json_answer(200, entries_page(seen, query))


def authorizations(reading: Reading, ledger: str) -> Answer:
    """Answers with a page of holds."""
    door, _, guest, query = reading
    with viewing(door, guest, ledger, query, "holds") as seen:
        return json_answer(200, authorizations_page(seen, query, now=door.ledgers.now()))


def entry(reading: Reading, ledger: str, entry: str) -> Answer:
    """Answers with an entry."""
    return _one(reading, ledger, lambda books: read_entry(books, named_entry(entry)))


def authorization(reading: Reading, ledger: str, authorization: str) -> Answer:
    """Answers with a hold, as it stands now."""

    def read(connection: Connection[DictRow]) -> dict[str, Any]:
        id = named_authorization(authorization)
        return read_authorization(connection, id, now=reading.door.ledgers.now())

    return _one(reading, ledger, read)


def events(reading: Reading, ledger: str) -> Answer:
    """Answers with a page of records, or with lines of them to the end."""
    door, environ, guest, query = reading
    if "account" in query:
        with viewing(
            door, guest, ledger, query, "lines", "holds", roles=READ_EVENTS, what="events"
        ) as seen:
            events = Events(door.ledgers, ledger, query)
            page = events.first(seen.connection)
    else:
        with door.reading(guest, ledger, query, roles=READ_EVENTS, what="events") as connection:
            events = Events(door.ledgers, ledger, query)
            page = events.first(connection)
    if wants_ndjson(environ):
        return Answer(200, [("Content-Type", NDJSON[0])], events.lines(page))
    return Answer(200, [("Content-Type", JSON)], page.as_json())


def audit(reading: Reading, ledger: str, kind: str, id: str) -> Answer:
    """Answers with a thing's trail."""
    door, _, guest, query = reading
    check_may_read(guest, READ_EVENTS, "audit trails")
    check_kind(kind)
    if kind in THINGS:
        with door.reading(guest, ledger, query, roles=READ_EVENTS, what="audit") as connection:
            return json_answer(200, thing_trail(connection, kind, id))
    asked = log_question(kind, id, query)
    if kind == "account":
        with viewing(
            door, guest, ledger, query, "lines", "holds", roles=READ_EVENTS, what="audit"
        ) as seen:
            return json_answer(200, log_trail(seen.connection, Events(door.ledgers, ledger, asked)))
    with door.reading(guest, ledger, query, roles=READ_EVENTS, what="audit") as connection:
        return json_answer(200, log_trail(connection, Events(door.ledgers, ledger, asked)))


def report(reading: Reading, ledger: str, report: str) -> Answer:
    """Answers with a report in the form that was asked for, or with its certificate."""
    door, environ, guest, query = reading
    check_may_read(guest, READ_EVENTS, "reports")
    certified = asked_certificate(report)
    asked = asked_report(environ, certified or report)
    check_taken(asked, query)
    query = _with_period(reading, ledger, asked, query)
    with viewing(
        door,
        guest,
        ledger,
        query,
        *asked.named.views,
        roles=READ_EVENTS,
        what="reports",
        seconds=SECONDS_MAX,
    ) as seen:
        if certified is None:
            return report_answer(seen, asked, query)
        found = drafted(seen, certified, query)
    # Outside of the snapshot: what is signed by now is not in it.
    return certificate_answer(door, found)


def _with_period(reading: Reading, ledger: str, asked: AskedReport, query: Query) -> Query:
    """Returns a report's query with what the period that it names stands for."""
    if query.keys().isdisjoint(WORDS):
        return query
    door, _, guest, _ = reading
    with door.reading(guest, ledger, query, roles=READ_EVENTS, what="reports") as connection:
        return of_period_asked(connection, asked, query)
