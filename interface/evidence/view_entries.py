"""What entries can be found by, and what was refused, as they follow from the records."""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from interface.evidence.fold import Fold
from interface.evidence.passbook import minor_of
from interface.evidence.plain import Entry, Leg, PlainEntry, PlainLeg
from interface.evidence.shapes import Envelope, Refused
from interface.evidence.view_lines import PLACES
from interface.evidence.view_tables import (
    REMEMBERED_TEXTS,
    Appended,
    Columns,
    array_item,
    array_text,
    member,
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
        "fiscal_year",
        "voucher_no",
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
        self._items: dict[str, str] = {}
        """Codes of accounts as they stand in an array."""
        self.dimensions = Appended(DIMENSIONS, shown=shown)

    @property
    def tables(self) -> tuple[Appended, ...]:
        """Those that are compared as records pass."""
        return self.entries, self.dimensions

    def post(self, record: Envelope, entry: Entry, fold: Fold) -> None:
        """Works out the rows of an entry."""
        legs: Sequence[Leg] = entry.legs
        if type(entry) is PlainEntry and len(legs) == 2:
            one, other = entry.legs
            if one.dimensions is None and other.dimensions is None:
                self._post_pair(record, entry, one, other)
                return
        text = member_text
        dimensions = [_object(leg.dimensions) for leg in legs if leg.dimensions]
        document, source, reference = entry.document, entry.source, entry.reference
        self.entries.due.append(
            f"({record.position},{entry.effective_on},{text(entry.journal)},{text(entry.class_)},"
            f"{text(record.actor)},{'' if record.reason is None else text(record.reason)},"
            f"{'' if reference is None else member(reference)},"
            f"{'' if document is None or document.number is None else member(document.number)},"
            f"{'' if source is None or source.system is None else text(source.system)},"
            f"{self._account_array(legs)},{_amount_array(legs)},"
            f"{_party_array(*[leg.party for leg in legs])},"
            f"{array_text(dimensions) if dimensions else '{}'},"
            f"{'' if entry.correction is None else text(entry.correction)},"
            f"{entry.fiscal_year},{entry.voucher_no})"
        )
        if dimensions:
            self._dimensions(record.position, entry, fold)

    def _post_pair(
        self, record: Envelope, entry: PlainEntry, one: PlainLeg, other: PlainLeg
    ) -> None:
        items, text, amount = self._items, member_text, one.amount
        if one.account == other.account or amount != other.amount:
            accounts, amounts = self._account_array(entry.legs), _amount_array(entry.legs)
        else:
            first = items.get(one.account) or self._item(one.account)
            accounts = f'"{{{first},{items.get(other.account) or self._item(other.account)}}}"'
            amounts = f"{{{amount}}}"
        bare = one.party is None and other.party is None
        parties = "{}" if bare else _party_array(one.party, other.party)
        reference, reason = entry.reference, record.reason
        document, source = entry.document, entry.source
        self.entries.due.append(
            f"({record.position},{entry.effective_on},{text(entry.journal)},ordinary,"
            f"{text(record.actor)},{'' if reason is None else text(reason)},"
            f"{'' if reference is None else member(reference)},"
            f"{'' if document is None or document.number is None else member(document.number)},"
            f"{'' if source is None or source.system is None else text(source.system)},"
            f"{accounts},{amounts},{parties},{{}},,{entry.fiscal_year},{entry.voucher_no})"
        )

    def _account_array(self, legs: Sequence[Leg]) -> str:
        items = self._items
        codes = {leg.account: None for leg in legs}
        text = ",".join([items.get(code) or self._item(code) for code in codes])
        return f'"{{{text}}}"' if len(codes) > 1 or '"' in text else f"{{{text}}}"

    def _item(self, code: str) -> str:
        found = self._items[code] = array_item(code).replace("\\", "\\\\").replace('"', '""')
        return found

    def _dimensions(self, position: int, entry: Entry, fold: Fold) -> None:
        legs: Sequence[Leg] = entry.legs
        for number, leg in enumerate(legs, start=1):
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
        legs: Sequence[Leg] = entry.legs
        for leg in legs:
            if leg.party is not None or leg.due_on is not None or leg.matches is not None:
                break
        else:
            # As most are: no numbers for their legs.
            return
        for leg_number, leg in enumerate(legs, start=1):
            if leg.party is not None or leg.due_on is not None or leg.matches is not None:
                number = None if entry.document is None else entry.document.number
                named = (leg.party, leg.due_on, leg.matches)
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


@lru_cache(REMEMBERED_TEXTS)
def _party_array(*parties: str | None) -> str:
    return array_text(dict.fromkeys(party for party in parties if party is not None))


def _amount_array(legs: Sequence[Leg]) -> str:
    amounts = {leg.amount: None for leg in legs}
    text = ",".join(amounts)
    return f'"{{{text}}}"' if len(amounts) > 1 else f"{{{text}}}"


def _object(members: dict[str, str]) -> str:
    """An object as PostgreSQL writes a jsonb (8.14.1): shorter keys first."""
    keys = sorted(members, key=lambda key: (len(key.encode()), key.encode()))
    texts = [f"{_text(key).decode()}: {_text(members[key]).decode()}" for key in keys]
    return "{" + ", ".join(texts) + "}"
