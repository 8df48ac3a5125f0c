"""What an operator would type: the examples that the help of the commands ends with."""

import click

EXAMPLES = {
    "serve": (
        "backoffice serve --demo",
        "DATABASE_URL=postgresql://backoffice:...@db/books backoffice serve --host 0.0.0.0",
    ),
    "worker": ("backoffice worker",),
    "migrate": ("backoffice migrate --json",),
    "key": (
        "backoffice key create --actor maria.lopez --role clerk --role auditor",
        "backoffice key create --actor feed --owner maria.lopez --role clerk --ledger acme",
        "backoffice key revoke k_2f81a0c96e11",
    ),
    "ledger": (
        "backoffice ledger create acme --functional-asset USD --timezone America/New_York",
        "backoffice ledger list --json",
    ),
    "import": (
        "backoffice import commands.ndjson --ledger acme",
        "backoffice import GL_Detail.csv --ledger acme --open-accounts chart.csv --report out.csv",
        "backoffice import books.journal --ledger acme",
        "backoffice import acme.bundle --continue moved",
    ),
    "report": (
        "backoffice report trial-balance --ledger acme --effective-on 2026-03-31",
        "backoffice report income-statement --ledger acme --from 2026-01-01 --to 2026-03-31",
        "backoffice report balance-sheet --ledger acme --known-at 2026-04-02T12:00:00Z",
        "backoffice report statement --ledger acme --account assets:cash --output cash.pdf",
        "backoffice report trial-balance --ledger acme --period 2026-03 --format csv",
    ),
    "baseline": (
        "backoffice baseline list --ledger acme --status proposed",
        "backoffice baseline approve 0d9f0a31-5f3c-4b7e-9a55-3f1c2b7e8d01 --ledger acme",
    ),
    "projections": (
        "backoffice projections status",
        "backoffice projections rebuild lines --ledger acme",
    ),
    "log": (
        "backoffice log checkpoint --ledger acme",
        "backoffice log push --ledger acme /mnt/elsewhere/checkpoints",
        "backoffice log continue --ledger acme --reason restore --checkpoint last.checkpoint --yes",
    ),
    "export": (
        "backoffice export --ledger acme --output acme.bundle",
        "backoffice export --ledger acme --format hledger > acme.journal",
        "backoffice export --ledger acme --format parquet --output acme",
    ),
    "audit": (
        "backoffice audit --ledger acme account assets:cash",
        "backoffice audit --ledger acme actor maria.lopez --json",
    ),
    "erase": ("backoffice erase account wallets:ann --ledger acme --reason privacy_request --yes",),
    "replay": (
        "backoffice replay --ledger acme --to 4711",
        "backoffice replay acme.bundle --to 2026-03-31T23:59:59Z --json",
        "backoffice replay acme.bundle --watch",
    ),
    "verify": (
        "backoffice verify --ledger acme --against last.checkpoint",
        "backoffice verify acme.bundle",
        "backoffice verify --certificate cash.certificate --report cash.json acme.bundle",
    ),
    "bench": (
        "backoffice bench --quick",
        "backoffice bench --commit-delay 2ms --json",
    ),
}
"""By command. A test has each of them understood."""


def with_examples(command: click.Command, name: str) -> click.Command:
    """Returns the command, whose help ends with its examples."""
    # \b: lines are not to be wrapped.
    command.epilog = "\n".join(["\b", "Examples:", *(f"  {line}" for line in EXAMPLES[name])])
    return command
