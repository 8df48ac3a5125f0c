"""Columns: which cell of a row is which field of the AICPA Audit Data Standards.

Sources: Audit Data Standards, General Ledger Standard (July 2015), tables GL_Detail and
Chart_Of_Accounts. A heading is matched without regard to case, spaces, underscores and other
signs; `FIELD=HEADING` names one that is called otherwise, and `FIELD=` leaves one out.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from interface.importing.files import DELIMITERS, SourceFile, Table
from interface.importing.lines import Unreadable

GL_DETAIL = (
    "Journal_ID",
    "Journal_ID_Line_Number",
    "JE_Header_Description",
    "JE_Line_Description",
    "Source",
    "Effective_Date",
    "GL_Account_Number",
    "Amount",
    "Amount_Credit_Debit_Indicator",
    "Amount_Currency",
    "Entered_By",
    "Entered_Date",
    "Entered_Time",
    "Approved_By",
    "Approved_Date",
    "Approved_Time",
    "Last_Modified_By",
    "Last_Modified_Date",
    "Reversal_Indicator",
    "Reversal_Journal_ID",
    "Document_Number",
    "Document_Date",
    # Not the standard's, but usual: the amount in two columns, the amount's worth, who it is about.
    "Debit_Amount",
    "Credit_Amount",
    "Functional_Amount",
    "Party",
    "Class",
)

CHART_OF_ACCOUNTS = (
    "GL_Account_Number",
    "GL_Account_Name",
    "Account_Type",
    "Account_Subtype",
    "FS_Caption",
)

CHART_PREFIX = "chart."
DIMENSION_PREFIX = "dimension."
DIMENSIONS_MAX = 8

_BUSINESS_UNIT = "businessunitcode"
_SEGMENT = re.compile(r"segment[0-9]{1,2}")
_OTHER_SPELLINGS = {
    "jenumber": "Journal_ID",
    "jelinenumber": "Journal_ID_Line_Number",
    "amountdebitcreditindicator": "Amount_Credit_Debit_Indicator",
}
_SHORT_IN_CHARTS = {
    "accountnumber": "GL_Account_Number",
    "number": "GL_Account_Number",
    "accountname": "GL_Account_Name",
    "name": "GL_Account_Name",
    "type": "Account_Type",
}
"""What charts made by hand call their columns; taken where a field has no other."""

_SIDES = {"debit": "debit", "d": "debit", "credit": "credit", "c": "credit"}


class UnknownColumns(Unreadable):
    """A field that is needed has no column, or more than one."""


class BadMapping(Unreadable):
    """A mapping that names neither a field nor a side, or no heading of the file."""


class Layout(Struct, frozen=True):
    """Where a file's fields stand. A journal id made of several columns stands after the last.

    `positions`: field to cell; `dimensions`: its name to cell; `joined`: the cells of the id.
    """

    width: int
    positions: dict[str, int]
    dimensions: dict[str, int]
    joined: tuple[int, ...]
    ignored: tuple[str, ...]
    delimiter: str


class Asked(Struct, frozen=True):
    """A mapping taken apart: headings by field and dimension, and what each side is called."""

    headings: dict[str, str]
    dimensions: dict[str, str]
    sides: dict[str, str]


def normal(heading: str) -> str:
    """Returns a heading as it is compared: `JE_Header_ Description` and `jeHeaderDescription`."""
    folded = unicodedata.normalize("NFKC", heading).casefold()
    return "".join(filter(str.isalnum, folded))


def divide(mapping: Sequence[str]) -> tuple[list[str], list[str]]:
    """Returns the pairs for the journals' file, and those for the chart of accounts.

    The chart's are those of fields that only a chart has, and those that begin with `chart.`.
    """
    detail, chart = [], []
    only_charts = {normal(field) for field in CHART_OF_ACCOUNTS if field not in GL_DETAIL}
    for pair in mapping:
        if pair.casefold().startswith(CHART_PREFIX):
            chart.append(pair[len(CHART_PREFIX) :])
        elif normal(pair.partition("=")[0]) in only_charts:
            chart.append(pair)
        else:
            detail.append(pair)
    return detail, chart


def take_apart(mapping: Sequence[str], *, fields: Sequence[str]) -> Asked:
    """Returns what `FIELD=HEADING`, `dimension.NAME=HEADING`, `debit=S` and `credit=H` ask for.

    A pair the other way round (`acct=GL_Account_Number`, `S=debit`) means the same where its
    left side is none of these. A side takes several values, separated by commas.
    Raises BadMapping.
    """
    known = {normal(field): field for field in fields}
    asked = Asked({}, {}, {})
    for pair in mapping:
        left, equals, right = (part.strip() for part in pair.partition("="))
        if not equals:
            raise BadMapping(f"{pair!r} is not of the form FIELD=HEADING")
        if not _take(left, right, known, asked) and not _take(right, left, known, asked):
            raise BadMapping(f"{pair!r} names no field; there are {', '.join(fields)}")
    return asked


def find_layout(
    source: SourceFile,
    *,
    asked: Asked,
    fields: Sequence[str],
    required: Sequence[str],
    delimiter: str | None = None,
) -> Layout:
    """Returns the layout that the first row with anything in it describes.

    Without `delimiter` it is the one of comma, semicolon, tab and bar that finds most fields.
    Raises UnknownColumns, BadMapping, Unreadable.
    """
    candidates = []
    for sign in DELIMITERS if delimiter is None else _delimiter(delimiter):
        headings = Table(source, sign).headings()
        matches = _matches(headings, fields, asked)
        candidates.append((len(matches), len(headings), sign, headings, matches))
    _, _, sign, headings, matches = max(candidates, key=lambda candidate: candidate[:2])
    for field, heading in asked.headings.items():
        if heading and field not in matches:
            raise BadMapping(f"{source.name} has no column {heading}; {field} was mapped to it")
    missing = [field for field in required if field not in matches]
    if not any(headings):
        raise UnknownColumns(f"{source.name} is empty: it has no headings")
    if missing:
        raise UnknownColumns(
            f"{source.name} has no column {' and no column '.join(missing)}; it has "
            f"{', '.join(headings)}. Name it: {missing[0]}=HEADING"
        )
    return _layout(source, sign, headings, matches, asked)


def _delimiter(asked: str) -> str:
    sign = "\t" if asked in ("tab", "\\t") else asked
    if len(sign) != 1 or sign in '"\r\n':
        raise Unreadable(f"{asked!r} is not a delimiter: one sign, or tab")
    return sign


def _take(left: str, right: str, known: Mapping[str, str], asked: Asked) -> bool:
    if left.casefold() in _SIDES:
        values = [value.strip() for value in right.split(",")]
        asked.sides.update({value: _SIDES[left.casefold()] for value in values if value})
    elif left.casefold().startswith(DIMENSION_PREFIX) and left[len(DIMENSION_PREFIX) :]:
        asked.dimensions[left[len(DIMENSION_PREFIX) :]] = right
    elif normal(left) in known:
        asked.headings[known[normal(left)]] = right
    else:
        return False
    return True


def _matches(headings: Sequence[str], fields: Sequence[str], asked: Asked) -> dict[str, list[int]]:
    """Returns each field's columns: one, or the several that a `A+B` asks for."""
    matches: dict[str, list[int]] = {}
    names = {normal(field): field for field in fields} | {
        spelling: field for spelling, field in _OTHER_SPELLINGS.items() if field in fields
    }
    for index, heading in enumerate(headings):
        field = names.get(normal(heading))
        if field is not None and field not in asked.headings:
            matches.setdefault(field, []).append(index)
    for field, heading in asked.headings.items():
        columns = _columns(headings, heading) if heading else []
        if columns:
            matches[field] = columns
    for name, field in _SHORT_IN_CHARTS.items() if fields is CHART_OF_ACCOUNTS else ():
        is_named = field in matches or field in asked.headings
        if not is_named and (columns := _columns(headings, name)):
            matches[field] = columns
    return matches


