"""What an export has to add up to, from the trial balance that reports show."""

from datetime import date
from decimal import Decimal

from interface.exporting.extract import Extract
from projections.trial_balance import trial_balance

Balances = dict[tuple[str, str], Decimal]


def trial_balance_of(extract: Extract, *, functional: bool = False) -> Balances:
    """Debits less credits by account and asset, zeros left out."""
    to = None if extract.span.to == date.max else extract.span.to
    report = trial_balance(extract.source, effective_on=to, basis="post-closing", depth=None)
    prefix = "functional_" if functional else ""
    found = {
        (row.values["account"], row.values["asset"]): Decimal(row.values[f"{prefix}debit"])
        - Decimal(row.values[f"{prefix}credit"])
        for row in report.rows
        if row.kind == "line"
    }
    return {key: balance for key, balance in found.items() if balance}
