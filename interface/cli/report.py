"""`backoffice report`: a report on the terminal, or in a file."""

import re
import sys
from collections.abc import Callable, Collection
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from psycopg import Connection
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from application.ledgers import Ledgers
from application.records import SHAPES
from application.sessions import acting_as_service
from application.store import schema_of
from interface.bootstrap import Database, migrated, running
from interface.cli.certificate import make_certificate, state_account
from interface.cli.failures import Failed
from interface.cli.options import FILE_WIDTH, plain_console, settings_option, write_json
from interface.http.door import snapshot
from interface.http.viewing import read_own
from interface.reports.catalogue import REPORTS
from interface.reports.certificates import CERTIFIED, draft
from interface.reports.document import NOTHING, Document, as_csv, as_json
from interface.reports.making import make_document
from interface.reports.periods import PERIOD, of_period
from interface.settings import Settings
from projections.following import Follower
from projections.moments import position_at
from projections.report import NeedsMore, Report, TooLarge
from projections.runner import Stopped, catch_up, connect, enter
from projections.showing import VIEWS
from projections.status import read_shown

DAY = click.DateTime(["%Y-%m-%d"])
BINARY = ("xlsx", "pdf")

FOLDED_WIDTH = 16
"""Texts are folded to no less than this."""
GAP_WIDTH = 3
"""Between columns."""

Made = TypeVar("Made")


@click.command()
@click.argument("name", type=click.Choice(list(REPORTS)))
@click.option("--ledger", metavar="L", required=True)
@click.option("--effective-on", type=DAY, metavar="DAY", help="As of the end of this day.")
@click.option(
    "--from", "from_", type=DAY, metavar="DAY", help="The first effective day, as 2026-03-31."
)
@click.option("--to", type=DAY, metavar="DAY", help="The last effective day.")
@click.option("--period", metavar="YYYY-MM|YYYY", help="A month or fiscal year, as closed.")
@click.option("--close", type=click.IntRange(1), help="As known at this close of the period.")
@click.option("--against", type=click.IntRange(1), help="Of a restatement: the later close.")
@click.option(
    "--known-at",
    metavar="DAY|MOMENT",
    help="What was on record then: at the end of the day there, or at 2026-04-02T12:00:00Z.",
)
@click.option("--known-position", type=click.IntRange(0), help="What was on record there.")
@click.option("--depth", type=click.IntRange(1, 8), help="So many segments of accounts' codes.")
@click.option("--basis", help="Of a trial balance (post-closing) or a statement (effective).")
@click.option("--account", metavar="CODE", help="It, or all below it.")
@click.option("--asset", help="Of a statement.")
@click.option("--dimension", help="cost_centre without it.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "xlsx", "pdf"]),
    help="By the ending of --output without it, or else a table.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; standard output without it.",
)
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the report's signed certificate there, where there is one of it. Of a statement"
    " this first puts on record how many lines the account has.",
)
@click.option("--json", "wants_json", is_flag=True, help="The same as --format json.")
@settings_option
def report(
    *,
    name: str,
    ledger: str,
    settings: Settings,
    form: str | None,
    output: Path | None,
    wants_json: bool,
    certificate: Path | None,
    **options: Any,
) -> None:
    """Make a report of a ledger, as of now or as known earlier."""
    query = {
        option: _value(option, value) for option, value in options.items() if value is not None
    }
    if unknown := query.keys() - REPORTS[name].takes - {"known_at", "known_position"}:
        flags = ", ".join(f"--{option.rstrip('_').replace('_', '-')}" for option in sorted(unknown))
        raise click.UsageError(f"{name} does not take {flags}.")
    if "basis" in query and query["basis"] not in REPORTS[name].bases:
        raise click.UsageError(f"--basis takes {', '.join(REPORTS[name].bases)}.")
    if "period" in query and not re.fullmatch(PERIOD, query["period"]):
        raise click.UsageError("--period takes a month such as 2026-03, or a year.")
    form = "json" if wants_json else form or _form_of(output)
    if form in BINARY and output is None:
        raise click.UsageError(f"Give --output for {form}.")
    if certificate is not None and name not in CERTIFIED:
        raise click.UsageError(f"There are certificates of: {', '.join(sorted(CERTIFIED))}.")
    if certificate is not None and name == "statement" and "period" in query:
        raise click.UsageError("A certified statement is of now: name its days, not a period.")
    with running(settings) as database, migrated(database) as ledgers:
        if certificate is None:
            document = take_report(database, ledgers, ledger, name, query, lambda _, made: made)
        else:
            if name == "statement" and query.keys().isdisjoint({"known_at", "known_position"}):
                query |= _stated(database, ledgers, ledger, query)
            drafted = take_report(database, ledgers, ledger, name, query, draft)
            certificate.write_text(make_certificate(database, ledgers, drafted))
            document = drafted.document
        write(document, form, output)


def _stated(
    database: Database, ledgers: Ledgers, ledger: str, query: dict[str, Any]
) -> dict[str, Any]:
    """Puts on record what the statement is of, and returns its asset and that position."""
    asset: str = query.get("asset") or take_report(
        database, ledgers, ledger, "statement", query, lambda _, made: made.report.asked["asset"]
    )
    position = state_account(ledgers, ledger, account=query["account"], asset=asset)
    return {"asset": asset, "known_position": position}


