"""What entries can be found by, and what was refused, as they follow from the records."""

import msgspec

from interface.evidence.fold import Fold
from interface.evidence.passbook import minor_of
from interface.evidence.shapes import Entry, Envelope, Refused
from interface.evidence.view_lines import PLACES
from interface.evidence.view_tables import (
    Appended,
    Columns,
    array_text,
    member_text,
    moment_text,
    row_text,
)

ENTRIES = Columns(
    "posted_entries",
    (
        "position",
        "effective_on",
        "journal",
        "class",
        "actor",
        "reason",
        "reference",
        "document",
        "source",
        "accounts",
        "amounts",
        "parties",
        "dimensions",
        "correction",
    ),
)
DIMENSIONS = Columns(
    "entry_dimensions",
    (
        "position",
        "leg",
        "name",
        "value",
        "effective_on",
        "account",
        "asset",
        "is_debit",
        "amount",
        "functional",
    ),
    naming=3,
)
ITEM_LEGS = Columns(
    "item_legs",
    (
        "place",
        "account",
        "asset",
        "entry",
        "party",
        "due_on",
        "matches",
        "corrects",
        "document",
        "reference",
    ),
    places=PLACES,
)
REFUSALS = Columns("refusals", ("position", "recorded_at", "command", "code", "actor", "account"))

_text = msgspec.json.Encoder().encode
_decode_refused = msgspec.json.Decoder(Refused).decode


class EntryRows:
    """What follows for `posted_entries` and `entry_dimensions`."""

    def __init__(self, *, shown: int) -> None:
        self.entries = Appended(ENTRIES, shown=shown)
        self.dimensions = Appended(DIMENSIONS, shown=shown)

    @property
    def tables(self) -> tuple[Appended, ...]:
        """Those that are compared as records pass."""
        return self.entries, self.dimensions

    def post(self, record: Envelope, entry: Entry, fold: Fold) -> None:
        """Works out the rows of an entry."""
        legs, text = entry.legs, member_text
        parties = [leg.party for leg in legs if leg.party is not None]
        dimensions = [_object(leg.dimensions) for leg in legs if leg.dimensions]
        document, source = entry.document, entry.source
        self.entries.due.append(
            f"({record.position},{entry.effective_on},{text(entry.journal)},{text(entry.class_)},"
            f"{text(record.actor)},{text(record.reason)},{text(entry.reference)},"
            f"{text(None if document is None else document.number)},"
            f"{text(None if source is None else source.system)},"
            f"{array_text(dict.fromkeys([leg.account for leg in legs]))},"
            f"{array_text(dict.fromkeys([leg.amount for leg in legs]))},"
            f"{array_text(dict.fromkeys(parties)) if parties else '{}'},"
            f"{array_text(dimensions) if dimensions else '{}'},{text(entry.correction)})"
        )
        if dimensions:
            self._dimensions(record.position, entry, fold)

    def _dimensions(self, position: int, entry: Entry, fold: Fold) -> None:
        for number, leg in enumerate(entry.legs, start=1):
            worth = leg.functional_amount
            for name, value in (leg.dimensions or {}).items():
                self.dimensions.due.append(
                    row_text(
                        str(position),
                        str(number),
                        name,
                        value,
                        entry.effective_on,
                        leg.account,
                        leg.asset,
                        "t" if leg.side == "debit" else "f",
                        str(minor_of(leg.amount, fold.chart.scales[leg.asset])),
                        None
                        if worth is None
                        else str(minor_of(worth, fold.chart.functional_scale)),
                    )
                )


class ItemRows:
    """What follows for `item_legs`: of each leg with a party, a due day or what it matches."""

    def __init__(self, *, shown: int) -> None:
        self.legs = Appended(ITEM_LEGS, shown=shown)

    @property
    def tables(self) -> tuple[Appended, ...]:
        """Those that are compared as records pass."""
        return (self.legs,)

    def post(self, record: Envelope, entry: Entry) -> None:
        """Works out the rows of an entry."""
        number = None if entry.document is None else entry.document.number
        for leg_number, leg in enumerate(entry.legs, start=1):
            named = (leg.party, leg.due_on, leg.matches)
            if named != (None, None, None):
                place = str(record.position * PLACES + leg_number)
                said = (entry.corrects, number, entry.reference)
                self.legs.due.append(
                    row_text(place, leg.account, leg.asset, record.stream, *named, *said)
                )


class RefusalRows:
    """What follows for `refusals`."""

    def __init__(self, *, shown: int) -> None:
        self.refusals = Appended(REFUSALS, shown=shown)

    @property
    def tables(self) -> tuple[Appended, ...]:
        """Those that are compared as records pass."""
        return (self.refusals,)

    def refuse(self, record: Envelope) -> None:
        """Works out the row of a refusal. Raises msgspec.MsgspecError."""
        refused = _decode_refused(record.payload)
        account = refused.facts.get("account")
        self.refusals.due.append(
            row_text(
                str(record.position),
                moment_text(record.recorded_at),
                refused.do,
                refused.code,
                record.actor,
                account if isinstance(account, str) else None,
            )
        )


def _object(members: dict[str, str]) -> str:
    """An object as PostgreSQL writes a jsonb (8.14.1): shorter keys first."""
    keys = sorted(members, key=lambda key: (len(key.encode()), key.encode()))
    texts = [f"{_text(key).decode()}: {_text(members[key]).decode()}" for key in keys]
    return "{" + ", ".join(texts) + "}"
