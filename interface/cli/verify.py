"""`backoffice verify`: a ledger's evidence checked, from its first record to its last row."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import psycopg

from application.sessions import acting_as_service
from application.transparency.certificates import Certificate
from application.transparency.notes import (
    BadNote,
    Checkpoint,
    VerifierKey,
    parse_checkpoint,
    parse_note,
)
from interface.bootstrap import migrated, running
from interface.cli.failures import Failed
from interface.cli.options import json_option, settings_option, write_json
from interface.cli.progress import progress
from interface.collector import calm_collector
from interface.evidence.certificates import Certified
from interface.evidence.divergence import Divergence
from interface.evidence.live import (
    LiveSource,
    session,
    shown_record,
    verify_live,
    verify_signed,
)
from interface.evidence.read_bundle import Bundle, verify_bundle, verify_signed_bundle
from interface.evidence.signed import SignedTree
from interface.evidence.verification import Listener, Verification
from interface.settings import Settings

FOUND_WRONG = 1


@click.command()
@click.argument(
    "bundle", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False)
)
@click.option("--ledger", help="Which ledger of the database; or name a bundle.")
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A checkpoint that was kept elsewhere: the log must still be the one it was signed for.",
)
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A report's certificate: the records must give the report that was certified.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The certified report, as JSON: it must be that one; where it is not, what differs.",
)
@click.option(
    "--signed-only",
    is_flag=True,
    help="Only leaves, tiles, roots and signatures: that no byte of a record was changed since it"
    " was signed. Several times as fast.",
)
@settings_option
@json_option
@click.pass_context
def verify(
    context: click.Context,
    *,
    bundle: Path | None,
    ledger: str | None,
    against: Path | None,
    certificate: Path | None,
    report: Path | None,
    signed_only: bool,
    settings: Settings,
    wants_json: bool,
) -> None:
    """Work out again all that a ledger's records, tiles, checkpoints and rows say.

    Of a ledger in its database, or of a bundle that `backoffice export` wrote. Names the first
    position that diverges and shows its record; exit status 1.
    """
    if (bundle is None) == (ledger is None):
        raise click.UsageError("Name a bundle, or a ledger with --ledger.")
    if against is not None and certificate is not None:
        raise click.UsageError("A certificate has its own checkpoint: leave out --against.")
    if report is not None and certificate is None:
        raise click.UsageError("--report goes with --certificate.")
    if signed_only and certificate is not None:
        raise click.UsageError("--signed-only makes no report again: leave out --certificate.")
    checkpoint = None if against is None else read_checkpoint(against)
    held = Held(checkpoint, _bytes_of(certificate), _bytes_of(report))
    calm_collector()
    done: Right | Signed | Wrong
    if bundle is not None:
        done = _of_bundle(bundle, held, signed_only=signed_only)
    else:
        assert ledger is not None
        done = _of_ledger(settings, ledger, held, signed_only=signed_only)
    if isinstance(done, Wrong):
        _say_wrong(done, wants_json=wants_json)
        context.exit(FOUND_WRONG)
    if isinstance(done, Signed):
        _say_signed(done, wants_json=wants_json)
    else:
        _say_right(done, wants_json=wants_json)


class Held(NamedTuple):
    """What the ledger is held against: a checkpoint, or a certificate's bytes and perhaps its
    report's, or neither."""

    checkpoint: Checkpoint | None
    certificate: bytes | None
    report: bytes | None


class Right(NamedTuple):
    """What was worked out, and against what it was held."""

    verification: Verification
    against: Checkpoint | None
    certified: Certified | None


class Signed(NamedTuple):
    """Leaves, tiles, roots and signatures alone."""

    ledger: str
    tree: SignedTree
    against: Checkpoint | None


Verify = Callable[[Checkpoint | None, Listener | None], Verification]


def _verified(held: Held, ledger: str, keys: Sequence[VerifierKey], verify: Verify) -> Right:
    """Verifies, and makes a certified report again. Raises Divergence."""
    if held.certificate is None:
        return Right(verify(held.checkpoint, None), held.checkpoint, None)
    certified = Certified(held.certificate, ledger=ledger, keys=keys)
    done = verify(certified.checkpoint, certified.take)
    certified.end(held.report)
    return Right(done, None, certified)


class Wrong(NamedTuple):
    """What was found, and the record where it shows."""

    divergence: Divergence
    record: str | None


def _of_bundle(directory: Path, held: Held, *, signed_only: bool) -> Right | Signed | Wrong:
    try:
        bundle = Bundle(directory)
        with progress("records", total=bundle.manifest.size) as advance:
            if signed_only:
                tree = verify_signed_bundle(directory, against=held.checkpoint, advance=advance)
                return Signed(bundle.manifest.ledger, tree, held.checkpoint)
            return _verified(
                held,
                bundle.manifest.ledger,
                bundle.keys,
                lambda against, listener: verify_bundle(
                    directory, against=against, advance=advance, listener=listener
                ),
            )
    except Divergence as divergence:
        return Wrong(divergence, None)


