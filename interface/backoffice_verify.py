"""backoffice-verify: checks a bundle of a ledger's evidence, on a machine without the service.

One file, for Python 3.11 or later with the `cryptography` package; copy it to where it is needed.
Written against docs/evidence-format.md, it shares no code with the service that wrote the bundle:

    python backoffice_verify.py BUNDLE [--against CHECKPOINT]... [--key VERIFIER_KEY]...
    python backoffice_verify.py --certificate FILE [--report JSON] [BUNDLE] [--key VERIFIER_KEY]...

It derives the tree from the records and compares root and tiles with the signed checkpoint, checks
signatures, positions, streams, command ids, voucher and running numbers, that each entry balances
and each balance follows, that nothing is held that is closed, each text against its digest, and
the trial balance on which each period was closed. Memory grows with accounts and open holds, and
hardly with records.
A certificate is checked by itself: its signatures, that the records it names are in the log, and
that no line of a statement is left out; with the report as JSON, that it is the one that was
certified; with a bundle, that its log and its lines are the bundle's, and that the records give
the report, figure by figure.
Exit status: 0 it all holds, 1 something does not (the first position is named), 2 used wrongly.

To read it: signed notes, the tree, what follows from the records (`Books.apply` is the heart of
it), reports made again, certificates, the bundle (`Verifier.run`), the command line.
"""

import argparse
import base64
import gzip
import hashlib
import json
import re
import struct
import sys
import zlib
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "backoffice-bundle/1"
RECORD_MAX = 65_535
Json = dict[str, Any]

MEMBERS = (
    *("format", "ledger", "incarnation", "position", "stream", "version", "type"),
    *("schema_version", "recorded_at", "actor", "on_behalf_of", "key_id", "channel"),
    *("software_version", "command_id", "command_digest", "correlation_id", "causation_id"),
    *("reason", "payload"),
)
"""Of a record, in this order."""

CERTIFICATE = "backoffice-certificate/1"
CERTIFICATE_MEMBERS = {"format", "ledger", "report", "parameters", "position", "digest"}
CERTIFICATE_MEMBERS |= {"software_version", "checkpoint", "proof"}
CERTIFIED = {
    "trial-balance": (
        *("account", "name", "type", "asset"),
        *("debit", "credit", "functional_debit", "functional_credit"),
    ),
    "general-ledger": (
        *("account", "asset", "effective_on", "journal", "position", "leg"),
        *("debit", "credit", "balance"),
    ),
    "journal": (
        *("effective_on", "journal", "position", "class", "reference", "actor"),
        *("account", "name", "asset", "debit", "credit"),
    ),
    "roll-forward": ("account", "name", "asset", "opening", "debits", "credits", "closing"),
    "statement": ("line", "effective_on", "position", "leg", "debit", "credit", "balance"),
}
"""The columns of a report that its certificate is about."""

LISTED = ("line", "effective_on", "position")
"""What a statement's certificate says of each line."""

LEFT_OUT: dict[str, set[str]] = {
    "unadjusted": {"adjusting", "reclassification", "audit_adjustment", "revaluation", "closing"},
    "adjusted": {"closing"},
    "post-closing": set(),
}
"""Classes of entries that a report on each basis leaves out, of the fiscal year asked about; but
for what corrects an entry of an earlier one."""

NO_EFFECT = {"CommandRefused", "LedgerListed", "ActorRecorded", "KeyIssued", "KeyRevoked"}
NO_EFFECT |= {"AccountFrozen", "AccountUnfrozen", "AccountClosed", "LimitSet", "LimitLifted"}
NO_EFFECT |= {"WitnessAdded", "EntryReversed", "EntryAdjusted"}
NO_EFFECT |= {"PeriodSoftClosed", "PrivateTextErased"}
NO_EFFECT |= {"RateRecorded"}
NO_EFFECT |= {"RevaluationAsked", "RevaluationPosted", "RevaluationAbandoned"}
"""Events that move no amount: their place and form are checked, not what follows from them."""


NEWEST = {
    "AccountOpened": 2,
    "AccountAmended": 2,
    "BaselineSet": 3,
    "BaselineApproved": 2,
    "PeriodReopenAsked": 2,
    "PeriodReopened": 2,
    "EntryPosted": 4,
    "AuthorizationOpened": 3,
    "AuthorizationSettled": 3,
    "AuthorizationVoided": 3,
    "AuthorizationReleased": 3,
    "AuthorizationExpired": 3,
    "AuthorizationForceSettled": 2,
    "AuthorizationIncremented": 2,
    "AuthorizationReduced": 2,
    "AuthorizationRefunded": 2,
    "AuthorizationChargedBack": 2,
    "AuthorizationRepresented": 2,
    "AuthorizationCorrected": 2,
}
"""Up to which version of its payload each event is known; 1 of all others."""

WORTH_ONLY = ("revaluation", "fx_difference")
"""Classes of entries whose legs may have a worth and no amount."""

FILE_NAME = re.compile(
    r"(records|texts)/[0-9]{12}\.ndjson\.gz|states/[0-9]{12}\.json\.gz|state\.json"
)
LINE_MAX = 1 << 20
"""Bytes: of what is no record, and never ends, not all is read."""


class Wrong(Exception):
    """Something does not hold."""


FOUND: tuple[type[Exception], ...] = (Wrong, ArithmeticError, AttributeError, EOFError, LookupError)
FOUND += (OSError, RecursionError, TypeError, ValueError, struct.error, zlib.error)
"""What is raised where something does not hold, or has not the form that can be read."""


def told(error: Exception) -> str:
    """Returns what is wrong, in words."""
    if isinstance(error, Wrong | OSError):
        return str(error)
    if isinstance(error, KeyError):
        return f"there is no {error}"
    return f"this can't be read: {type(error).__name__}: {error}"


