"""The demonstration: its ledger, and a key for each role that outlives a restart.

The ledger goes in through the Writer, in order and under the story's own keys: after a crash the
rest of it follows. The keys are kept in the data directory, for its owner's eyes only, because a
demonstration is to be tried from another terminal, today and tomorrow. Each is proven at every
start, and made anew where the database does not know it (any more).
"""

import os
import re
import tempfile
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
import structlog

from application.ledgers import Ledgers
from application.outcomes import Asked, Caller
from application.permissions import ROLES
from domain.access import Role
from domain.baselines import ApproveBaseline
from domain.ledgers import CreateLedger
from interface.cli.access import issue_key, record_actor
from interface.cli.failures import Failed
from interface.cli.founding import make
from interface.cli.intake import Intake, Origin
from interface.cli.progress import progress
from interface.demo.chart import ledger_body, setup
from interface.demo.firm import closing_rates
from interface.demo.housing import baselines
from interface.demo.story import REFUSALS, commands
from interface.http.loading import Loader
from interface.http.schemas import CreateLedgerBody
from interface.http.units import load_command
from interface.importing.lines import Setup
from interface.importing.ndjson import Occurrences

KEYS_FILE = "keys.env"
COMMANDS = 22_000
"""About as many as the story has; for a bar to be filled."""

log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode
_LINE = re.compile(r"export ([A-Z]+)_KEY=(\S+)")


class Demonstration(NamedTuple):
    """What there is to try: `keys` by role, and the file that sets them in a shell."""

    ledger: str
    keys: dict[str, str]
    file: Path

    @property
    def text(self) -> str:
        """What `serve` says of it."""
        lines = [f"Ledger {self.ledger}. Keys, which `. {self.file}` sets in a shell:"]
        lines += [f"  {variable(role):15} {key}" for role, key in self.keys.items()]
        return "\n".join(lines)


def variable(role: str) -> str:
    """Returns the name under which a shell has the role's key."""
    return f"{role.upper()}_KEY"


def role_keys(ledgers: Ledgers, *, kept: dict[str, str]) -> dict[str, str]:
    """Returns a valid key for each role, the kept one where it is still valid.

    The actor is called as the role: whoever approves is another than who asks.
    """
    keys = {}
    for role in ROLES:
        known = ledgers.authenticate(kept[role]) if role in kept else None
        if known is not None and known.roles == [role] and known.ledger is None:
            keys[role] = kept[role]
            continue
        record_actor(ledgers, actor=role, owner=None)
        keys[role] = issue_key(ledgers, actor=role, roles=[cast(Role, role)]).token
    return keys


def read_keys(path: Path) -> dict[str, str]:
    """Returns the keys by role that a file written by `write_keys` has; none without a file."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    return {name.lower(): key for name, key in _LINE.findall(text)}


def write_keys(path: Path, *, url: str, ledger: str, keys: dict[str, str]) -> None:
    """Writes the keys, mode 0600, whole or not at all."""
    lines = [f"export BACKOFFICE_URL={url}", f"export LEDGER={ledger}"]
    lines += [f"export {variable(role)}={key}" for role, key in keys.items()]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, staged = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write("\n".join(lines) + "\n")
    Path(staged).replace(path)


def demonstrate(ledgers: Ledgers, *, url: str, data_dir: Path) -> Demonstration:
    """Loads the demonstration where it is not yet there, and returns what there is to try.

    Raises Failed, Unanswered.
    """
    path = data_dir / KEYS_FILE
    keys = role_keys(ledgers, kept=read_keys(path))
    ledger = load_story(ledgers)
    write_keys(path, url=url, ledger=ledger, keys=keys)
    return Demonstration(ledger, keys, path)


def load_story(ledgers: Ledgers) -> str:
    """Loads the demonstration's ledger, as far as it is not there, and returns its id.

    Raises Failed, Unanswered.
    """
    told = ledger_body()
    ledger: str = told["id"]
    founding = Loader(CreateLedgerBody).load(_encode(told))
    assert isinstance(founding, CreateLedger)
    created = ledgers.create(founding, key="demo:ledger", by=_by("operator"))
    if created.code not in (None, "already_exists"):
        raise Failed(f"The demonstration can't be made: {created.detail}")
    writer = ledgers.writer(ledger)
    (last,) = deque(commands(), maxlen=1)
    done = ledgers.store(ledger).stream(
        writer.ids.command_id(actor=_by("clerk").actor, key=last["key"])
    )
    if done:
        # And so is all that was sent before it.
        return ledger
    first = [
        *setup(),
        *(("baseline", body) for body in baselines()),
        *(("rate", body) for body in closing_rates()),
    ]
    make(writer, first, caller=_by("controller"), refuse=_wonder_at_setup)
    approve_baselines(ledgers, ledger)
    with (
        Occurrences() as groups,
        progress("the demonstration", total=COMMANDS) as advance,
        Intake(writer, _by("clerk"), groups=groups, refuse=_wonder) as intake,
    ):
        for number, command in enumerate(commands(), start=1):
            intake.add(Origin(number, command["key"]), load_command(_encode(command)))
            advance(number)
    log.info("demonstration_loaded", ledger=ledger, commands=intake.done)
    return ledger


def approve_baselines(ledgers: Ledgers, ledger: str) -> None:
    """Has compliance approve what the controller has proposed. Raises Failed, Unanswered."""
    with ledgers.reader(ledger) as connection:
        rows = connection.execute("SELECT id FROM baselines ORDER BY id").fetchall()
    approvals = [(f"demo:approve:{row['id']}", ApproveBaseline(baseline=row["id"])) for row in rows]
    compliance = _by("compliance")
    outcomes = ledgers.writer(ledger).submit(
        [(Asked(command, key, compliance),) for key, command in approvals]
    )
    for outcome in outcomes:
        if outcome.code not in (None, "already_exists"):
            raise Failed(f"A baseline can't be approved: {outcome.detail}")


def _by(role: str) -> Caller:
    return Caller(actor=role, key_id=None, roles=frozenset({role}), channel="cli")


def _wonder(origin: Origin, result: dict[str, Any]) -> None:
    """Some are refused on purpose; another is a flaw of the story, and no reason not to serve."""
    if REFUSALS.get(str(origin.id)) != result["code"]:
        log.warning("demonstration_refused", key=origin.id, code=result["code"])


def _wonder_at_setup(one: Setup, code: str, detail: str) -> None:
    if code != "already_exists":
        log.warning("demonstration_refused", what=one[1], code=code, detail=detail)
