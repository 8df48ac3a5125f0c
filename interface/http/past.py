"""What an account held, or a branch of the chart, and the statement of an account."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from domain.accounts import DEBIT_NORMAL_TYPES, Account, AccountNotFound
from domain.assets import Asset
from domain.money import format_amount
from interface.http.accounts import decode_account, read_account, read_liens
from interface.http.errors import Problem, invalid
from interface.http.pages import cursor_of, is_position, key_of
from interface.http.schemas_queries import PAGE_DEFAULT
from interface.http.viewing import Seen, read_asset_states
from interface.reports.making import as_known
from projections.account_statement import Entry, read_entries
from projections.balances import Past, count_lines, read_past
from projections.holds import Pending, read_pending
from projections.lines import PLACES
from projections.moments import position_before, start_of
from projections.statements import Line, Statement, assets_of, by_booking, by_effective_day

Query = dict[str, Any]


def past_balances(seen: Seen, code: str, query: Query) -> dict[str, Any]:
    """Returns the balances of an account, or of all below it where its code ends with a colon, as
    of a day and as known at a position. Raises Problem (account_not_found)."""
    connection, known = seen.connection, seen.known
    effective_on = query.get("effective_on")
    chosen: dict[str, Any] = {"asset": query.get("asset")}
    if code.endswith(":"):
        chosen["branch"] = code.removesuffix(":")
        accounts = as_known(connection, _branch(seen, chosen["branch"]), known)
    else:
        chosen["account"] = code
        accounts = {code: read_account(connection, code)}
    lines = read_past(connection, position=known, effective_on=effective_on, **chosen)
    counts = count_lines(connection, position=known, **chosen)
    held_at = _held_at(seen, effective_on)
    holds = read_pending(connection, position=held_at, **chosen)
    liens = read_liens(connection, accounts.values(), position=held_at)
    assets = {line.asset for line in lines} | {hold.asset for hold in holds}
    if "account" in chosen:
        assets |= {one.asset for one in accounts.values() if one.asset is not None}
    if chosen["asset"] is not None:
        assets &= {chosen["asset"]}
    states = read_asset_states(connection)
    debit_normal = is_debit_normal(list(accounts.values()))
    return {
        "items": [
            _item(
                states[asset],
                [line for line in lines if line.asset == asset],
                [hold for hold in holds if hold.asset == asset],
                sum(
                    minor
                    for (code, of), minor in liens.items()
                    if of == asset and accounts[code].debit_normal == debit_normal
                ),
                sum(count for (_, of), count in counts.items() if of == asset),
                debit_normal=debit_normal,
            )
            for asset in sorted(assets)
        ],
        "version": _version(seen, accounts, query),
        "normal_side": "debit" if debit_normal else "credit",
        "accounts": len(accounts),
        "effective_on": effective_on,
        "position": known,
    }


def _version(seen: Seen, accounts: Mapping[str, Account], query: Query) -> int | None:
    """How many events touched the accounts, where the answer shows the last of them; None where it
    is of an earlier position, for a condition must not pass on what was not seen."""
    if not query.keys().isdisjoint({"known_at", "known_position"}):
        return None
    row = seen.connection.execute(
        "SELECT h.position, (SELECT sum(version) FROM accounts WHERE code = ANY(%(codes)s))"
        " + (SELECT coalesce(sum(touches), 0) FROM balances WHERE account = ANY(%(codes)s))"
        " AS version FROM head AS h",
        {"codes": list(accounts)},
    ).fetchone()
    assert row is not None, "a ledger has a head"
    return int(row["version"]) if row["position"] == seen.known else None


def is_debit_normal(accounts: list[Account]) -> bool:
    """True where balances of these accounts together are shown as debits less credits: of one
    account by its own normal side, of several unless all are of credit-normal types."""
    if len(accounts) == 1:
        return accounts[0].debit_normal
    return any(account.type in DEBIT_NORMAL_TYPES for account in accounts)


def _branch(seen: Seen, branch: str) -> dict[str, Account]:
    rows = seen.connection.execute(
        "SELECT code, document FROM accounts WHERE code = %(branch)s"
        " OR (code > %(branch)s || ':' AND code < %(branch)s || ';')",
        {"branch": branch},
    ).fetchall()
    if not rows:
        raise Problem.of(AccountNotFound(account=f"{branch}:"))
    return {row["code"]: decode_account(row["document"]) for row in rows}


def _held_at(seen: Seen, effective_on: date | None) -> int:
    """Holds and liens count on the day on which they are recorded: as of a day, those that stood
    when it ended in the ledger's time zone."""
    if effective_on is None or effective_on == date.max:
        return seen.known
    end = start_of(effective_on + timedelta(days=1), seen.ledger.timezone)
    return min(seen.known, position_before(seen.connection, end))


