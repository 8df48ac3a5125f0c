"""Limits as answers show them, with what was taken of them."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from domain.accounts import Limit
from domain.assets import Asset
from domain.limits import LimitLifted, LimitSet, starts
from domain.money import format_amount
from interface.http.accounts import decode_account
from interface.http.books import read_ledger
from interface.http.pages import Page, asked_page, page_of

_decode_asset = msgspec.json.Decoder(Asset).decode


def limit_shown(event: LimitSet | LimitLifted) -> dict[str, Any]:
    """Returns a limit as the event left it; a lifted one has no bounds."""
    amount, count = (event.amount, event.count) if isinstance(event, LimitSet) else (None, None)
    return {
        "account": event.account,
        "limit_id": event.limit_id,
        "per": event.per,
        "asset": event.asset,
        "amount": amount,
        "count": count,
    }


def read_limits(connection: Connection[DictRow], query: dict[str, Any], *, now: datetime) -> Page:
    """Returns a page of limits, by account. `now` says which day and month it is there."""
    after, size = asked_page(query)
    account, _, limit_id = after.partition(" ")
    rows = connection.execute(
        "SELECT u.limit_id::text, u.account, u.starts_on, u.used, u.count, a.document"
        " FROM limit_usages AS u JOIN accounts AS a ON a.code = u.account"
        " WHERE u.account = coalesce(%(wanted)s, u.account)"
        ' AND (u.account, u.limit_id::text COLLATE "C") > (%(account)s, %(limit_id)s)'
        " ORDER BY u.account, u.limit_id LIMIT %(size)s",
        {
            "wanted": query.get("account"),
            "account": account,
            "limit_id": limit_id,
            "size": size + 1,
        },
    ).fetchall()
    today = now.astimezone(ZoneInfo(read_ledger(connection)["timezone"])).date()
    assets = {
        asset.code: asset
        for row in connection.execute("SELECT document FROM assets").fetchall()
        for asset in (_decode_asset(row["document"]),)
    }
    items = []
    for row in rows:
        limits = decode_account(row["document"]).limits
        limit = next(one for one in limits if one.limit_id == row["limit_id"])
        shown = {"account": row["account"], **msgspec.structs.asdict(limit)}
        items.append({**shown, **_used(limit, assets[limit.asset], row, today)})
    return page_of([f"{row['account']} {row['limit_id']}" for row in rows], items, size)


def _used(limit: Limit, asset: Asset, row: DictRow, today: Any) -> dict[str, Any]:
    if limit.per == "authorization":
        return {"starts_on": None, "used": None}
    starts_on = starts(limit.per, today)
    is_current = row["starts_on"] == starts_on
    minor, count = (int(row["used"]), row["count"]) if is_current else (0, 0)
    used = {"amount": format_amount(minor, asset.scale), "count": count}
    return {"starts_on": starts_on, "used": used}
