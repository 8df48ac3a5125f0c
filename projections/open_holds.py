"""Open authorizations by age: what was held at the end of a day, as known, and for how long."""

from collections import defaultdict
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from psycopg.rows import tuple_row

from domain.money import minor_units
from projections.report import Column, Report, Source, TooLarge

LINES_MAX = 50_000

AGES = (("0-1 days", 1), ("2-7 days", 7), ("8-30 days", 30), ("31-90 days", 90))
"""Each with the days that it takes at most."""

OLDEST = "over 90 days"

COLUMNS = (
    Column("age", "Age"),
    Column("authorization", "Authorization"),
    Column("opened_on", "Opened", "day"),
    Column("days", "Days", "number"),
    Column("debit", "Debit"),
    Column("credit", "Credit"),
    Column("asset", "Asset"),
    Column("authorized", "Authorized", "amount"),
    Column("settled", "Settled", "amount"),
    Column("held", "Held", "amount"),
    Column("expires_at", "Expires"),
    Column("position", "Position", "number"),
)

# An authorization's last event carries its whole state.
_OPEN = """
SELECT s.id::text, s.opened_at_position,
    (convert_from(o.state, 'UTF8')::json ->> 'recorded_at')::timestamptz, e.state
FROM authorization_states AS s
JOIN events AS o ON o.notification_id = s.opened_at_position
CROSS JOIN LATERAL (SELECT state FROM events
    WHERE originator_id = s.id AND notification_id <= %(known)s
    ORDER BY originator_version DESC LIMIT 1) AS e
WHERE s.opened_at_position <= %(known)s
    AND (s.closed_at_position IS NULL OR s.closed_at_position > %(known)s)
ORDER BY s.opened_at_position LIMIT %(limit)s
"""


class Hold(Struct, gc=False):
    """What is shown of an authorization; every version of its events has it."""

    debit: str
    credit: str
    asset: str
    authorized: str
    settled: str
    held: str
    expires_at: str | None = None
    closed_as: str | None = None


class Changed(Struct, gc=False):
    authorization: Hold


class Envelope(Struct, gc=False):
    payload: Changed


_envelope = msgspec.json.Decoder(Envelope).decode


def open_holds(source: Source, *, effective_on: date, cut: int) -> Report:
    """Returns what was held at the end of a day, the oldest first, with a total for each age and
    asset.

    `cut`: the last position that was recorded on that day. Requires that the view `holds` shows
    the position. Raises TooLarge.
    """
    report = Report(
        name="holds",
        title="Open authorizations by age",
        asked={"effective_on": effective_on},
        columns=COLUMNS,
    )
    asked = {"known": min(cut, source.known), "limit": LINES_MAX + 1}
    cursor = source.connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(_OPEN, asked).fetchall()
    if len(rows) > LINES_MAX:
        raise TooLarge(f"More than {LINES_MAX:,} open authorizations.")
    timezone = ZoneInfo(source.ledger.timezone)
    of_age: dict[tuple[int, str], list[tuple[int, int]]] = defaultdict(list)
    held: dict[tuple[int, str], int] = defaultdict(int)
    lines = []
    for id, position, opened_at, state in rows:
        hold = _envelope(state).payload.authorization
        if hold.closed_as is None:
            opened_on = opened_at.astimezone(timezone).date()
            lines.append((id, position, opened_on, hold))
    for rank in range(len(AGES), -1, -1):
        for id, position, opened_on, hold in lines:
            days = (effective_on - opened_on).days
            if rank_of(days) == rank:
                number = _add(report, id, position, opened_on, hold, days)
                of_age[rank, hold.asset].append((number, 1))
                held[rank, hold.asset] += minor_units(hold.held)
        _add_totals(report, source, rank, of_age, held)
    return report


def rank_of(days: int) -> int:
    """Returns the number of the age that so many days are of, from 0."""
    return next((rank for rank, (_, most) in enumerate(AGES) if days <= most), len(AGES))


def _age(rank: int) -> str:
    return AGES[rank][0] if rank < len(AGES) else OLDEST


def _add(report: Report, id: str, position: int, opened_on: date, hold: Hold, days: int) -> int:
    expires_at = None
    if hold.expires_at is not None:
        expires_at = datetime.fromisoformat(hold.expires_at).isoformat(timespec="seconds")
    return report.add(
        age=_age(rank_of(days)),
        authorization=id,
        opened_on=opened_on,
        days=days,
        debit=hold.debit,
        credit=hold.credit,
        asset=hold.asset,
        authorized=hold.authorized,
        settled=hold.settled,
        held=hold.held,
        expires_at=expires_at,
        position=position,
    )


def _add_totals(
    report: Report,
    source: Source,
    rank: int,
    of_age: dict[tuple[int, str], list[tuple[int, int]]],
    held: dict[tuple[int, str], int],
) -> None:
    for (of, asset), numbers in sorted(of_age.items()):
        if of == rank:
            shown = source.shown(held[rank, asset], asset)
            title = f"Total {_age(rank)}"
            report.total(numbers, age=title, asset=asset, held=shown)
            report.totals.setdefault(asset, {})[_age(rank)] = shown
