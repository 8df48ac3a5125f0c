"""General ledger detail: a file of the AICPA Audit Data Standard's GL_Detail as commands.

Read twice: a survey settles what the columns mean, then each journal becomes one `post`. A
journal that can't be posted is refused whole, by line; the rest goes in.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from interface.importing.amounts import Decimal
from interface.importing.chart import ACCOUNT_TYPES, Account, account_code, read_chart
from interface.importing.columns import GL_DETAIL, divide, find_layout, take_apart
from interface.importing.files import fingerprint
from interface.importing.lines import (
    Line,
    Noticed,
    Refused,
    Setup,
    Unreadable,
    check_system,
)
from interface.importing.posts import Posts, Terms
from interface.importing.survey import surveyed_journals, take_survey

REQUIRED = ("Journal_ID", "Effective_Date", "GL_Account_Number")


class GlDetail:
    """A surveyed file. `setup` first, then `lines`; each may be asked for again.

    `remarks`: what was found in the chart of accounts and about account numbers.
    """

    def __init__(
        self, terms: Terms, setup: Sequence[Setup], remarks: Sequence[Refused | Noticed]
    ) -> None:
        self._terms = terms
        self.setup = tuple(setup)
        self.remarks = tuple(remarks)

    @property
    def sha256(self) -> str:
        return self._terms.source.sha256

    @property
    def rows(self) -> int:
        """How many rows of the file can be read as such."""
        return self._terms.survey.rows

    @property
    def ignored(self) -> tuple[str, ...]:
        """The headings of columns that go nowhere."""
        return self._terms.layout.ignored

    @property
    def assets(self) -> frozenset[str]:
        """The codes of the assets that the file moves."""
        return frozenset(self._terms.assets.values()) or frozenset((self._terms.functional_asset,))

    def lines(self) -> Iterator[Line | Refused | Noticed]:
        """Yields a command for each journal, and what is refused or noticed, by line.

        Raises Unreadable where the file is not what was surveyed.
        """
        terms = self._terms
        posts = Posts(terms)
        for journal in surveyed_journals(terms.source, terms.layout, terms.survey):
            if isinstance(journal, Refused):
                yield journal
            else:
                yield from posts.tell(journal)


def read_gl_detail(
    path: str | Path,
    *,
    mapping: Sequence[str] = (),
    open_accounts: str | Path | None = None,
    functional_asset: str = "USD",
    timezone: str = "UTC",
    account_codes: Mapping[str, str] | None = None,
    system: str | None = None,
    journal: str | None = None,
    date_format: str | None = None,
    decimal: Decimal | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> GlDetail:
    """Surveys a file; nothing is yielded yet.

    `mapping`: as `--map` takes it (docs/import.md). `open_accounts`: a chart of accounts, or one of
    the five types. `functional_asset`: what an amount without currency is in. `timezone`: of the
    file's times of day (IANA). `account_codes`: number to code of the ledger's accounts. `system`:
    a part of the keys. Raises Unreadable, OSError.
    """
    check_system(system)
    zone = _zone(timezone)
    source = fingerprint(path, encoding=encoding)
    for_detail, for_chart = divide(mapping)
    asked = take_apart(for_detail, fields=GL_DETAIL)
    layout = find_layout(
        source, asked=asked, fields=GL_DETAIL, required=REQUIRED, delimiter=delimiter
    )
    survey = take_survey(
        source, layout, sides=asked.sides, date_format=date_format, decimal=decimal
    )
    known = account_codes or {}
    codes = {cell: _code(cell.strip(), known) for cell in survey.accounts}
    assets = {cell: cell.strip().upper() or functional_asset for cell in survey.currencies}
    terms = Terms(source, layout, survey, codes, assets, functional_asset, zone, system, journal)
    return GlDetail(terms, *_accounts(open_accounts, codes, known, for_chart, encoding))


def _accounts(
    asked: str | Path | None,
    codes: Mapping[str, str],
    known: Mapping[str, str],
    mapping: Sequence[str],
    encoding: str | None,
) -> tuple[list[Setup], list[Refused | Noticed]]:
    """Returns the accounts to open, sorted by number or as in the chart, and the remarks."""
    numbers = {cell.strip(): code for cell, code in codes.items() if code}
    renamed = [
        Noticed(1, None, "account_code", f"account {number} is {code} here")
        for number, code in sorted(numbers.items())
        if code != number and number not in known
    ]
    if asked is None:
        return [], list(renamed)
    if isinstance(asked, str) and asked in ACCOUNT_TYPES:
        bodies = [
            {"code": code, "type": asked, "name": number, "number": number}
            for number, code in sorted(numbers.items())
            if number not in known
        ]
        return [("account", body) for body in bodies], list(renamed)
    setup: list[Setup] = []
    remarks: list[Refused | Noticed] = []
    for found in read_chart(asked, mapping=mapping, encoding=encoding):
        if not isinstance(found, Account):
            remarks.append(found)
        elif found.body["number"] not in known:
            setup.append(("account", found.body))
    return setup, remarks


def _code(number: str, known: Mapping[str, str]) -> str:
    return known.get(number) or (account_code(number) if number else "")


def _zone(timezone: str) -> ZoneInfo:
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Unreadable(f"there is no time zone {timezone}") from error
