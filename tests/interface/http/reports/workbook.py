"""A report as a workbook: each cell is what the report says, and totals are formulas."""

import io
from decimal import Decimal
from typing import Any

import openpyxl


def check_workbook(content: bytes, report: dict[str, Any]) -> None:
    formulas = openpyxl.load_workbook(io.BytesIO(content)).active
    values = openpyxl.load_workbook(io.BytesIO(content), data_only=True).active
    assert formulas is not None
    assert values is not None
    assert formulas.freeze_panes is not None
    first = int(str(formulas.freeze_panes)[1:])
    for number, row in enumerate(report["rows"]):
        for place, column in enumerate(report["columns"], start=1):
            cell = values.cell(first + number, place).value
            expected = row.get(column["name"])
            if expected in (None, ""):
                assert cell is None
            elif column["kind"] == "amount":
                assert Decimal(str(cell)) == Decimal(expected)
                assert isinstance(cell, int | float)
            elif column["kind"] == "number":
                assert cell == expected
            elif column["kind"] == "day":
                assert cell.date().isoformat() == expected
            else:
                assert cell == expected
    if any(row["kind"] == "total" for row in report["rows"]) and report["report"] != "journal":
        found = [c.value for line in formulas.iter_rows(min_row=first) for c in line]
        assert any(str(value).startswith("=") for value in found)
