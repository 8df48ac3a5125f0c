"""What a commit changes of rates, open items and revaluations, written as rows."""

from collections.abc import Iterable

import msgspec

from application.rows import Rows, array, numbers
from application.statements import Statements
from domain.entries import DueReversal
from domain.items import Item, ItemKey
from domain.rates import Rate, RateKey
from domain.revaluations import Revaluation

_encode = msgspec.json.Encoder().encode


def write_items(rows: Rows, statements: Statements, changed: dict[ItemKey, Item]) -> None:
    """Writes open items: an item's row stands while something of it is open."""
    closed = [key for key, item in changed.items() if not item.minor]
    if closed:
        statements.execute(
            rows.sql(
                "DELETE FROM {}.open_items AS i USING unnest(%s::text[], %s::text[], %s::bigint[])"
                " AS gone (account, asset, line) WHERE i.account = gone.account"
                " AND i.asset = gone.asset AND i.line = gone.line"
            ),
            _keys(closed),
            prepare=True,
        )
    still = {key: item for key, item in changed.items() if item.minor}
    if not still:
        return
    items = list(still.values())
    statements.execute(
        rows.sql(
            "INSERT INTO {}.open_items (account, asset, line, side, effective_on, remaining,"
            " functional, entry, name, is_shared) SELECT * FROM unnest(%s::text[], %s::text[],"
            " %s::bigint[], %s::text[], %s::date[], %s::numeric[], %s::numeric[], %s::uuid[],"
            " %s::text[], %s::boolean[]) ON CONFLICT (account, asset, line) DO UPDATE SET"
            " remaining = excluded.remaining, functional = excluded.functional"
        ),
        [
            *_keys(still),
            [item.side for item in items],
            [item.effective_on for item in items],
            numbers([item.minor for item in items]),
            numbers([item.functional_minor for item in items]),
            array(item.entry for item in items),
            [item.name for item in items],
            [item.is_shared for item in items],
        ],
        prepare=True,
    )


def _keys(keys: Iterable[ItemKey]) -> list[object]:
    accounts, assets, lines = zip(*keys, strict=True)
    return [list(accounts), list(assets), numbers(lines)]


def write_rates(rows: Rows, statements: Statements, changed: dict[RateKey, Rate]) -> None:
    """Writes the rates of days, with all that was said of each."""
    statements.execute(
        rows.sql(
            "INSERT INTO {}.rates (base, quote, kind, effective_on, document)"
            " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::date[], %s::bytea[])"
            " ON CONFLICT (base, quote, kind, effective_on)"
            " DO UPDATE SET document = excluded.document"
        ),
        [
            *[[key[at] for key in changed] for at in range(4)],
            [_encode(rate) for rate in changed.values()],
        ],
    )


def write_revaluations(rows: Rows, statements: Statements, changed: dict[str, Revaluation]) -> None:
    """Writes revaluations, those that have ended too."""
    statements.execute(
        rows.sql(
            "INSERT INTO {}.revaluations (id, effective_on, waits, document)"
            " SELECT * FROM unnest(%s::uuid[], %s::date[], %s::boolean[], %s::bytea[])"
            " ON CONFLICT (id) DO UPDATE SET waits = excluded.waits, document = excluded.document"
        ),
        [
            array(changed),
            [one.effective_on for one in changed.values()],
            [one.status == "asked" for one in changed.values()],
            [_encode(one) for one in changed.values()],
        ],
    )


def write_reversals(rows: Rows, statements: Statements, changed: dict[str, DueReversal]) -> None:
    """Writes what is to be taken back: an entry's row stands until it was."""
    gone = [entry for entry, one in changed.items() if not one.is_due]
    if gone:
        statements.execute(
            rows.sql("DELETE FROM {}.due_reversals WHERE entry = ANY(%s::uuid[])"), [array(gone)]
        )
    due = {entry: one for entry, one in changed.items() if one.is_due}
    if due:
        statements.execute(
            rows.sql(
                "INSERT INTO {}.due_reversals (entry, reverse_on)"
                " SELECT * FROM unnest(%s::uuid[], %s::date[])"
            ),
            [array(due), [one.reverse_on for one in due.values()]],
        )
