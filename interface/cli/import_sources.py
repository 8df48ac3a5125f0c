"""The sources of an import: files in the forms that it reads, opened for a certain ledger."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from application.ledgers import Ledgers
from interface.cli.references import References, read_numbers
from interface.http.books import read_ledger
from interface.http.viewing import read_asset_states
from interface.importing.amounts import Decimal
from interface.importing.beancount import read_beancount
from interface.importing.chart import ACCOUNT_TYPES
from interface.importing.columns import BadMapping
from interface.importing.files import BLOCK_BYTES
from interface.importing.gl_detail import read_gl_detail
from interface.importing.hledger import read_hledger
from interface.importing.lines import Line, Noticed, Refused, Setup
from interface.importing.ndjson import Block, read_ndjson
from interface.importing.plain_text import PlainText

Item = Block | Line | Refused | Noticed


class Source(NamedTuple):
    """What a file gives. `setup`, from the file `chart`, must stand before the commands; `total`:
    lines, for progress; `is_told`: another system's journals, as commands with the file that they
    are from."""

    setup: Sequence[Setup]
    remarks: Sequence[Refused | Noticed]
    items: Iterator[Item]
    total: int
    chart: str
    is_told: bool = True


class JournalOptions(NamedTuple):
    """How a plain-text journal is to be read. `form`: beancount or hledger."""

    form: str
    mapping: tuple[str, ...]
    system: str | None
    journal: str | None


class GlOptions(NamedTuple):
    """How a general ledger's file is to be read, as the command line says."""

    mapping: tuple[str, ...]
    open_accounts: str | None
    date_format: str | None
    decimal: Decimal | None
    delimiter: str | None
    encoding: str | None
    system: str | None
    journal: str | None


def ndjson_source(path: Path) -> Source:
    """Opens a file of commands, one a line. Raises OSError."""
    lines = 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK_BYTES):
            lines += block.count(b"\n")
    return Source((), (), read_ndjson(path), lines, path.name, is_told=False)


def journal_source(
    path: Path, options: JournalOptions, *, ledgers: Ledgers, ledger: str, references: References
) -> Source:
    """Reads a plain-text journal. Raises Unreadable, OSError."""
    with ledgers.reader(ledger) as connection:
        functional = read_ledger(connection)["functional_asset"]
        scales = {code: asset.scale for code, asset in read_asset_states(connection).items()}
    if options.form == "beancount":
        journal = read_beancount(path)
    else:
        journal = read_hledger(path, mapping=options.mapping)
    told = PlainText(
        journal,
        functional=functional,
        scales=scales,
        system=options.system,
        post_in=options.journal,
    )
    setup = [
        (kind, body)
        for kind, body in told.setup()
        if kind != "account" or not _stands(references, body["code"])
    ]
    return Source(setup, list(told.remarks()), told.lines(), told.lines_total, path.name)


def gl_detail_source(
    path: Path, options: GlOptions, *, ledgers: Ledgers, ledger: str, references: References
) -> Source:
    """Surveys a general ledger's file. Raises Unreadable, OSError, click.UsageError."""
    with ledgers.reader(ledger) as connection:
        shown = read_ledger(connection)
    chart: str | Path | None = options.open_accounts
    if chart is not None and chart not in ACCOUNT_TYPES:
        chart = Path(chart)
        if not chart.is_file():
            raise click.UsageError(
                f"--open-accounts takes a chart of accounts' file or one of"
                f" {', '.join(ACCOUNT_TYPES)}; there is no file {chart}"
            )
    try:
        detail = read_gl_detail(
            path,
            mapping=options.mapping,
            open_accounts=chart,
            functional_asset=shown["functional_asset"],
            timezone=shown["timezone"],
            account_codes=read_numbers(ledgers, ledger),
            system=options.system,
            journal=options.journal,
            date_format=options.date_format,
            decimal=options.decimal,
            delimiter=options.delimiter,
            encoding=options.encoding,
        )
    except BadMapping as error:
        raise click.UsageError(f"--map: {error}") from error
    setup = [(kind, body) for kind, body in detail.setup if not _stands(references, body["code"])]
    if chart is not None:
        # Accounts in a currency are of no use without the currency.
        missing = sorted(detail.assets - references.assets)
        setup = [*(("asset", {"code": code}) for code in missing), *setup]
    named = chart.name if isinstance(chart, Path) else path.name
    return Source(setup, detail.remarks, detail.lines(), detail.rows, named)


def _stands(references: References, code: str) -> bool:
    return references.accounts is not None and code in references.accounts
