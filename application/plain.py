"""Records of plain entries, filled into a form instead of encoded member by member.

The form is what the one encoder makes of a sample record, cut where the entry's own values go, so
member order and spelling have one source. By test: the bytes equal the encoder's.
"""

import re
from datetime import date
from typing import cast

from application.outcomes import Caller
from application.records import FORMAT, Record, encode
from domain.accounts import Side
from domain.catalogue import EVENTS
from domain.entries import EntryPosted
from domain.legs import Leg
from domain.plain import PlainEntry

_NUMBER = 7_000_000_000_000_000
_CUT = re.compile(rb"\\u0001\d|(?<=:)70000000000000\d\d(?=[,}])")
"""What marks an entry's own values in the sample: texts of a control character, which no name may
hold, and a digit; numbers that count up from `_NUMBER`, which no text can be taken for."""


MAX_FORMS = 1_000


def fill(
    form: list[str],
    entry: PlainEntry,
    *,
    position: int,
    recorded_at: str,
    command_id: str,
    digest: str,
) -> bytes:
    """Returns the record's bytes. Requires account codes and ids that JSON need not escape."""
    first, second = entry.first, entry.second
    f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16 = form
    return (
        f"{f0}{position}{f1}{command_id}{f2}{recorded_at}{f3}{command_id}{f4}{digest}{f5}"
        f"{entry.voucher_no}{f6}{first.account}{f7}{first.side}{f8}{first.amount}{f9}"
        f"{entry.first_line}{f10}{entry.first_balance}{f11}{second.account}{f12}{second.side}{f13}"
        f"{second.amount}{f14}{entry.second_line}{f15}{entry.second_balance}{f16}"
    ).encode()


class PlainForms:
    """The forms of one ledger: one for each incarnation, caller, day and asset of late."""

    def __init__(self, *, ledger: str, software_version: str) -> None:
        self._ledger = ledger
        self._software_version = software_version
        self._forms: dict[tuple[int, Caller, date, str], list[str]] = {}

    def form(
        self, *, incarnation: int, by: Caller, effective_on: date, fiscal_year: int, asset: str
    ) -> list[str]:
        """Returns the parts of the form, the same list for the same arguments. A ledger's fiscal
        years never change."""
        key = (incarnation, by, effective_on, asset)
        return self._forms.get(key) or self._cut(key, fiscal_year)

    def _cut(self, key: tuple[int, Caller, date, str], fiscal_year: int) -> list[str]:
        incarnation, by, effective_on, asset = key
        if len(self._forms) >= MAX_FORMS:
            self._forms.clear()
        event = EntryPosted(
            journal="GEN",
            voucher_no=_NUMBER + 2,
            fiscal_year=fiscal_year,
            effective_on=effective_on,
            legs=[
                Leg(_mark(4), _side(5), _mark(6), asset, _NUMBER + 3, _mark(7)),
                Leg(_mark(8), _side(9), _mark(6), asset, _NUMBER + 4, _mark(7)),
            ],
        )
        sample = Record(
            FORMAT,
            self._ledger,
            incarnation,
            _NUMBER + 1,
            _mark(0),
            1,
            "EntryPosted",
            EVENTS[EntryPosted],
            _mark(1),
            by.actor,
            None,
            by.key_id,
            by.channel,
            self._software_version,
            _mark(2),
            _mark(3),
            None,
            None,
            None,
            event,
        )
        form = [part.decode() for part in _CUT.split(encode(sample))]
        assert len(form) == 17
        self._forms[key] = form
        return form


def _mark(number: int) -> str:
    return f"\x01{number}"


def _side(number: int) -> Side:
    return cast(Side, _mark(number))
