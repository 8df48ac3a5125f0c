"""Lists: pages by key, never by offset."""

from base64 import b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from interface.http.accounts import account_shown, decode_account
from interface.http.books import decode_asset, decode_journal
from interface.http.errors import invalid
from interface.http.fields import fits
from interface.http.schemas_queries import PAGE_DEFAULT

LAST_CHARACTER = "\U0010ffff"
"""No code begins with its prefix and this."""

Page = dict[str, Any]


def cursor_of(key: str) -> str:
    """Returns the cursor of the page after the item with this key."""
    return urlsafe_b64encode(key.encode()).decode().rstrip("=")


def key_of(cursor: str) -> str:
    """Returns the key that a cursor holds. Raises Problem (invalid_request)."""
    try:
        key = b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
    except (NotBase64, ValueError):
        key = "\0"
    if not fits(key):
        raise invalid({"cursor": ["Is no `next` of this list."]})
    return key


def page_of(keys: list[str], items: list[Any], limit: int) -> Page:
    """Returns a page of up to `limit` items. Requires one more where there is one."""
    more = len(items) > limit
    return {"items": items[:limit], "next": cursor_of(keys[limit - 1]) if more else None}


def asked_page(query: dict[str, Any]) -> tuple[str, int]:
    """Returns after which key a list's query asks, and for how many items. Raises Problem
    (invalid_request)."""
    cursor = query.get("cursor")
    return "" if cursor is None else key_of(cursor), query.get("limit", PAGE_DEFAULT)


def direction_of(query: dict[str, Any]) -> dict[str, int]:
    """Returns `after` or `before` which position a list that is paged both ways goes on, as its
    query's cursor says; neither for its beginning. Raises Problem (invalid_request)."""
    if (cursor := query.get("cursor")) is None:
        return {}
    direction, _, digits = key_of(cursor).partition(":")
    if direction not in ("after", "before") or not is_position(digits):
        raise invalid({"cursor": ["Is no `next` or `previous` of this list."]})
    return {direction: int(digits)}


def two_way_page(items: list[Any], *, first: int | None, last: int | None, position: int) -> Page:
    """Returns a page of a list that is paged both ways: `first` is where a page before it would
    end and `last` where one after it would begin, None where there is none."""
    return {
        "items": items,
        "next": None if last is None else cursor_of(f"after:{last}"),
        "previous": None if first is None else cursor_of(f"before:{first}"),
        "position": position,
    }


def is_position(digits: str) -> bool:
    """True for what may stand for a position."""
    return digits.isascii() and digits.isdecimal() and len(digits) < 19


def read_assets(connection: Connection[DictRow], query: dict[str, Any]) -> Page:
    """Returns a page of the ledger's assets, by code."""
    return _documents(connection, "SELECT code, document FROM assets", query, decode_asset)


def read_journals(connection: Connection[DictRow], query: dict[str, Any]) -> Page:
    """Returns a page of the ledger's journals, by code."""
    return _documents(connection, "SELECT code, document FROM journals", query, decode_journal)


def read_accounts(connection: Connection[DictRow], query: dict[str, Any]) -> Page:
    """Returns a page of the chart of accounts, by code."""
    prefix = query.get("prefix", "")
    after, limit = asked_page(query)
    rows = connection.execute(
        "SELECT code, document FROM accounts"
        " WHERE code > %(after)s AND code >= %(first)s AND code < %(last)s"
        " AND type = coalesce(%(type)s, type) AND status = coalesce(%(status)s, status)"
        " ORDER BY code LIMIT %(limit)s",
        {
            "after": after,
            "first": prefix,
            "last": prefix + LAST_CHARACTER,
            "type": query.get("type"),
            "status": query.get("status"),
            "limit": limit + 1,
        },
    ).fetchall()
    items = [account_shown(decode_account(row["document"])) for row in rows]
    return page_of([row["code"] for row in rows], items, limit)


def _documents(
    connection: Connection[DictRow],
    select: str,
    query: dict[str, Any],
    decode: Callable[[bytes], dict[str, Any]],
) -> Page:
    after, limit = asked_page(query)
    rows = connection.execute(
        f"{select} WHERE code > %s ORDER BY code LIMIT %s",
        [after, limit + 1],
    ).fetchall()
    return page_of([row["code"] for row in rows], [decode(row["document"]) for row in rows], limit)
