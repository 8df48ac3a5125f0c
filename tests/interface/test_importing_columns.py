"""Which column of a general ledger file is which, and how its sides are called."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from interface.importing.columns import (
    GL_DETAIL,
    BadMapping,
    Layout,
    UnknownColumns,
    find_layout,
    normal,
    take_apart,
)
from interface.importing.files import fingerprint


@pytest.mark.parametrize(
    "heading",
    [
        "JE_Header_Description",
        "je header description",
        "JEHeaderDescription",
        "\ufeffJE_Header_ Description",
        "JE-HEADER-DESCRIPTION",
    ],
)
def test_headings_match_leniently(heading: str) -> None:
    assert normal(heading) == normal("JE_Header_Description")


def layout_of(
    tmp_path: Path, heading: str, *mapping: str, required: Sequence[str] = ("Journal_ID",)
) -> Layout:
    path = tmp_path / "gl.csv"
    path.write_text(f"{heading}\n", encoding="utf-8")
    asked = take_apart(mapping, fields=GL_DETAIL)
    return find_layout(fingerprint(path), asked=asked, fields=GL_DETAIL, required=required)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_finds_the_fields(tmp_path: Path, delimiter: str) -> None:
    heading = delimiter.join(["Journal ID", '"a,b;c|d"', "AMOUNT"])
    layout = layout_of(tmp_path, heading)
    assert layout.delimiter == delimiter
    assert layout.positions == {"Journal_ID": 0, "Amount": 2}
    assert layout.ignored == ("a,b;c|d",)


@pytest.mark.parametrize(
    "pair", ["GL_Account_Number=acct", "gl account number = ACCT", "acct=GL_Account_Number"]
)
def test_a_mapping_names_a_column_whichever_way_round(tmp_path: Path, pair: str) -> None:
    layout = layout_of(tmp_path, "Journal_ID,Acct", pair)
    assert layout.positions == {"Journal_ID": 0, "GL_Account_Number": 1}


def test_a_mapping_wins_over_the_standard_heading_and_an_empty_one_leaves_it_out(
    tmp_path: Path,
) -> None:
    layout = layout_of(tmp_path, "Journal_ID,Amount,Net,Source", "Amount=Net", "Source=")
    assert layout.positions == {"Journal_ID": 0, "Amount": 2}
    assert layout.ignored == ("Amount", "Source")


def test_a_journal_id_can_be_joined_from_columns(tmp_path: Path) -> None:
    layout = layout_of(tmp_path, "BUKRS,BELNR,GJAHR", "Journal_ID=BUKRS+BELNR+GJAHR")
    assert layout.joined == (0, 1, 2)
    assert layout.positions == {"Journal_ID": 3}


def test_a_heading_with_a_plus_is_found_before_it_is_taken_apart(tmp_path: Path) -> None:
    assert layout_of(tmp_path, "A,B,A+B", "Journal_ID=A+B").joined == ()


def test_segments_and_the_business_unit_are_dimensions(tmp_path: Path) -> None:
    heading = "Journal_ID,Business_Unit_Code,Segment01,Segment02,KST"
    layout = layout_of(
        tmp_path, heading, "dimension.cost_centre=KST", "dimension.project=Segment02"
    )
    assert layout.dimensions == {
        "cost_centre": 4, "project": 3, "business_unit": 1, "segment01": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("heading", "mapping", "error"),
    [
        ("", (), UnknownColumns),
        ("Amount", (), UnknownColumns),
        ("Journal_ID,Journal ID", (), UnknownColumns),
        ("Journal_ID," + ",".join(f"Segment{n:02}" for n in range(1, 10)), (), UnknownColumns),
        ("Journal_ID", ("Amount=Net",), BadMapping),
        ("Journal_ID", ("dimension.x=Y",), BadMapping),
        ("Journal_ID,a,b", ("Amount=a+b",), BadMapping),
        ("Journal_ID", ("Amount",), BadMapping),
        ("Journal_ID", ("What=Ever",), BadMapping),
    ],
)
def test_a_layout_that_makes_no_sense_is_refused(
    tmp_path: Path, heading: str, mapping: Sequence[str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        layout_of(tmp_path, heading, *mapping)


def test_sides_take_several_names_each() -> None:
    asked = take_apart(["debit=S,40", "H=credit", "C=50"], fields=GL_DETAIL)
    assert asked.sides == {"S": "debit", "40": "debit", "H": "credit", "50": "credit"}