def _columns(headings: Sequence[str], asked: str) -> list[int]:
    """Returns the column of a heading, or the columns of several joined by `+`, or none."""
    whole = [index for index, heading in enumerate(headings) if normal(heading) == normal(asked)]
    if whole:
        return whole[:1]
    parts = [_columns(headings, part) for part in asked.split("+")] if "+" in asked else []
    return [part[0] for part in parts] if parts and all(parts) else []


def _layout(
    source: SourceFile,
    delimiter: str,
    headings: Sequence[str],
    matches: Mapping[str, list[int]],
    asked: Asked,
) -> Layout:
    positions: dict[str, int] = {}
    joined: tuple[int, ...] = ()
    for field, columns in matches.items():
        positions[field] = columns[0]
        if len(columns) > 1:
            if field not in asked.headings:
                raise UnknownColumns(f"{source.name} has {len(columns)} columns {field}")
            if field != "Journal_ID":
                raise BadMapping(f"only Journal_ID can be joined from columns, not {field}")
            joined = tuple(columns)
            positions[field] = len(headings)
    dimensions = _dimensions(source, headings, asked)
    used = {*positions.values(), *dimensions.values(), *joined}
    ignored = [heading for index, heading in enumerate(headings) if index not in used]
    return Layout(len(headings), positions, dimensions, joined, tuple(ignored), delimiter)


def _dimensions(source: SourceFile, headings: Sequence[str], asked: Asked) -> dict[str, int]:
    """Returns the dimensions asked for, and the standard's own where their column is still free."""
    dimensions: dict[str, int] = {}
    for name, heading in asked.dimensions.items():
        columns = _columns(headings, heading)
        if len(columns) != 1:
            raise BadMapping(f"{source.name} has no column {heading}; dimension {name} needs it")
        dimensions[name] = columns[0]
    taken = {*dimensions.values(), *_mapped(headings, asked.headings.values())}
    for index, heading in enumerate(headings):
        name = normal(heading)
        if index not in taken and (name == _BUSINESS_UNIT or _SEGMENT.fullmatch(name)):
            dimensions["business_unit" if name == _BUSINESS_UNIT else name] = index
    if len(dimensions) > DIMENSIONS_MAX:
        raise UnknownColumns(
            f"{source.name} has {len(dimensions)} dimensions ({', '.join(dimensions)}); a leg "
            f"takes {DIMENSIONS_MAX}"
        )
    return dimensions


def _mapped(headings: Sequence[str], asked: Iterable[str]) -> set[int]:
    return {index for heading in asked if heading for index in _columns(headings, heading)}