def _of_ledger(
    settings: Settings, ledger: str, held: Held, *, signed_only: bool
) -> Right | Signed | Wrong:
    with running(settings) as database, migrated(database) as ledgers:
        ledgers.store(ledger)
        with ledgers.reader(ledger) as connection:
            row = connection.execute("SELECT position FROM head").fetchone()
        total = 0 if row is None else row["position"]
        service = acting_as_service(database.service)
        try:
            with session(service, ledger) as connection:
                keys = LiveSource(connection).signers.keys
            with progress("records", total=total) as advance:
                if signed_only:
                    tree = verify_signed(service, ledger, against=held.checkpoint, advance=advance)
                    return Signed(ledger, tree, held.checkpoint)
                return _verified(
                    held,
                    ledger,
                    keys,
                    lambda against, listener: verify_live(
                        service, ledger, against=against, advance=advance, listener=listener
                    ),
                )
        except Divergence as divergence:
            return Wrong(divergence, shown_record(service, ledger, divergence.position))
        except (psycopg.ProgrammingError, psycopg.DataError) as error:
            said = str(error).partition("\n")[0]
            return Wrong(Divergence(f"the tables are not those of a ledger: {said}"), None)


def _bytes_of(file: Path | None) -> bytes | None:
    return None if file is None else file.read_bytes()


def read_checkpoint(file: Path) -> Checkpoint:
    """Returns the head that a checkpoint file states. Raises Failed."""
    try:
        return parse_checkpoint(parse_note(file.read_bytes()).text)
    except BadNote as error:
        raise Failed(f"{file} is no checkpoint: {error}") from error


def _say_wrong(wrong: Wrong, *, wants_json: bool) -> None:
    divergence, record = wrong
    if wants_json:
        found = {"position": divergence.position, "found": divergence.message, "record": record}
        write_json({"verified": False, **found})
        return
    click.echo(str(divergence))
    if record is not None:
        click.echo(record)


def _say_right(right: Right, *, wants_json: bool) -> None:
    done, against, certified = right
    head = done.head()
    if wants_json:
        made = None if certified is None else summary(certified.certificate)
        size = None if against is None else against.size
        write_json({"verified": True, "against": size, "certificate": made, **head})
        return
    said = f"All {done.size} records of {done.fold.ledger} hold; root {head['root']}."
    if done.signed_size < done.size:
        said += f" Those after position {done.signed_size} are not signed yet."
    if certified is not None:
        said += f"\n{said_of(certified.certificate)}"
    if against is not None:
        said += f" They begin with the {against.size} of the checkpoint given."
    if done.texts.withheld:
        said += (
            f" The texts of {done.texts.withheld} of them were withheld from this copy, and can't"
            " be verified."
        )
    if done.views:
        shown = ", ".join(f"{name} {position}" for name, position in done.views.items())
        said += f" The views hold, as of the positions that they show: {shown}."
    click.echo(said)


def _say_signed(signed: Signed, *, wants_json: bool) -> None:
    tree, against = signed.tree, signed.against
    root = tree.root().hex()
    if wants_json:
        size = None if against is None else against.size
        head = {"ledger": signed.ledger, "size": tree.size, "root": root}
        write_json({"verified": True, "signed_only": True, "against": size, **head})
        return
    said = f"The {tree.size} signed records of {signed.ledger} are what was signed; root {root}."
    if against is not None:
        said += f" They begin with the {against.size} of the checkpoint given."
    click.echo(f"{said} What they say, and the rows, were not looked at.")


def summary(certificate: Certificate) -> dict[str, Any]:
    """Returns what was certified, for a program."""
    lines = certificate.lines
    counted = {} if lines is None else {"inside": len(lines.inside), "outside": len(lines.outside)}
    return {
        "report": certificate.report,
        "parameters": certificate.parameters,
        "position": certificate.position,
        "digest": certificate.digest,
        "software_version": certificate.software_version,
        **counted,
    }


def said_of(certificate: Certificate) -> str:
    """Returns what was certified, for a person."""
    asked = ", ".join(f"{name} {value}" for name, value in certificate.parameters.items())
    said = (
        f"The {certificate.report} ({asked}) as of position {certificate.position} is the one that"
        f" was certified; digest {certificate.digest}."
    )
    if certificate.lines is not None:
        inside, outside = len(certificate.lines.inside), len(certificate.lines.outside)
        said += f" It shows {inside} lines and leaves {outside} to other days; none is missing."
    return said
