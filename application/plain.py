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


def fill(
    form: list[str], entry: PlainEntry, *, position: int, command_id: str, digest: str
) -> bytes:
    """Returns the record's bytes. Requires account codes and ids that JSON need not escape."""
    first, second = entry.first, entry.second
    f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15 = form
    return (
        f"{f0}{position}{f1}{command_id}{f2}{command_id}{f3}{digest}{f4}{entry.voucher_no}{f5}"
        f"{first.account}{f6}{first.side}{f7}{first.amount}{f8}{entry.first_line}{f9}"
        f"{entry.first_balance}{f10}{second.account}{f11}{second.side}{f12}{second.amount}{f13}"
        f"{entry.second_line}{f14}{entry.second_balance}{f15}"
    ).encode()


class PlainForms:
    """The forms of one commit: one for each caller, day and asset."""

    def __init__(
        self, *, ledger: str, incarnation: int, recorded_at: str, software_version: str
    ) -> None:
        self._ledger = ledger
        self._incarnation = incarnation
        self._recorded_at = recorded_at
        self._software_version = software_version
        self._forms: dict[tuple[Caller, date, str], list[str]] = {}

    def form(self, *, by: Caller, effective_on: date, fiscal_year: int, asset: str) -> list[str]:
        """Returns the parts of the form, the same list for the same arguments."""
        key = (by, effective_on, asset)
        return self._forms.get(key) or self._cut(key, fiscal_year)

    def _cut(self, key: tuple[Caller, date, str], fiscal_year: int) -> list[str]:
        by, effective_on, asset = key
        event = EntryPosted(
            journal="GEN",
            voucher_no=_NUMBER + 2,
            fiscal_year=fiscal_year,
            effective_on=effective_on,
            legs=[
                Leg(_mark(3), _side(4), _mark(5), asset, _NUMBER + 3, _mark(6)),
                Leg(_mark(7), _side(8), _mark(9), asset, _NUMBER + 4, _mark(6)),
            ],
        )
        sample = Record(
            FORMAT,
            self._ledger,
            self._incarnation,
            _NUMBER + 1,
            _mark(0),
            1,
            "EntryPosted",
            EVENTS[EntryPosted],
            self._recorded_at,
            by.actor,
            None,
            by.key_id,
            by.channel,
            self._software_version,
            _mark(1),
            _mark(2),
            None,
            None,
            None,
            event,
        )
        form = [part.decode() for part in _CUT.split(encode(sample))]
        assert len(form) == 16
        self._forms[key] = form
        return form


def _mark(number: int) -> str:
    return f"\x01{number}"


def _side(number: int) -> Side:
    return cast(Side, _mark(number))
