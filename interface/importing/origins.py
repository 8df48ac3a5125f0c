"""Origins: who entered and approved a journal and when, its document, what else its header says.

Many journals of a file say the same, so that what was read is remembered.
"""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from functools import partial
from operator import itemgetter

from interface.importing.columns import Layout
from interface.importing.days import Clock, Days, NotADay, NotATime, moment
from interface.importing.lines import Body
from interface.importing.remembered import Remembered
from interface.importing.survey import Survey

ENTERED = ("Entered_By", "Entered_Date", "Entered_Time")
APPROVED = ("Approved_By", "Approved_Date", "Approved_Time")
DOCUMENT = ("Source", "Document_Number", "Document_Date")
KEPT = ("Reversal_Indicator", "Reversal_Journal_ID", "Last_Modified_By", "Last_Modified_Date")
"""What is kept as metadata: the command has no place of its own for it."""

_DOCUMENT_NAMES = {"Source": "type", "Document_Number": "number"}

_MISSING = frozenset(("#n/a", "n/a", "null", "none", "nan", "nat"))
"""How other programs write that there is nothing."""

_NOTHING = "0-./ "
"""What a day's cell is made of that says nothing: 00000000, 0000-00-00."""


Said = tuple[Body, dict[str, str]]
"""What cells of a header say, by names of the command, and what they say unintelligibly."""

Reader = Callable[[tuple[str, ...]], Said]


_UNDERSTOOD: dict[str, str] = {}


class Part:
    """Some columns of a header that are read together, and remembered together."""

    def __init__(self, columns: Sequence[int], read: Reader) -> None:
        self._columns = columns
        self._cells = _getter(columns)
        self._known: Remembered[tuple[str, ...], Said] = Remembered(read)

    def find(self, rows: Sequence[list[str]]) -> Said:
        """Returns what the rows of a journal say: in each column the first that says anything."""
        cells = self._cells(rows[0])
        if "" in cells:
            cells = tuple([first_cell(rows, column) for column in self._columns])
        return self._known[cells]


class Origins:
    """The headers of one file's journals."""

    def __init__(self, layout: Layout, survey: Survey, zone: tzinfo) -> None:
        self._positions = {
            field: column
            for field, column in layout.positions.items()
            if column not in survey.blank
        }
        self._survey = survey
        self._zone = zone
        parts = (
            ("original", ENTERED, partial(self._act, "entered")),
            ("original", APPROVED, partial(self._act, "approved")),
            ("document", DOCUMENT, self._document),
            ("metadata", KEPT, self._kept),
        )
        self._parts = [
            (name, Part([self._positions[field] for field in present], reader(present)))
            for name, fields, reader in parts
            if (present := [field for field in fields if field in self._positions])
        ]

    def add(self, command: Body, rows: Sequence[list[str]]) -> dict[str, str]:
        """Adds to a command what its journal's header says; returns what can't be understood.

        That is kept as metadata.
        """
        missed: dict[str, str] = {}
        for name, part in self._parts:
            said, unread = part.find(rows)
            if said:
                command[name] = {**command[name], **said} if name in command else said.copy()
            if unread:
                missed |= unread
        if missed:
            command["metadata"] = {**command.get("metadata", {}), **missed}
        return missed

    def _act(self, verb: str, fields: Sequence[str]) -> Reader:
        title = verb.title()
        who, day, clock = (_index(fields, f"{title}_{end}") for end in ("By", "Date", "Time"))
        days = self._survey.days.get(f"{title}_Date", Days(title)).in_zone(self._zone)
        times = self._survey.clocks.get(f"{title}_Time", Clock()).times
        by, at = f"{verb}_by", f"{verb}_at"

        def read(cells: tuple[str, ...]) -> Said:
            said: Body = {}
            if who is not None and (actor := _meaning(cells[who])):
                said[by] = actor
            on = _meaning(cells[day]) if day is not None else ""
            if not on.strip(_NOTHING):
                return said, _UNDERSTOOD
            hour = _meaning(cells[clock]) if clock is not None else ""
            try:
                said[at] = moment(days[on], times[hour] if hour else None)
            except (NotADay, NotATime):
                return said, {at: f"{on} {hour}".strip()}
            return said, _UNDERSTOOD

        return read

    def _document(self, fields: Sequence[str]) -> Reader:
        def read(cells: tuple[str, ...]) -> Said:
            said: Body = {}
            unread: dict[str, str] = {}
            for field, cell in zip(fields, cells, strict=True):
                meaning = _meaning(cell)
                if field != "Document_Date":
                    said |= {_DOCUMENT_NAMES[field]: meaning} if meaning else {}
                elif meaning.strip(_NOTHING):
                    try:
                        said["date"] = self._survey.days[field].iso[meaning]
                    except NotADay:
                        unread["document_date"] = meaning
            return said, unread

        return read

    def _kept(self, fields: Sequence[str]) -> Reader:
        names = [field.lower() for field in fields]

        def read(cells: tuple[str, ...]) -> Said:
            meanings = zip(names, map(_meaning, cells), strict=True)
            return {name: meaning for name, meaning in meanings if meaning}, _UNDERSTOOD

        return read


def first_cell(rows: Sequence[list[str]], column: int) -> str:
    """Returns the first cell of the column with anything in it, or nothing."""
    return next((row[column] for row in rows if row[column]), "")


def _meaning(cell: str) -> str:
    """Returns what a cell says, without what only means that there is nothing."""
    stripped = cell.strip()
    return "" if len(stripped) <= 4 and stripped.casefold() in _MISSING else stripped


def _getter(columns: Sequence[int]) -> Callable[[list[str]], tuple[str, ...]]:
    if len(columns) > 1:
        return itemgetter(*columns)
    return lambda row: (row[columns[0]],)


def _index(fields: Sequence[str], field: str) -> int | None:
    return fields.index(field) if field in fields else None