def _item(
    asset: Asset,
    lines: list[Past],
    holds: list[Pending],
    liens: int,
    count: int,
    *,
    debit_normal: bool,
) -> dict[str, Any]:
    debits, credits = sum(one.debits for one in lines), sum(one.credits for one in lines)
    pending_debits = sum(one.debits for one in holds)
    pending_credits = sum(one.credits for one in holds)
    balance = debits - credits if debit_normal else credits - debits
    available = balance - liens - (pending_credits if debit_normal else pending_debits)

    def shown(minor: int) -> str:
        return format_amount(minor, asset.scale)

    return {
        "asset": asset.code,
        "posted": {
            "debits": shown(debits),
            "credits": shown(credits),
            "balance": shown(balance),
        },
        "pending": {"debits": shown(pending_debits), "credits": shown(pending_credits)},
        "liens": shown(liens),
        "available": shown(available),
        "lines": count,
    }


# -- statements


def statement_shown(seen: Seen, code: str, query: Query) -> dict[str, Any]:
    """Returns a page of an account's statement. Raises Problem (account_not_found,
    invalid_request), projections.statements.Uneven."""
    account = read_account(seen.connection, code)
    asset = _asset_of(seen, account, query.get("asset"))
    basis = query.get("basis", "effective")
    read = _booked if basis == "booking" else _effective
    found, cursors = read(seen, code, asset.code, query)
    sign = 1 if account.debit_normal else -1

    def shown(net: int) -> str:
        return format_amount(sign * net, asset.scale)

    entries = read_entries(seen.connection, {line.position for line in found.lines})
    return {
        "account": code,
        "asset": asset.code,
        "basis": basis,
        "from": query.get("from_"),
        "to": query.get("to"),
        "normal_side": "debit" if account.debit_normal else "credit",
        "opening": shown(found.opening),
        "before": shown(found.before),
        "lines": [
            {
                **_line_shown(line, entries[line.position]),
                "line": line.number,
                "side": "debit" if line.is_debit else "credit",
                "amount": format_amount(line.amount, asset.scale),
                "balance": shown(line.balance),
            }
            for line in found.lines
        ],
        "closing": shown(found.closing),
        "next": cursor_of(cursors(found.lines[-1])) if found.more else None,
        "position": seen.known,
    }


def _line_shown(line: Line, entry: Entry) -> dict[str, Any]:
    """What its entry says of a line."""
    posted, leg = entry.recorded.payload, entry.leg(line)
    return {
        "entry": entry.recorded.stream,
        "position": line.position,
        "recorded_at": entry.recorded.recorded_at,
        "effective_on": line.effective_on,
        "value_on": posted.value_on,
        "journal": posted.journal,
        "voucher_no": posted.voucher_no,
        "fiscal_year": posted.fiscal_year,
        "class": posted.class_,
        "reference": posted.reference,
        "narrative": entry.narrative(line),
        "counter_accounts": entry.counter_accounts(line),
        "party": leg.party,
        "dimensions": leg.dimensions,
        "corrects": posted.corrects,
        "correction": posted.correction,
    }


def _booked(seen: Seen, code: str, asset: str, query: Query) -> tuple[Statement, Any]:
    timezone = seen.ledger.timezone
    first, last = 1, seen.known
    if (from_ := query.get("from_")) is not None:
        first = min(position_before(seen.connection, start_of(from_, timezone)), last) + 1
    if (to := query.get("to")) is not None and to < date.max:
        end = start_of(to + timedelta(days=1), timezone)
        last = min(last, position_before(seen.connection, end))
    after = None
    if (cursor := query.get("cursor")) is not None:
        after = _place(key_of(cursor))
    found = by_booking(
        seen.connection,
        account=code,
        asset=asset,
        first=first,
        last=last,
        after=after,
        limit=query.get("limit", PAGE_DEFAULT),
    )
    return found, lambda line: str(_place_of(line))


def _effective(seen: Seen, code: str, asset: str, query: Query) -> tuple[Statement, Any]:
    after = None
    if (cursor := query.get("cursor")) is not None:
        day, _, place = key_of(cursor).partition(":")
        try:
            after = (date.fromisoformat(day), _place(place))
        except ValueError as error:
            raise _no_cursor() from error
    found = by_effective_day(
        seen.connection,
        account=code,
        asset=asset,
        from_=query.get("from_"),
        to=query.get("to"),
        known=seen.known,
        after=after,
        limit=query.get("limit", PAGE_DEFAULT),
    )
    return found, lambda line: f"{line.effective_on}:{_place_of(line)}"


def _place_of(line: Line) -> int:
    return line.position * PLACES + line.leg


def _place(digits: str) -> int:
    if not is_position(digits):
        raise _no_cursor()
    return int(digits)


def _no_cursor() -> Problem:
    return invalid({"cursor": ["Is no `next` of this statement."]})


def _asset_of(seen: Seen, account: Account, asked: str | None) -> Asset:
    """The asset of the statement: the one that was asked for, the account's own, or the only one
    that it has lines in. Raises Problem (invalid_request)."""
    states = read_asset_states(seen.connection)
    code = asked or account.asset
    if code is None:
        moved = assets_of(seen.connection, account.code, known=seen.known)
        if len(moved) > 1:
            raise invalid({"asset": ["The account has lines in several assets; name one."]})
        code = moved[0] if moved else seen.ledger.functional_asset
    if code not in states:
        raise invalid({"asset": ["There is no such asset."]})
    return states[code]
