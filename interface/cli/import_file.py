"""`backoffice import`: a file of commands, or of another system's journals, into a ledger.

The Writer runs in this process, beside those of a running service: the ledger's lock orders them.
Every command has a key that follows from the file, so importing again adds nothing.
"""

import time
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from application.ledgers import Ledgers
from application.outcomes import Caller
from domain.ledgers import SYSTEM
from interface.bootstrap import opened
from interface.cli.access import account_name, record_actor
from interface.cli.digest_secret import read_digest_secret
from interface.cli.failures import Failed
from interface.cli.founding import make
from interface.cli.import_bundle import import_bundle, say_restored
from interface.cli.import_sources import (
    GlOptions,
    JournalOptions,
    Source,
    gl_detail_source,
    journal_source,
    ndjson_source,
)
from interface.cli.intake import Intake, Origin
from interface.cli.invalid import sentences
from interface.cli.key import actor_id
from interface.cli.known_journals import KnownJournals
from interface.cli.options import json_option, settings_option, write_json
from interface.cli.progress import Advance, progress
from interface.cli.references import read_references
from interface.cli.refusals import Report, opened_report
from interface.collector import calm_collector
from interface.evidence.restore import Terms
from interface.http.loading_batch import fast_lines
from interface.http.parsing import Element
from interface.http.units import Unfit, load_command, refused
from interface.importing.lines import Line, Noticed, Refused, Setup, Unreadable
from interface.importing.ndjson import Block, Occurrences
from interface.settings import Settings

FORMATS = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".csv": "gl-detail",
    ".tsv": "gl-detail",
    ".txt": "gl-detail",
    ".beancount": "beancount",
    ".bean": "beancount",
    ".journal": "hledger",
    ".hledger": "hledger",
}
_encode = msgspec.json.Encoder().encode


class Summary(NamedTuple):
    """What an import did. `done`: commands that were new; `opened`: accounts and assets made."""

    ledger: str
    file: str
    done: int
    already_done: int
    refused: int
    noticed: int
    opened: int
    position: int | None
    seconds: float
    report: str | None


@click.command("import")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--ledger", help="The ledger that takes it; of a bundle its own.")
@click.option(
    "--continue",
    "reason",
    metavar="REASON",
    help="Of a bundle: go on writing, under a name of its own; read-only without it.",
)
@click.option(
    "--without-texts",
    is_flag=True,
    help="Of a bundle: also where its records came with texts that it does not have; `verify` will"
    " say so.",
)
@click.option(
    "--digest-secret",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Of a bundle: what `export --digest-secret` wrote, so that commands which were done before"
    " are known again.",
)
@click.option(
    "--actor",
    callback=actor_id,
    default=account_name,
    help="Who imports; the name of your account without it. Part of every command's identity.",
)
@click.option(
    "--format",
    type=click.Choice(sorted(set(FORMATS.values()))),
    help="ndjson: commands, one a line. gl-detail: journals as in the AICPA's Audit Data"
    " Standard. beancount, hledger: plain-text journals. By the file's name without it.",
)
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="What was refused.")
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="FIELD=HEADING",
    help="Name a column; of an hledger journal COMMODITY=ASSET.",
)
@click.option(
    "--open-accounts",
    metavar="CHART|TYPE",
    help="Open accounts that are missing: from a chart of accounts' file, or all as asset,"
    " liability, equity, revenue or expense. Currencies that are missing too.",
)
@click.option("--date-format", help="How days are written, such as DD/MM/YYYY.")
@click.option("--decimal", type=click.Choice([".", ","]), help="The decimal mark.")
@click.option("--delimiter", help="What stands between cells.")
@click.option("--encoding", help="Of the file, such as cp1252; UTF-8 without it.")
@click.option("--system", help="Where the journals come from; part of their keys.")
@click.option("--journal", help="The journal to post in; GEN without it.")
@settings_option
@json_option
def import_file(
    *,
    file: Path,
    ledger: str | None,
    reason: str | None,
    without_texts: bool,
    digest_secret: Path | None,
    actor: str,
    format: str | None,
    report: Path | None,
    settings: Settings,
    wants_json: bool,
    **options: Any,
) -> None:
    """Import FILE into a ledger: NDJSON commands, CSV in the columns of GL detail, or a plain-text
    journal of beancount or hledger. Or restore the ledger of a bundle, a directory, as it was:
    verified on the way, all or nothing.

    What can't be taken is refused by line and listed in the report; the rest goes in. Importing
    again adds nothing. Exits with 1 where something was refused.
    """
    if file.is_dir():
        if ledger is not None or any(options.values()):
            raise click.UsageError(
                "A bundle is restored as it is: only --continue, --without-texts and"
                " --digest-secret go with it."
            )
        secret = None if digest_secret is None else read_digest_secret(digest_secret)
        found = import_bundle(settings, file, reason, Terms(without_texts, secret))
        say_restored(found, wants_json=wants_json)
        return
    if ledger is None or reason is not None or without_texts or digest_secret is not None:
        raise click.UsageError(
            "A file needs --ledger; --continue, --without-texts, --digest-secret are for bundles."
        )
    gl_options = checked_options(file, ledger, format, GlOptions(**options))
    began = time.monotonic()
    with opened(settings) as ledgers, opened_report(report) as remarks:
        caller = Caller(actor, None, frozenset({"controller"}), "import")
        ledger_import = LedgerImport(ledgers, ledger, caller)
        source = ledger_import.open_source(file, gl_options)
        intake, made = ledger_import.take(source, file.name, remarks)
    summary = Summary(
        ledger=ledger,
        file=file.name,
        done=intake.done,
        already_done=intake.replayed,
        refused=remarks.refused,
        noticed=remarks.noticed,
        opened=made,
        position=intake.position or None,
        seconds=round(time.monotonic() - began, 3),
        report=None if report is None else str(report),
    )
    if wants_json:
        write_json(summary._asdict())
    else:
        say(summary, remarks.shown)
    if summary.refused:
        raise click.exceptions.Exit(1)


