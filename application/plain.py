"""Records of plain entries, filled into a form instead of encoded member by member.

The form is what the one encoder makes of a sample record, cut where the entry's own values go, so
member order and spelling have one source. By test: the bytes equal the encoder's.
"""

import re
from datetime import date

from application.outcomes import Caller
from application.records import FORMAT, Record, encode
from domain.catalogue import EVENTS
from domain.entries import EntryPosted
from domain.legs import Leg
from domain.plain import PlainEntry

_NUMBER = 7_000_000_000_000_000
"""Sample numbers count up from here, sample texts are `@0@`, ...: cut out by `_CUT`."""

_CUT = re.compile(rb"@\d@|70000000000000\d\d")


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

    def record(
        self, entry: PlainEntry, *, by: Caller, position: int, command_id: str, digest: str
    ) -> bytes:
        """Returns the record's bytes. Requires account codes and ids that JSON need not escape."""
        first, second = entry.first, entry.second
        key = (by, entry.effective_on, first.asset)
        f = self._forms.get(key) or self._cut(key, entry.fiscal_year)
        return (
            f"{f[0]}{position}{f[1]}{command_id}{f[2]}{command_id}{f[3]}{digest}{f[4]}"
            f"{entry.voucher_no}{f[5]}{first.account}{f[6]}{first.side}{f[7]}{first.amount}{f[8]}"
            f"{entry.first_after.lines}{f[9]}{entry.first_balance}{f[10]}{second.account}{f[11]}"
            f"{second.side}{f[12]}{second.amount}{f[13]}{entry.second_after.lines}{f[14]}"
            f"{entry.second_balance}{f[15]}"
        ).encode()

    def _cut(self, key: tuple[Caller, date, str], fiscal_year: int) -> list[str]:
        by, effective_on, asset = key
        event = EntryPosted(
            journal="GEN",
            voucher_no=_NUMBER + 2,
            fiscal_year=fiscal_year,
            effective_on=effective_on,
            legs=[
                Leg("@3@", "@4@", "@5@", asset, _NUMBER + 3, "@6@"),  # type: ignore[arg-type]
                Leg("@7@", "@8@", "@9@", asset, _NUMBER + 4, "@6@"),  # type: ignore[arg-type]
            ],
        )
        sample = Record(
            FORMAT,
            self._ledger,
            self._incarnation,
            _NUMBER + 1,
            "@0@",
            1,
            "EntryPosted",
            EVENTS[EntryPosted],
            self._recorded_at,
            by.actor,
            None,
            by.key_id,
            by.channel,
            self._software_version,
            "@1@",
            "@2@",
            None,
            None,
            None,
            event,
        )
        form = [part.decode() for part in _CUT.split(encode(sample))]
        assert len(form) == 16, "a caller's or ledger's name looks like a sample's value"
        self._forms[key] = form
        return form