def plain(text: str) -> str:
    """Returns what a terminal shows as it is: who wrote a bundle may want it to show more."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def refuse_number(text: str) -> None:
    """Raises Wrong: there are no numbers but integers."""
    raise Wrong(f"{text} is no integer")


decode = json.JSONDecoder(parse_float=refuse_number, parse_constant=refuse_number).decode


# -- signed notes (C2SP signed-note, tlog-checkpoint)


def parse_key(text: str) -> tuple[str, bytes, Ed25519PublicKey]:
    """Returns name, id and key of `name+id+base64(0x01 || Ed25519 key)`."""
    found = re.fullmatch(r"([^ +]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})", text.strip())
    if found is None:
        raise Wrong(f"{text!r} is no verifier key")
    name, material = found[1], base64.b64decode(found[3], validate=True)
    id = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
    if material[0] != 1 or id.hex() != found[2]:
        raise Wrong(f"{text!r} is no verifier key")
    return name, id, Ed25519PublicKey.from_public_bytes(material[1:])


def open_note(raw: bytes, keys: list[str]) -> str:
    """Returns the text of a note, once one of the keys was seen to have signed it."""
    text, blank, lines = raw.decode().rpartition("\n\n")
    if not blank:
        raise Wrong("this is no signed note")
    text += "\n"
    known = {(name, id): key for name, id, key in map(parse_key, keys)}
    signed = False
    for line in lines.splitlines():
        found = re.fullmatch("\u2014 ([^ +]+) ([A-Za-z0-9+/=]+)", line)
        if found is None:
            raise Wrong("a signature is malformed")
        signature = base64.b64decode(found[2], validate=True)
        key = known.get((found[1], signature[:4]))
        if key is not None:
            try:
                key.verify(signature[4:], text.encode())
            except InvalidSignature:
                raise Wrong(f"the signature of {found[1]} is wrong") from None
            signed = True
    if not signed:
        raise Wrong("none of the keys that are trusted has signed it")
    return text


def read_checkpoint(raw: bytes, keys: list[str]) -> tuple[str, int, bytes]:
    """Returns origin, size and root, once one of the keys was seen to have signed them."""
    lines = open_note(raw, keys).split("\n")
    if len(lines) < 4:
        raise Wrong("this is no checkpoint")
    origin, size, root = lines[:3]
    open_note(raw, [key for key in keys if parse_key(key)[0] == origin])
    if not re.fullmatch("0|[1-9][0-9]*", size):
        raise Wrong("the checkpoint states no size")
    return origin, int(size), base64.b64decode(root, validate=True)


def is_log_of(origin: str, ledger: str) -> bool:
    """True where an origin is of a ledger's log: `/2` of its second name, `/2/1a2b3c4d` of a copy's
    own."""
    end = rf"/ledgers/{re.escape(ledger)}/log(/[0-9]+(/[0-9a-f]+)?)?"
    return re.search(rf"{end}\Z", origin) is not None


# -- the tree (RFC 6962 2.1, C2SP tlog-tiles)


class Tree:
    """The roots of the complete subtrees so far, the largest first, and the tiles' hashes."""

    def __init__(self) -> None:
        self.size = 0
        self.peaks: list[tuple[int, bytes]] = []
        self.rows: defaultdict[int, list[bytes]] = defaultdict(list)

    def add(self, record: bytes) -> None:
        """Takes in a leaf."""
        self.size += 1
        self._push(0, hashlib.sha256(b"\0" + record).digest())

    def _push(self, level: int, hash: bytes) -> None:
        if level % 8 == 0:
            self.rows[level // 8].append(hash)
        while self.peaks and self.peaks[-1][0] == level:
            hash = hashlib.sha256(b"\1" + self.peaks.pop()[1] + hash).digest()
            level += 1
            if level % 8 == 0:
                self.rows[level // 8].append(hash)
        self.peaks.append((level, hash))

    def root(self) -> bytes:
        """Returns the root over all leaves so far."""
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        hash = self.peaks[-1][1]
        for _, left in reversed(self.peaks[:-1]):
            hash = hashlib.sha256(b"\1" + left + hash).digest()
        return hash

    def full_tiles(self) -> Iterator[tuple[int, bytes]]:
        """Yields (level, hashes) of tiles that are full, and forgets them."""
        for level, row in self.rows.items():
            while len(row) >= 256:
                yield level, b"".join(row[:256])
                del row[:256]


def tile_name(level: int, number: int, width: int) -> str:
    """Returns where a tile is."""
    parts = [f"{number % 1000:03d}"]
    while number := number // 1000:
        parts.insert(0, f"x{number % 1000:03d}")
    partial = "" if width == 256 else f".p/{width}"
    return f"log/tile/{level}/{'/'.join(parts)}{partial}"


def joint_root(leaves: dict[int, bytes], start: int, end: int, hashes: Iterator[bytes]) -> bytes:
    """Returns the root over the leaves from `start` to `end`, some of them and the hash of each
    largest subtree without any of these, from left to right, being known."""
    within = {index: leaf for index, leaf in leaves.items() if start <= index < end}
    if not within:
        hash = next(hashes, None)
        if hash is None:
            raise Wrong("the proof is too short")
        return hash
    if end - start == 1:
        return within[start]
    middle = start + (1 << ((end - start - 1).bit_length() - 1))
    left = joint_root(within, start, middle, hashes)
    return hashlib.sha256(b"\1" + left + joint_root(within, middle, end, hashes)).digest()


# -- what follows from the records


AMOUNT = re.compile(r"(-?[0-9]+)(\.[0-9]+)?")


class Books:
    """Balances and numbers as the records lead to them."""

    def __init__(self) -> None:
        self.position = 0
        self.recorded_at = ""
        self.incarnation = 1
        self.signing: list[str] = []
        """The keys that sign; `retired`: those that do no more."""
        self.retired: set[str] = set()
        self.journals: set[str] = set()
        self.scales: dict[str, int] = {}
        self.debit_normal: dict[str, bool] = {}
        self.opened: dict[str, Json] = {}
        self.functional = ""
        self.year_start = "01-01"
        self.timezone = "UTC"
        self.moved: defaultdict[tuple[str, str], defaultdict[str, list[int]]] = defaultdict(
            lambda: defaultdict(lambda: [0, 0])
        )
        """Of each account and asset, by the last day of a month: debits less credits, and worth."""
        self.remade: Remade | None = None
        self.ends: dict[str, tuple[int, int]] = {}
        """By name, where a log ended that goes on under another one: its size, and the position of
        the record that says so."""
        self.copied: set[int] = set()
        """The sizes at which a copy's log went on under a name of its own."""
        self.locked = ""
        self.closed = ""
        self.closing: str | None = None
        self.asked: dict[str, set[str]] = {}
        """By period, who stands behind the wish to reopen it."""
        self.proposed: dict[str, Json] = {}
        self.actor = self.channel = self.stream = ""
        self.behalf: str | None = None
        self.vouchers: dict[tuple[str, int], int] = {}
        self.lines: dict[tuple[str, str], int] = {}
        self.balances: dict[tuple[str, str], int] = {}
        self.watch: tuple[str, str] | None = None
        """The account and asset of a certified statement: which lines it has, what was stated."""
        self.watched: list[list[Any]] = []
        self.stated: list[int] = []

    def apply(self, record: Json, ledger: str) -> None:
        """Checks one record and takes it in."""
        self.position += 1
        if tuple(record) != MEMBERS:
            raise Wrong("it has other members than a record, or in another order")
        if record["position"] != self.position:
            raise Wrong(f"it says position {record['position']}")
        if record["ledger"] != ledger or record["format"] != 1:
            raise Wrong(f"a record of {record['ledger']}, format {record['format']}")
        if record["recorded_at"] < self.recorded_at:
            raise Wrong("it was recorded before the one in front of it")
        self.recorded_at = record["recorded_at"]
        stream, kind, payload = record["stream"], record["type"], record["payload"]
        if record["incarnation"] != self.incarnation + (kind == "LedgerContinued"):
            raise Wrong(f"incarnation {record['incarnation']} is not the one that stands")
        self.incarnation = record["incarnation"]
        self.actor, self.channel, self.stream = record["actor"], record["channel"], stream
        self.behalf = record["on_behalf_of"]
        rule = self._hold if kind.startswith("Authorization") else getattr(self, f"_{kind}", None)
        if rule is None and kind not in NO_EFFECT:
            raise Wrong(f"{kind} is an event that this verifier does not know; get a newer one")
        if not 0 < record["schema_version"] <= NEWEST.get(kind, 1):
            raise Wrong(
                f"version {record['schema_version']} of {kind} is none that this verifier knows;"
                " get a newer one"
            )
        if rule is not None:
            rule(payload)

    def _LedgerCreated(self, payload: Json) -> None:  # noqa: N802 -- the event's name
        self.functional = payload["functional_asset"]
        self.year_start, self.timezone = payload["fiscal_year_start"], payload["timezone"]

    def _SigningKeyAdded(self, payload: Json) -> None:  # noqa: N802
        self.signing.append(payload["verifier_key"])

    def _SigningKeyRetired(self, payload: Json) -> None:  # noqa: N802
        self.signing.remove(payload["verifier_key"])
        self.retired.add(payload["verifier_key"])

    def _LedgerContinued(self, payload: Json) -> None:  # noqa: N802
        self.retired.update(self.signing)
        self.signing = [payload["verifier_key"]]
        self.ends[payload["old_origin"]] = (payload["old_size"], self.position)
        if re.search(r"/log/[0-9]+/[0-9a-f]+\Z", payload["origin"]):
            self.copied.add(payload["old_size"])

    def _JournalOpened(self, payload: Json) -> None:  # noqa: N802
        self.journals.add(payload["code"])

    def _BooksLocked(self, payload: Json) -> None:  # noqa: N802
        if payload["through"] <= self.locked:
            raise Wrong("the lock moves back")
        self.locked = payload["through"]

    def _PeriodClosing(self, payload: Json) -> None:  # noqa: N802
        if self.closing is not None or payload.get("before", "") != self.closed:
            raise Wrong(f"the close of {payload['period']} does not follow the one before it")
        if payload["last_on"] <= max(self.closed, self.locked):
            raise Wrong(f"{payload['period']} is closed twice")
        self.closing, self.closed = self.closed, payload["last_on"]

    def _PeriodClosed(self, payload: Json) -> None:  # noqa: N802
        if self.closing is None or payload["last_on"] != self.closed:
            raise Wrong(f"{payload['period']} was not being closed")
        self.closing = None
        digest = self.closing_digest(payload["last_on"])
        if payload["digest"] != digest:
            raise Wrong(
                f"{payload['period']} was closed on a trial balance of {payload['digest']};"
                f" the entries give {digest}"
            )

    def closing_digest(self, last_on: str) -> str:
        """Returns the digest of the trial balance of all entries so far, through a day."""
        digest = hashlib.sha256()
        for account, asset in sorted(self.moved):
            months = [sums for day, sums in self.moved[account, asset].items() if day <= last_on]
            net, worth = (sum(sums[at] for sums in months) for at in (0, 1))
            if net or worth:
                both = f"{self.shown(net, asset)}\t{self.shown(worth, self.functional)}"
                digest.update(f"{account}\t{asset}\t{both}\n".encode())
        return digest.hexdigest()

    def _CloseAbandoned(self, payload: Json) -> None:  # noqa: N802
        if self.closing is None or payload.get("closed_through", "") != self.closing:
            raise Wrong(f"{payload['period']} is not put back as it was")
        self.closed = self.closing
        self.closing = None

    def _PeriodReopenAsked(self, payload: Json) -> None:  # noqa: N802
        if payload["asked_by"] != self.actor:
            raise Wrong(f"{payload['asked_by']} did not ask to reopen {payload['period']}")
        self.asked[payload["period"]] = self.persons(payload)

    def _PeriodReopened(self, payload: Json) -> None:  # noqa: N802
        after = payload.get("closed_through", "")
        if after > self.closed or self.closing is not None:
            raise Wrong(f"{payload['period']} was not to be reopened")
        if after < self.closed:
            asked = [one for one in self.asked.values() if payload.get("asked_by") in one]
            if all(one & self.persons(payload) for one in asked):
                raise Wrong(f"{payload['period']} was reopened by one person")
        self.closed = after

    def _PeriodFiled(self, payload: Json) -> None:  # noqa: N802
        if not self.locked < payload["through"] <= self.closed:
            raise Wrong(f"{payload['period']} is filed without a close")
        self.locked = payload["through"]

    def _BaselineSet(self, payload: Json) -> None:  # noqa: N802
        if payload.get("author", self.actor) != self.actor:
            raise Wrong(f"{payload['author']} did not propose the baseline")
        if "author" in payload:
            self.proposed[self.stream] = payload | {"persons": self.persons(payload)}

    def _BaselineApproved(self, payload: Json) -> None:  # noqa: N802
        proposed = self.proposed.pop(self.stream, {})
        for name in ("account", "dimension", "version", "author"):
            if proposed.get(name) != payload.get(name):
                raise Wrong(f"the {name} of the baseline is not as it was proposed")
        if payload["approver"] != self.actor or proposed["persons"] & self.persons(payload):
            raise Wrong("the baseline was not approved by another person")

    def persons(self, payload: Json) -> set[str]:
        """Returns who stands behind a record: its actor, who answers for that, on whose behalf."""
        named = (self.actor, payload.get("person"), self.behalf)
        return {name for name in named if name is not None}

    def _AssetRegistered(self, payload: Json) -> None:  # noqa: N802
        if payload["code"] in self.scales or payload["scale"] not in range(13):
            raise Wrong(f"{payload['code']} is registered twice, or with {payload['scale']}")
        self.scales[payload["code"]] = payload["scale"]

    def _AccountOpened(self, payload: Json) -> None:  # noqa: N802
        if payload["code"] in self.opened:
            raise Wrong(f"{payload['code']} is opened twice")
        self.opened[payload["code"]] = dict(payload)
        self._side(payload["code"])

    def _AccountAmended(self, payload: Json) -> None:  # noqa: N802
        account = payload["account"]
        known, fixed = self.opened[account], ("type", "contra", "asset")
        before = [known.get(name) for name in fixed]
        known.update(payload)
        self._side(account)
        has_lines = any(code == account for code, _ in self.lines)
        if has_lines and before != [known.get(name) for name in fixed]:
            raise Wrong(f"{account} has lines, and is made an account of another kind")

    def _side(self, code: str) -> None:
        known = self.opened[code]
        if known["type"] not in ("asset", "expense", "liability", "equity", "revenue"):
            raise Wrong(f"an account of the type {known['type']}")
        debit = known["type"] in ("asset", "expense")
        self.debit_normal[code] = debit != known.get("contra", False)

    def _EntryPosted(self, payload: Json) -> None:  # noqa: N802
        if payload["effective_on"] <= self.locked:
            raise Wrong(f"dated {payload['effective_on']}, locked through {self.locked}")
        closes = self.closing is not None and self.channel == "worker"
        if payload["effective_on"] <= ((self.closing or "") if closes else self.closed):
            raise Wrong(f"dated {payload['effective_on']}, closed through {self.closed}")
        year = fiscal_year(payload["effective_on"], self.year_start)
        if payload["fiscal_year"] != year:
            raise Wrong(f"{payload['effective_on']} is in the fiscal year {year}")
        month = last_of_month(payload["effective_on"], self.year_start)
        self._number(payload["journal"], year, payload["voucher_no"])
        nets: defaultdict[str, int] = defaultdict(int)
        worth, valued, lacking = 0, False, False
        if len(payload["legs"]) < 2:
            raise Wrong("an entry of less than two legs")
        for leg in payload["legs"]:
            asset = leg["asset"]
            minor, own = self._moved(leg, payload.get("class"))
            nets[asset] += minor
            valued = valued or leg.get("functional_amount") is not None
            lacking = lacking or own is None
            worth += own or 0
            sums = self.moved[leg["account"], asset][month]
            sums[0] += minor
            sums[1] += own or 0
            self._line(leg, minor)
            if (leg["account"], asset) == self.watch:
                self.watched.append([leg["line"], payload["effective_on"], self.position])
        if any(nets.values()):
            raise Wrong(f"the entry does not balance: {dict(nets)}")
        if (worth or lacking) and (valued or len(nets) > 1):
            raise Wrong("the entry does not balance in the functional asset")
        if self.remade is not None:
            self.remade.take(payload)

    def _number(self, journal: str, year: int, given: int) -> None:
        if journal not in self.journals:
            raise Wrong(f"the journal {journal} was never opened")
        number = self.vouchers.get((journal, year), 0) + 1
        if given != number:
            raise Wrong(f"voucher {given} in {journal}, {year}; the next is {number}")
        self.vouchers[journal, year] = number

    def _moved(self, leg: Json, kind: str | None) -> tuple[int, int | None]:
        """What a leg of an entry of a class moves, debits above zero, and what that is worth."""
        asset, sign = leg["asset"], {"debit": 1, "credit": -1}[leg["side"]]
        minor, value = self.minor_of(leg["amount"], asset), leg.get("functional_amount")
        if minor < 0 or not (minor or (value is not None and kind in WORTH_ONLY)):
            raise Wrong(f"a leg of {leg['amount']} {asset}")
        if asset == self.functional:
            if value not in (None, leg["amount"]):
                raise Wrong(f"{leg['amount']} {asset} are said to be worth {value}")
            value = leg["amount"]
        own = None if value is None else sign * self.minor_of(value, self.functional)
        return sign * minor, own

    def _line(self, leg: Json, change: int) -> None:
        key = (leg["account"], leg["asset"])
        number = self.lines.get(key, 0) + 1
        if leg["line"] != number:
            raise Wrong(f"line {leg['line']} of {key}; the next is {number}")
        self.lines[key] = number
        if leg["account"] not in self.debit_normal:
            raise Wrong(f"{leg['account']} was never opened")
        side = 1 if self.debit_normal[leg["account"]] else -1
        # Kept as debits less credits: an account may change its side until its first posting.
        self.balances[key] = self.balances.get(key, 0) + change
        if self.minor_of(leg["balance"], leg["asset"]) != side * self.balances[key]:
            raise Wrong(f"{leg['account']} is left with {leg['balance']}, which does not follow")

    def _AccountStated(self, payload: Json) -> None:  # noqa: N802
        key = (payload["account"], payload["asset"])
        side = 1 if self.debit_normal[payload["account"]] else -1
        lines, balance = self.lines.get(key, 0), side * self.balances.get(key, 0)
        if key == self.watch:
            self.stated.append(self.position)
        if payload["lines"] != lines:
            raise Wrong(f"{payload['lines']} lines of {key} are stated; there are {lines}")
        if self.minor_of(payload["balance"], payload["asset"]) != balance:
            raise Wrong(f"a balance of {payload['balance']} is stated, which does not follow")

    def _hold(self, payload: Json) -> None:
        state = payload["authorization"]
        held = self.minor_of(state["held"], state["asset"])
        if held < 0 or (held and "closed_as" in state):
            raise Wrong("a hold in an impossible state")

    def minor_of(self, text: str, asset: str) -> int:
        """Returns an amount in minor units. Raises Wrong where it has not all of its decimals."""
        found = AMOUNT.fullmatch(text)
        if found is None:
            raise Wrong(f"{text!r} is no amount")
        if len(found[2] or ".") - 1 != self.scales[asset]:
            raise Wrong(f"{text} {asset} does not have {self.scales[asset]} decimals")
        return int(text.replace(".", ""))

    def shown(self, minor: int, asset: str) -> str:
        """Returns an amount with all decimals of its asset."""
        scale = self.scales[asset]
        digits = str(abs(minor)).zfill(scale + 1)
        text = f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits
        return f"-{text}" if minor < 0 else text


def fiscal_year(day: str, start: str) -> int:
    """Returns the calendar year in which the fiscal year of a day ends; `start`: MM-DD."""
    return int(day[:4]) + (start != "01-01" and day[5:] >= start)


@lru_cache(10_000)
def last_of_month(day: str, start: str) -> str:
    """Returns the last day of the month of the fiscal year that a day is in."""
    found, begins = date.fromisoformat(day), int(start[3:])

    def first(year: int, month: int) -> date:
        return date(year, month, min(begins, monthrange(year, month)[1]))

    if found < first(found.year, found.month):
        return (first(found.year, found.month) - timedelta(days=1)).isoformat()
    following = (found.year + found.month // 12, found.month % 12 + 1)
    return (first(*following) - timedelta(days=1)).isoformat()


# -- certified reports, made again


class Remade:
    """The report of a certificate, made again from the records up to its position."""

    def __init__(self, body: Json, books: Books) -> None:
        self.books, self.report, self.asked = books, body["report"], body["parameters"]
        self.body = body
        self.first = self.asked.get("from", "0001-01-01")
        self.last = self.asked.get("to", self.asked.get("effective_on", "9999-12-31"))
        self.basis = self.asked.get("basis", "post-closing")
        of = {"statement": ("effective", "booking")}.get(self.report, tuple(LEFT_OUT))
        if self.basis not in of:
            raise Wrong(f"a {self.report} on the basis {self.basis} is not known")
        self.sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        self.lines: list[Json] = []
        self.years: dict[str, int] = {}
        """The fiscal year of an entry of a class that may be left out, or the earlier one of what
        it corrects."""

    def take(self, payload: Json) -> None:
        """Counts an entry, where the report is about it."""
        day = self._day(payload)
        if self.books.position > self.body["position"]:
            return
        if self._is_left_out(payload) or day > self.last:
            return
        for number, leg in enumerate(payload["legs"], start=1):
            if self._is_about(leg):
                minor = self.books.minor_of(leg["amount"], leg["asset"])
                minor = minor if leg["side"] == "debit" else -minor
                if self.report == "trial-balance":
                    self._balance(leg, minor)
                elif self.report == "roll-forward":
                    at = 0 if day < self.first else 1 if leg["side"] == "debit" else 2
                    self.sums[leg["account"], leg["asset"]][at] += abs(minor) if at else minor
                elif day < self.first:
                    self.sums[leg["account"], leg["asset"]][0] += minor
                else:
                    self.lines.append(self._line(payload, number, leg, minor, day))

    def check(self) -> None:
        """Requires that the record at the certificate's position was the last one. Raises Wrong."""
        rows, totals = {
            "trial-balance": self._trial_balance,
            "general-ledger": self._general_ledger,
            "journal": self._journal,
            "roll-forward": self._roll_forward,
            "statement": self._statement,
        }[self.report]()
        model = {name: self.body[name] for name in ("report", "ledger", "parameters", "position")}
        model |= {"functional_asset": self.books.functional, "known_at": self.books.recorded_at}
        digest = hashlib.sha256(canonical(model | {"rows": rows, "totals": totals})).hexdigest()
        if digest != self.body["digest"]:
            raise Wrong(f"the records give a {self.report} of another digest, {digest}")

    def _day(self, payload: Json) -> str:
        """The day that counts: the effective one, or the one on which it was booked."""
        if self.report == "statement" and self.basis == "booking":
            recorded = datetime.fromisoformat(self.books.recorded_at)
            return recorded.astimezone(ZoneInfo(self.books.timezone)).date().isoformat()
        day: str = payload["effective_on"]
        return day

    def _is_left_out(self, payload: Json) -> bool:
        if payload.get("class") not in LEFT_OUT.get(self.basis, ()):
            return False
        since = self.last if self.report == "trial-balance" else self.first
        year: int = payload["fiscal_year"]
        if "corrects" in payload:
            year = min(year, self.years.get(payload["corrects"], year))
        self.years[self.books.stream] = year
        return year >= fiscal_year(since, self.books.year_start)

    def _is_about(self, leg: Json) -> bool:
        if self.report == "statement":
            return (leg["account"], leg["asset"]) == (self.asked["account"], self.asked["asset"])
        branch = self.asked.get("account")
        return branch is None or f"{leg['account']}:".startswith(f"{branch}:")

    def _balance(self, leg: Json, minor: int) -> None:
        worth = minor
        if leg["asset"] != self.books.functional:
            worth = 0
            if "functional_amount" in leg:
                worth = self.books.minor_of(leg["functional_amount"], self.books.functional)
                worth = worth if leg["side"] == "debit" else -worth
        place = ":".join(leg["account"].split(":")[: self.asked.get("depth")])
        sums = self.sums[leg["asset"], place]
        sums[0] += minor
        sums[1] += worth

    def _line(self, payload: Json, number: int, leg: Json, minor: int, day: str) -> Json:
        return {
            "day": day,
            "minor": minor,
            "effective_on": payload["effective_on"],
            "journal": payload["journal"],
            "position": self.books.position,
            "leg": number,
            "line": leg["line"],
            "class": payload.get("class", "ordinary"),
            "reference": payload.get("reference"),
            "actor": self.books.actor,
            "account": leg["account"],
            "asset": leg["asset"],
            "debit": leg["amount"] if leg["side"] == "debit" else None,
            "credit": leg["amount"] if leg["side"] == "credit" else None,
        }

    def _name(self, account: str) -> str:
        name: str = self.books.opened.get(account, {}).get("name", "")
        return name

    def _row(self, line: Json, **more: str) -> Json:
        """A line of the report: those of its columns that are not null."""
        known = line | more
        row = {name: known[name] for name in CERTIFIED[self.report] if known[name] is not None}
        return {"kind": "line"} | row

    def _sides(self, lines: list[Json], asset: str) -> Json:
        debits = sum(line["minor"] for line in lines if line["debit"] is not None)
        credits = -sum(line["minor"] for line in lines if line["credit"] is not None)
        return {
            "debit": self.books.shown(debits, asset),
            "credit": self.books.shown(credits, asset),
        }

    def _trial_balance(self) -> tuple[list[Json], Json]:
        rows: list[Json] = []
        totals: Json = {}
        shown, functional = self.books.shown, self.books.functional
        both = [0, 0]
        for asset in sorted({asset for (asset, _), sums in self.sums.items() if any(sums)}):
            of_asset = [0, 0, 0, 0]
            places = sorted(key[1] for key, sums in self.sums.items() if key[0] == asset)
            for place in places:
                net, worth, _ = self.sums[asset, place]
                if not (net or worth):
                    continue
                sides = [max(net, 0), max(-net, 0), max(worth, 0), max(-worth, 0)]
                of_asset = [a + b for a, b in zip(of_asset, sides, strict=True)]
                type = self.books.opened.get(place, {}).get("type", "")
                about = {"account": place, "name": self._name(place), "type": type, "asset": asset}
                rows.append({"kind": "line"} | about | self._four(sides, asset))
            total = self._four(of_asset, asset)
            rows.append({"kind": "total", "account": "Total", "asset": asset} | total)
            totals[asset] = {"debit": total["debit"], "credit": total["credit"]}
            both = [both[0] + of_asset[2], both[1] + of_asset[3]]
        debit, credit = (shown(minor, functional) for minor in both)
        return rows, totals | {"functional": {"debit": debit, "credit": credit}}

    def _four(self, sides: list[int], asset: str) -> Json:
        assets = (asset, asset, self.books.functional, self.books.functional)
        names = ("debit", "credit", "functional_debit", "functional_credit")
        four = zip(names, sides, assets, strict=True)
        return {name: self.books.shown(minor, one) for name, minor, one in four}

    def _general_ledger(self) -> tuple[list[Json], Json]:
        rows: list[Json] = []
        of: defaultdict[tuple[str, str], list[Json]] = defaultdict(list)
        for line in sorted(self.lines, key=lambda one: (one["day"], one["position"], one["leg"])):
            of[line["account"], line["asset"]].append(line)
        for account, asset in sorted({*of} | {key for key, sums in self.sums.items() if sums[0]}):
            lines, balance = of[account, asset], self.sums[account, asset][0]
            about = {"account": account, "asset": asset}
            shown = self.books.shown(balance, asset)
            rows.append({"kind": "heading", **about, "balance": shown})
            for line in lines:
                balance += line["minor"]
                rows.append(self._row(line, balance=self.books.shown(balance, asset)))
            end = self.books.shown(balance, asset)
            rows.append({"kind": "total", **about, **self._sides(lines, asset), "balance": end})
        return rows, {}

    def _journal(self) -> tuple[list[Json], Json]:
        rows = [self._row(line, name=self._name(line["account"])) for line in self.lines]
        totals = {
            asset: self._sides([line for line in self.lines if line["asset"] == asset], asset)
            for asset in sorted({line["asset"] for line in self.lines})
        }
        for asset, total in totals.items():
            rows.append({"kind": "total", "account": "Total", "asset": asset} | total)
        return rows, totals

    def _roll_forward(self) -> tuple[list[Json], Json]:
        rows = []
        for account, asset in sorted(self.sums):
            opening, debits, credits = self.sums[account, asset]
            if opening or debits or credits:
                amounts = (opening, debits, credits, opening + debits - credits)
                shown = [self.books.shown(minor, asset) for minor in amounts]
                about = {"account": account, "name": self._name(account), "asset": asset}
                names = ("opening", "debits", "credits", "closing")
                rows.append({"kind": "line"} | about | dict(zip(names, shown, strict=True)))
        return rows, {}

    def _statement(self) -> tuple[list[Json], Json]:
        account, asset = self.asked["account"], self.asked["asset"]
        side = 1 if self.books.debit_normal[account] else -1
        balance = self.sums[account, asset][0]
        rows: list[Json] = [{"kind": "heading", "balance": self.books.shown(side * balance, asset)}]
        for line in sorted(self.lines, key=lambda one: (one["day"], one["position"], one["leg"])):
            balance += line["minor"]
            rows.append(self._row(line, balance=self.books.shown(side * balance, asset)))
        end = self.books.shown(side * balance, asset)
        rows.append({"kind": "total", **self._sides(self.lines, asset), "balance": end})
        return rows, {}


# -- certificates


class Certificate:
    """A report's certificate, seen to be signed and to prove what it says by itself."""

    def __init__(self, raw: bytes, keys: list[str]) -> None:
        first = raw.decode().partition("\n")[0]
        self.origin = first.removesuffix("/certificate")
        if self.origin == first:
            raise Wrong("this is no certificate")
        keys = [key for key in keys if parse_key(key)[0] == self.origin]
        body = open_note(raw, keys).split("\n", 1)[1]
        self.body: Json = json.loads(body)
        if canonical(self.body) + b"\n" != body.encode():
            raise Wrong("the certificate is not in its canonical form")
        if self.body["format"] != CERTIFICATE:
            raise Wrong(f"the certificate has the format {self.body['format']}")
        if not is_log_of(self.origin, self.body["ledger"]):
            raise Wrong(f"a certificate of {self.body['ledger']} under the name {self.origin}")
        origin, self.size, self.root = read_checkpoint(self.body["checkpoint"].encode(), keys)
        if origin != self.origin:
            raise Wrong("the certificate's checkpoint is of another log")
        self.position: int = self.body["position"]
        self.lines: Json | None = self.body.get("lines")
        self.said = ""
        """Which lines of a statement are accounted for."""
        if self.body["report"] not in CERTIFIED:
            raise Wrong(f"certificates of reports of the kind {self.body['report']} are not known")
        members = CERTIFICATE_MEMBERS | ({"lines"} if self.body["report"] == "statement" else set())
        if set(self.body) != members:
            raise Wrong("the certificate has other members than one of its report")
        self._check_proof()
        if self.lines is not None:
            self._check_lines(self.lines)

    def _check_proof(self) -> None:
        """What it is about, and each line that it lists, must be in the log that was signed."""
        self.leaves = dict(self.body["proof"]["leaves"])
        wanted = {self.position}
        if self.lines is not None:
            wanted |= {line[2] for line in self.lines["inside"] + self.lines["outside"]}
            if "previous" in self.lines and self.lines["previous"] is not None:
                wanted.add(json.loads(self.lines["previous"])["position"])
        if set(self.leaves) != wanted or not 1 <= min(wanted) <= max(wanted) <= self.size:
            raise Wrong("the certificate's proof is of other records than it names")
        hashes = iter([bytes.fromhex(hash) for hash in self.body["proof"]["hashes"]])
        leaves = {position - 1: bytes.fromhex(leaf) for position, leaf in self.leaves.items()}
        if any(len(hash) != 64 for hash in (*self.leaves.values(), *self.body["proof"]["hashes"])):
            raise Wrong("a hash in the certificate's proof has not 32 bytes")
        root = joint_root(leaves, 0, self.size, hashes)
        if root != self.root or next(hashes, None) is not None:
            raise Wrong("the certificate's proof leads to another root than was signed")

    def _check_lines(self, lines: Json) -> None:
        """Each line between the numbers of two records must be listed, once."""
        counts, positions = [0], [0]
        for text in (lines["previous"], lines["stated"]):
            if text is None:
                continue
            record = json.loads(text)
            leaf = hashlib.sha256(b"\0" + text.encode()).hexdigest()
            if leaf != self.leaves.get(record["position"]):
                raise Wrong("a record in the certificate is not the one in the log")
            stated = record["payload"]
            asked = (self.body["parameters"]["account"], self.body["parameters"]["asset"])
            if record["type"] != "AccountStated" or (stated["account"], stated["asset"]) != asked:
                raise Wrong("a record in the certificate is not of the account's lines")
            counts.append(stated["lines"])
            positions.append(record["position"])
        if not positions[-2] < positions[-1] == self.position:
            raise Wrong("the certificate is not as of the record that it is of")
        if counts[-1] > counts[-2]:
            self.said += f"Lines {counts[-2] + 1} to {counts[-1]} of the account are all listed\n"
        if counts[-2]:
            self.said += f"What it leaves out of those before, the one of {positions[-2]} lists\n"
        numbers = [line[0] for line in lines["inside"] + lines["outside"]]
        listed = set(numbers)
        for number in range(counts[-2] + 1, counts[-1] + 1):
            if number not in listed:
                raise Wrong(f"line {number} is missing; {counts[-1]} are on record")
        if len(listed) < len(numbers) or max(numbers, default=0) > counts[-1]:
            raise Wrong(f"the certificate lists more than the {counts[-1]} lines on record")

    def check_report(self, shown: Json) -> None:
        """Holds the report, as the service's JSON answer has it, against what was certified."""
        body, columns = self.body, CERTIFIED[self.body["report"]]
        same = {name: body[name] for name in ("report", "ledger", "position")}
        if any(shown.get(name) != value for name, value in (same | body["parameters"]).items()):
            raise Wrong("the report was asked for otherwise than the certificate says")
        model = same | {"parameters": body["parameters"]}
        model |= {name: shown[name] for name in ("functional_asset", "known_at", "totals")}
        model["rows"] = [
            {name: row[name] for name in ("kind", *columns) if row.get(name) is not None}
            for row in shown["rows"]
        ]
        if hashlib.sha256(canonical(model)).hexdigest() != body["digest"]:
            raise Wrong("the report is not the one that was certified")
        found = [[row[name] for name in LISTED] for row in model["rows"] if "line" in row]
        if self.lines is not None and sorted(found) != self.lines["inside"]:
            raise Wrong("the report does not show the lines that the certificate lists")

    def check_books(self, books: Books) -> None:
        """Holds the lines that it lists against those of a bundle."""
        if self.lines is None:
            return
        before = [position for position in books.stated if position < self.position][-1:]
        previous = self.lines["previous"]
        if before != ([] if previous is None else [json.loads(previous)["position"]]):
            raise Wrong("the account was stated at another position before")
        known = {tuple(line) for line in books.watched if line[2] <= self.position}
        assert books.remade is not None
        shown = [[line[name] for name in LISTED] for line in books.remade.lines]
        if sorted(shown) != self.lines["inside"]:
            raise Wrong("the certificate lists other lines of those days than the records have")
        for line in self.lines["inside"] + self.lines["outside"]:
            if tuple(line) not in known:
                raise Wrong(f"the certificate lists {line}, which is no line of the account")


def canonical(document: Json) -> bytes:
    """Returns the canonical form (RFC 8785) of what has texts, integers, lists and objects."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


# -- the bundle


class Ids:
    """Whether each stream's versions count 1, 2, 3, ... and each command was done once.

    A log has more ids than memory may have room for: they wait in a file, sorted by their first
    byte, and are looked at in the end.
    """

    ROW = struct.Struct(">16sQQ?")
    """Id, position, version (zero: the stream is not asked about), whether it is a command's."""
    BLOCK = 16_384 // ROW.size * ROW.size

    def __init__(self, file: BinaryIO) -> None:
        self.command: str | None = None
        self.file = file
        self.rows = [bytearray() for _ in range(256)]
        self.blocks: list[list[int]] = [[] for _ in range(256)]

    def take(self, record: Json, position: int) -> None:
        """Notes the ids of a record."""
        stream, command, version = record["stream"], record["command_id"], record["version"]
        if not 0 < version <= position:
            raise Wrong(f"version {version} of the stream {stream} is not the next")
        is_new = command is not None and command != self.command
        self.command = command
        # Most commands open a stream under their own id.
        self._add(stream, position, version=version, is_command=is_new and command == stream)
        if is_new and command != stream:
            self._add(command, position, version=0, is_command=True)

    def _add(self, text: str, position: int, *, version: int, is_command: bool) -> None:
        id = bytes.fromhex(text.replace("-", ""))
        if len(id) != 16:
            raise Wrong(f"{text} is no id")
        row = self.rows[id[0]]
        row += self.ROW.pack(id, position, version, is_command)
        if len(row) == self.BLOCK:
            self.blocks[id[0]].append(self.file.tell())
            self.file.write(row)
            row.clear()

    def check(self) -> None:
        """Raises Wrong, with the first position whose ids are not what they should be."""
        found: list[tuple[int, str]] = []
        for blocks, last in zip(self.blocks, self.rows, strict=True):
            versions: dict[bytes, int] = {}
            commands: set[bytes] = set()
            for rows in (*map(self._read, blocks), bytes(last)):
                for id, position, version, is_command in self.ROW.iter_unpack(rows):
                    if is_command and id in commands:
                        found.append((position, f"the command {id.hex()} was done before"))
                    if is_command:
                        commands.add(id)
                    if version and version != versions.get(id, 0) + 1:
                        said = f"version {version} of the stream {id.hex()} is not the next"
                        found.append((position, said))
                    if version:
                        versions[id] = version
        if found:
            raise Wrong("position {}: {}".format(*min(found)))

    def _read(self, block: int) -> bytes:
        self.file.seek(block)
        return self.file.read(self.BLOCK)


class Verifier:
    """Checks one bundle."""

    def __init__(self, directory: Path, keys: list[str], against: list[Path]) -> None:
        self.directory = directory
        self.manifest: Json = json.loads(self._read("manifest.json"))
        if self.manifest["format"] != FORMAT:
            raise Wrong(f"the bundle has the format {self.manifest['format']}")
        self.keys: list[str] = keys or self.manifest["verifier_keys"]
        self.origin, self.size, self.root = self._read_checkpoint(
            directory / "log/checkpoint", self.keys
        )
        if (self.manifest["origin"], self.manifest["size"]) != (self.origin, self.size):
            raise Wrong("the manifest states another log or size than the checkpoint")
        if not is_log_of(self.origin, self.manifest["ledger"]):
            raise Wrong(f"{self.origin} is no log of {self.manifest['ledger']}")
        for name in self.manifest["files"]:
            if FILE_NAME.fullmatch(name) is None:
                raise Wrong(f"the manifest names {name!r}, which is no file of a bundle")
        self.others: dict[int, list[tuple[Path, str, bytes]]] = {}
        """Checkpoints to hold the records against, by size: file, origin and root."""
        for file in against:
            origin, size, root = self._read_checkpoint(file, self.keys)
            if not 0 < size <= self.size:
                raise Wrong(f"{file} is of {size} records of {origin}; the bundle has {self.size}")
            self.others.setdefault(size, []).append((file, origin, root))
        self.tree = Tree()
        self.books = Books()
        self.numbers: defaultdict[int, int] = defaultdict(int)
        self.texts: Iterator[Json] = self._texts()
        self.text: Json | None = next(self.texts, None)
        self.textless: dict[str, int] = {}
        self.withheld_through: int = self.manifest.get("texts_withheld_through", 0)
        """Texts up to there were never handed over to the copy that this is of."""
        self.withheld = 0
        self.certified = 0
        """The position that a certificate is of."""

    def run(self) -> None:
        """Checks everything. Raises Wrong."""
        if (self.manifest["first"], self.manifest["last"]) != (1, self.size):
            raise Wrong("the bundle has a part of the records only")
        for name in self.manifest["files"]:
            if not name.startswith(("records/", "texts/")):
                self._check_file(name)
        with TemporaryFile() as ids_file:
            ids = Ids(ids_file)
            for line in self._lines("records"):
                self._take(line, ids)
            ids.check()
        self._end()

    def _end(self) -> None:
        """Checks what only the end can tell."""
        if self.tree.size != self.size:
            raise Wrong(f"{self.tree.size} records; the checkpoint is of {self.size}")
        if self.tree.root() != self.root:
            raise Wrong("the records do not give the root that was signed")
        left = [key for key in self.keys if key.strip() not in self.books.retired]
        self._read_checkpoint(self.directory / "log/checkpoint", left)
        if self.books.incarnation != self.manifest["incarnation"]:
            raise Wrong("the manifest states another incarnation than the records")
        copied = {*self.books.copied, self.size}
        if self.withheld_through and self.withheld_through not in copied:
            raise Wrong("texts are said to have been withheld where no copy was made")
        if self.textless:
            raise Wrong(f"position {min(self.textless.values())}: its text is gone, unsaid")
        if self.text is not None:
            raise Wrong(f"a text of position {self.text['position']} belongs to no record")
        for level, row in self.tree.rows.items():
            if row:
                self._check_tile(level, b"".join(row))
        for file, origin, _ in (one for each in self.others.values() for one in each):
            if origin not in (self.origin, *self.books.ends):
                raise Wrong(f"{file} is a checkpoint of {origin}, which the records do not name")

    def _take(self, line: bytes, ids: Ids) -> None:
        self.tree.add(line)
        try:
            if len(line) > RECORD_MAX:
                raise Wrong(f"a record of {len(line)} bytes")
            record = decode(line.decode())
            ids.take(record, self.tree.size)
            self.books.apply(record, self.manifest["ledger"])
            self._check_text(record)
            if self.certified == self.tree.size and self.books.remade is not None:
                self.books.remade.check()
        except FOUND as error:
            ids.check()
            shown = plain(line[:RECORD_MAX].decode(errors="replace"))
            said = f"position {self.tree.size}: {plain(told(error))}\n{shown}"
            raise Wrong(said) from error
        self._check_tree()

    def _check_tree(self) -> None:
        for level, hashes in self.tree.full_tiles():
            self._check_tile(level, hashes)
        for file, origin, root in self.others.get(self.tree.size, ()):
            if self.tree.root() != root:
                said = f"a record up to position {self.tree.size} is not what {file} was for"
                if origin in self.books.ends:
                    size, position = self.books.ends[origin]
                    said += f"; position {position} says that {origin} ended at {size}"
                raise Wrong(said)

    def _check_tile(self, level: int, hashes: bytes) -> None:
        number = self.numbers[level]
        self.numbers[level] += 1
        name = tile_name(level, number, len(hashes) // 32)
        stored = self._read(name)
        if len(stored) != len(hashes):
            raise Wrong(f"{name} has {len(stored)} bytes")
        for at in range(0, len(hashes), 32):
            if stored[at : at + 32] != hashes[at : at + 32]:
                place = f"position {number * 256 + at // 32 + 1}: " if level == 0 else ""
                raise Wrong(f"{place}{name} does not follow from the records")

    def _check_text(self, record: Json) -> None:
        if record["type"] == "PrivateTextErased":
            self.textless.pop(record["payload"]["erased"], None)
        digest = record["payload"].get("private")
        if digest is None or not self.manifest["texts"]:
            return
        text = self.text
        if text is None or text["position"] != record["position"]:
            if record["position"] <= self.withheld_through:
                self.withheld += 1
                return
            # Erased: an event must follow that says so.
            self.textless.setdefault(record["stream"], record["position"])
            return
        content = bytes.fromhex(text["salt"]) + base64.b64decode(text["body"], validate=True)
        if hashlib.sha256(content).hexdigest() != digest:
            raise Wrong("its text is not the one that was recorded")
        self.text = next(self.texts, None)

    def _texts(self) -> Iterator[Json]:
        for line in self._lines("texts"):
            yield json.loads(line)

    def _lines(self, kind: str) -> Iterator[bytes]:
        for name in sorted(self.manifest["files"]):
            if name.startswith(f"{kind}/"):
                self._check_file(name)
                try:
                    with gzip.open(self.directory / name) as lines:
                        read = partial(BufferedReader(lines, 1 << 18).readline, LINE_MAX)
                        for line in iter(read, b""):
                            yield line.removesuffix(b"\n")
                except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                    raise Wrong(f"{name} can't be read: {error}") from error

    def _check_file(self, name: str) -> None:
        with (self.directory / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != self.manifest["files"][name]:
                raise Wrong(f"{name} is not the file that the manifest names")

    def _read_checkpoint(self, file: Path, keys: list[str]) -> tuple[str, int, bytes]:
        try:
            return read_checkpoint(file.read_bytes(), keys)
        except (Wrong, ValueError) as error:
            raise Wrong(f"{file}: {told(error)}") from error

    def _read(self, name: str) -> bytes:
        return (self.directory / name).read_bytes()


def check_certificate(asked: argparse.Namespace) -> str:
    """Checks a certificate by itself, with its report and with a bundle; returns what to say."""
    keys = asked.key
    if asked.bundle is not None:
        keys = keys or json.loads((asked.bundle / "manifest.json").read_bytes())["verifier_keys"]
    certificate = Certificate(asked.certificate.read_bytes(), keys)
    body = certificate.body
    said = f"The certificate of the {body['report']} of {body['ledger']} holds: as of position"
    said += f" {certificate.position} of a log with the root {certificate.root.hex()}, digest"
    said += f" {body['digest']}\n{certificate.said}"
    if asked.report is not None:
        certificate.check_report(json.loads(asked.report.read_bytes()))
        said += f"{asked.report} is the report that was certified\n"
    if asked.bundle is not None:
        said += check_bundle(asked, certificate)
    return said


def check_bundle(asked: argparse.Namespace, certificate: Certificate | None) -> str:
    """Checks a bundle, and a certificate by it; returns what to say."""
    verifier = Verifier(asked.bundle, asked.key, asked.against)
    if certificate is not None:
        # Under another origin too: the ledger may go on under a new one, with the same records.
        if certificate.body["ledger"] != verifier.manifest["ledger"]:
            raise Wrong(f"the bundle is of the ledger {verifier.manifest['ledger']}")
        if certificate.size > verifier.size:
            raise Wrong(f"the bundle ends at {verifier.size}, before the certificate's checkpoint")
        signed = (asked.certificate, certificate.origin, certificate.root)
        verifier.others.setdefault(certificate.size, []).append(signed)
        parameters = certificate.body["parameters"]
        if certificate.lines is not None:
            verifier.books.watch = (parameters["account"], parameters["asset"])
        verifier.books.remade = Remade(certificate.body, verifier.books)
        verifier.certified = certificate.position
    verifier.run()
    if certificate is not None:
        certificate.check_books(verifier.books)
    said = f"All {verifier.size} records of {verifier.origin} hold; root {verifier.root.hex()}\n"
    for file in asked.against:
        said += f"They begin with those of {file}\n"
    if not asked.key:
        said += "The keys are those that the bundle names: compare them with what you were given\n"
    if not verifier.manifest["texts"]:
        said += "It has no texts, so none was held against its digest\n"
    if verifier.withheld:
        said += f"The texts of {verifier.withheld} were withheld from the copy that this is of\n"
    return said


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("bundle", type=Path, nargs="?")
    parser.add_argument("--against", type=Path, action="append", default=[], metavar="CHECKPOINT")
    parser.add_argument("--key", action="append", default=[], metavar="VERIFIER_KEY")
    parser.add_argument("--certificate", type=Path, metavar="FILE")
    parser.add_argument("--report", type=Path, metavar="JSON", help="What was certified.")
    asked = parser.parse_args()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if asked.bundle is None and (asked.certificate is None or not asked.key):
        parser.error("name a bundle, or a --certificate and the --key that should have signed it")
    if asked.bundle is not None and not asked.bundle.is_dir():
        parser.error(f"{asked.bundle} is no directory")
    if asked.report is not None and asked.certificate is None:
        parser.error("--report goes with --certificate")
    for file in (*asked.against, asked.certificate, asked.report):
        if file is not None and not file.is_file():
            parser.error(f"{file} is no file")
    try:
        for key in asked.key:
            parse_key(key)
    except Wrong as error:
        parser.error(str(error))
    try:
        said = check_bundle(asked, None) if asked.certificate is None else check_certificate(asked)
    except FOUND as error:
        lines = map(plain, told(error).split("\n"))
        sys.stdout.write("WRONG: {}\n".format("\n".join(lines)))
        raise SystemExit(1) from error
    sys.stdout.write(said)


if __name__ == "__main__":
    main()