def checked_options(
    file: Path, ledger: str, format: str | None, options: GlOptions
) -> GlOptions | JournalOptions | None:
    """Returns the options for the file's form, None for NDJSON. Raises click.UsageError."""
    format = format or FORMATS.get(file.suffix.lower())
    if format is None:
        raise click.UsageError(f"{file.name}: say what it is with --format")
    if ledger == SYSTEM:
        raise click.UsageError(f"nothing is imported into the ledger {SYSTEM}")
    if format == "gl-detail":
        return options
    if format == "ndjson":
        if any(options):
            raise click.UsageError("an NDJSON file takes none of the options about columns")
        return None
    taken = JournalOptions(format, options.mapping, options.system, options.journal)
    if any(options._replace(mapping=(), system=None, journal=None)):
        raise click.UsageError(f"{format} takes none of the options about columns and accounts")
    if format == "beancount" and options.mapping:
        raise click.UsageError("beancount takes no --map: its commodities are assets' codes")
    return taken


class LedgerImport:
    """One ledger, opened for an import by one actor. Raises LedgerNotFound."""

    def __init__(self, ledgers: Ledgers, ledger: str, caller: Caller) -> None:
        self._ledgers = ledgers
        self._ledger = ledger
        self._caller = caller
        self._references = read_references(ledgers, ledger)
        record_actor(ledgers, actor=caller.actor, owner=None)

    def open_source(self, file: Path, options: GlOptions | JournalOptions | None) -> Source:
        """Opens a file, of NDJSON without options. Raises Failed."""
        place: dict[str, Any] = {
            "ledgers": self._ledgers,
            "ledger": self._ledger,
            "references": self._references,
        }
        try:
            if options is None:
                return ndjson_source(file)
            if isinstance(options, JournalOptions):
                return journal_source(file, options, **place)
            return gl_detail_source(file, options, **place)
        except (Unreadable, OSError) as error:
            raise Failed(f"Nothing was imported. {error}") from error

    def take(self, source: Source, file: str, remarks: Report) -> tuple[Intake, int]:
        """Takes all of a source, and returns how that went and how many things were made first.

        Raises Failed, Unanswered.
        """
        for remark in source.remarks:
            remarks.take(source.chart, remark)
        writer = self._ledgers.writer(self._ledger)

        def refuse_setup(one: Setup, code: str, detail: str) -> None:
            remarks.refuse(source.chart, 0, str(one[1].get("code")), code, detail)

        made = make(writer, source.setup, caller=self._caller, refuse=refuse_setup)
        for kind, body in made:
            self._references.add(kind, body["code"])

        def refuse(origin: Origin, result: dict[str, Any]) -> None:
            detail = "; ".join(sentences(result.get("errors", {}))) or result["detail"]
            remarks.refuse(file, origin.line, origin.id, result["code"], detail)

        known = KnownJournals(self._ledgers, self._ledger, self._caller)
        calm_collector()
        with (
            Occurrences() as groups,
            progress(file, total=source.total) as advance,
            Intake(
                writer,
                self._caller,
                groups=groups,
                refuse=refuse,
                are_there=known.are_there if source.is_told else None,
            ) as intake,
        ):
            try:
                self._read(source, file, intake, remarks, advance)
            except Unreadable as error:
                intake.finish()
                raise Failed(f"{error}. {intake.done:,} commands before it went in.") from error
        return intake, len(made)

    def _read(
        self, source: Source, file: str, intake: Intake, remarks: Report, advance: Advance
    ) -> None:
        for item in source.items:
            if isinstance(item, Block):
                self._take_block(item, intake, advance)
            elif isinstance(item, Noticed):
                remarks.take(file, item)
            else:
                self._take_one(item, intake, advance)

    def _take_block(self, block: Block, intake: Intake, advance: Advance) -> None:
        elements = fast_lines(block.lines)
        if elements is not None and self._references.have_all(elements):
            intake.add_all(block.numbers, elements)
            advance(block.numbers[-1])
            return
        for one in block.each():
            self._take_one(one, intake, advance)

    def _take_one(self, one: Line | Refused, intake: Intake, advance: Advance) -> None:
        if isinstance(one, Refused):
            # Through the intake: the report is in the order of the file.
            origin = Origin(one.line, one.journal_id)
            intake.add(origin, Unfit(refused(one.code, one.detail)))
            return
        command = load_command(_encode(one.command))
        if isinstance(command, Element):
            command = self._references.judge(command) or command
        intake.add(Origin(one.number, one.journal_id or one.command["key"]), command)
        advance(one.number)


def say(summary: Summary, refused: list[str]) -> None:
    """Writes the summary to standard output, and some of what was refused to standard error."""
    for line in refused:
        click.echo(line, err=True)
    if summary.refused > len(refused):
        click.echo(f"... and {summary.refused - len(refused):,} more", err=True)
    if summary.refused and summary.report is None:
        click.echo("--report FILE lists all that is refused.", err=True)
    parts = [f"{summary.done:,} imported"]
    if summary.already_done:
        parts.append(f"{summary.already_done:,} there already")
    if summary.opened:
        parts.append(f"{summary.opened:,} accounts and assets made")
    if summary.refused:
        parts.append(f"{summary.refused:,} refused")
    click.echo(f"{summary.file} -> {summary.ledger}: {', '.join(parts)}")