def take_report(
    database: Database,
    ledgers: Ledgers,
    ledger: str,
    name: str,
    query: dict[str, Any],
    take: Callable[[Connection[Any], Document], Made],
) -> Made:
    """Returns what is taken of the report within its snapshot."""
    views = REPORTS[name].views
    bring_views(database, ledgers, ledger, views)
    with ledgers.reader(ledger) as reader, snapshot(reader, views=views, seconds=60):
        own = read_own(reader)
        # Not the head: more may have been recorded since the views came to it.
        known = read_shown(reader, *views)
        try:
            query = of_period(reader, own, query, REPORTS[name].takes)
        except NeedsMore as error:
            raise click.UsageError(f"--{error.name}: {error}") from error
        if "known_at" in query:
            known = min(known, position_at(reader, query["known_at"], own.timezone))
        known = min(known, query.get("known_position", known))
        try:
            made = make_document(reader, ledger=own, known=known, name=name, query=query)
            return take(reader, made)
        except NeedsMore as error:
            raise click.UsageError(f"--{error.name}: {error}") from error
        except TooLarge as error:
            raise Failed(str(error)) from error


def bring_views(database: Database, ledgers: Ledgers, ledger: str, views: Collection[str]) -> None:
    """Takes views of a ledger to the head as of now. Raises Failed, LedgerNotFound."""
    with ledgers.reader(ledger):  # which says so where there is none
        pass
    schema = schema_of(ledger)
    with closing(connect(acting_as_service(database.service))) as connection:
        enter(connection, schema)
        followers = [
            Follower(ledger=ledger, schema=schema, view=view, decode=SHAPES.decode)
            for view in VIEWS
            if view.name in views
        ]
        try:
            catch_up(connection, followers)
        except (Stopped, TimeoutError) as error:
            raise Failed(f"{error}. `backoffice projections status` says more.") from error


def write(document: Document, form: str, output: Path | None) -> None:
    """Writes a report in a form, to standard output without a path."""
    if form == "table":
        _write_table(document, output)
    elif form == "json" and output is None:
        write_json(as_json(document))
    else:
        content = _content(document, form)
        if output is None:
            sys.stdout.buffer.write(content)
        else:
            output.write_bytes(content)


def _content(document: Document, form: str) -> bytes:
    if form == "json":
        return msgspec.json.encode(as_json(document)) + b"\n"
    if form == "csv":
        return as_csv(document)
    if form == "xlsx":
        from interface.reports.sheet import as_xlsx

        return as_xlsx(document)
    from interface.reports.pages import as_pdf

    return as_pdf(document)


def _write_table(document: Document, output: Path | None) -> None:
    table = _table(document.report)
    if output is not None:
        with output.open("w") as stream:
            _print_table(document, table, plain_console(file=stream, width=_width(table)))
    elif sys.stdout.isatty():
        room = max(plain_console().width, _width_min(document.report))
        _print_table(document, table, plain_console(width=room))
    else:
        _print_table(document, table, plain_console(width=_width(table)))


def _width(table: Table) -> int:
    """A file is as wide as it takes: nothing is cut off."""
    unbounded = plain_console(width=10 * FILE_WIDTH)
    return max(FILE_WIDTH, Measurement.get(unbounded, unbounded.options, table).maximum)


def _width_min(report: Report) -> int:
    """Texts are folded to fit a terminal. Figures are not: in a narrower one its lines break."""
    width = 0
    for column in report.columns:
        cells = {str(row.values.get(column.name) or "") for row in report.rows}
        longest = max(map(len, {*column.title.split(), *cells}))
        width += min(longest, FOLDED_WIDTH) if column.kind == "text" else longest
    return width + GAP_WIDTH * len(report.columns)


def _table(report: Report) -> Table:
    table = Table(title=report.title, box=SIMPLE_HEAD, pad_edge=False)
    for column in report.columns:
        is_number = column.kind in ("amount", "number")
        table.add_column(
            column.title,
            justify="right" if is_number else "left",
            overflow="fold",
            no_wrap=column.kind != "text",
        )
    for row in report.rows:
        values = [row.values.get(column.name) for column in report.columns]
        style = None if row.kind == "line" else "bold"
        table.add_row(
            *("" if v is None else str(v) for v in values),
            style=style,
            end_section=row.kind == "total",
        )
    return table


def _print_table(document: Document, table: Table, console: Console) -> None:
    for name, text in document.heads:
        console.print(f"{name}: {text}", highlight=False)
    console.print(table)
    notes = document.report.notes if document.report.rows else [NOTHING, *document.report.notes]
    for note in notes:
        console.print(note, highlight=False)


def _form_of(output: Path | None) -> str:
    ending = "" if output is None else output.suffix.removeprefix(".")
    return ending if ending in ("json", "csv", *BINARY) else "table"


def _value(option: str, value: Any) -> Any:
    if option == "known_at":
        return parse_known_at(value)
    return value.date() if isinstance(value, datetime) else value


def parse_known_at(text: str) -> date | datetime:
    """Returns a day or a moment with its offset. Raises click.UsageError."""
    try:
        if len(text) <= len("2026-03-31"):
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.UsageError(f"--known-at {text}: not a day or a moment.") from error
    if moment.tzinfo is None:
        raise click.UsageError(f"--known-at {text}: a moment needs its offset, such as Z.")
    return moment
