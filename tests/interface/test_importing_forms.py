"""How cells are read: amounts, days, times."""

from datetime import UTC, time, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interface.importing.amounts import AmbiguousAmounts, Amounts, NotAnAmount
from interface.importing.days import AmbiguousDays, Clock, Days, NotADay, NotATime, moment


def amounts(*column: str, decimal: Any = None) -> Amounts:
    learnt = Amounts(decimal=decimal)
    learnt.learn(column)
    learnt.settle()
    return learnt


def days(*column: str, pattern: str | None = None) -> Days:
    learnt = Days("Effective_Date", pattern=pattern)
    learnt.learn(column)
    learnt.settle()
    return learnt


@pytest.mark.parametrize(
    ("cell", "negative", "text"),
    [
        ("9770.52", False, "9770.52"),
        ("26664.0", False, "26664"),
        ("5875.20", False, "5875.2"),
        ("0012.50", False, "12.5"),
        ("0", False, "0"),
        ("0.00", False, "0"),
        (".5", False, "0.5"),
        ("5.", False, "5"),
        (" 5 ", False, "5"),
        ("+5", False, "5"),
        ("-5", True, "5"),
        ("5.00-", True, "5"),
        ("(5.25)", True, "5.25"),
        ("\u22125", True, "5"),
        ("1.234", False, "1.234"),
        ("0.000000000001", False, "0.000000000001"),
    ],
)
def test_a_plain_amount_is_read(cell: str, negative: bool, text: str) -> None:
    read = amounts(cell).read(cell)
    assert read == (negative, text, int(Decimal(text).scaleb(12)))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (["1,234.56"], ["1234.56"]),
        (["1,234,567"], ["1234567"]),
        (["1,234", "0.50"], ["1234", "0.5"]),
        (["12,50", "7"], ["12.5", "7"]),
        (["1.234,56"], ["1234.56"]),
        (["1.234.567"], ["1234567"]),
        (["1.234", "0,5"], ["1234", "0.5"]),
        (["1234,567"], ["1234.567"]),
        (["0,123"], ["0.123"]),
        (["1 234,56"], ["1234.56"]),
        (["1\u00a0234\u00a0567.8"], ["1234567.8"]),
        (["1'234.50"], ["1234.5"]),
        (["1.234"], ["1.234"]),
    ],
)
def test_the_column_shows_the_decimal_sign(column: list[str], expected: Any) -> None:
    learnt = amounts(*column)
    assert [learnt.read(cell)[1] for cell in column] == expected


@pytest.mark.parametrize(
    "column",
    [["1,234"], ["1,234", "5"], ["1,234", "1.234"], ["12,50", "12.5"], ["1.234,5", "1,234.5"]],
)
def test_an_ambiguous_column_is_refused(column: list[str]) -> None:
    with pytest.raises(AmbiguousAmounts, match="--decimal"):
        amounts(*column)


@pytest.mark.parametrize(("decimal", "text"), [(".", "1234"), (",", "1.234")])
def test_a_given_decimal_sign_decides(decimal: Any, text: str) -> None:
    assert amounts("1,234", decimal=decimal).read("1,234")[1] == text


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("", "invalid_request"),
        (".", "invalid_request"),
        ("-", "invalid_request"),
        ("abc", "invalid_request"),
        ("1e3", "invalid_request"),
        ("NaN", "invalid_request"),
        ("$5", "invalid_request"),
        ("5 USD", "invalid_request"),
        ("(5", "invalid_request"),
        ("5)", "invalid_request"),
        ("1.2.3", "invalid_request"),
        ("12,34.5", "invalid_request"),
        ("1,23,456.0", "invalid_request"),
        ("\u0661\u0662", "invalid_request"),
        ("\u00b2", "invalid_request"),
        ("0.0000000000001", "amount_too_fine"),
        ("9" * 40, "amount_too_large"),
    ],
)
def test_what_is_no_amount_has_a_code(cell: str, code: str) -> None:
    with pytest.raises(NotAnAmount) as caught:
        amounts(decimal=".").read(cell)
    assert caught.value.code == code


written = st.decimals(min_value=0, max_value=10**15, places=4, allow_nan=False)


@given(written, st.booleans(), st.sampled_from([(",", "."), (".", ","), (" ", "."), (" ", ",")]))
def test_any_grouped_amount_is_read_as_it_was_meant(
    value: Decimal, negative: bool, signs: tuple[str, str]
) -> None:
    group, decimal = signs
    text = f"{value:,}".replace(",", "\0").replace(".", decimal).replace("\0", group)
    text = f"-{text}" if negative else text
    read = amounts(text, decimal=decimal).read(text)
    assert read[0] is negative
    assert Decimal(read[1]) == value
    assert read[2] == value.scaleb(12)


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2026-03-31", "2026-03-31"),
        ("20260331", "2026-03-31"),
        ("2026/03/31", "2026-03-31"),
        ("2026.03.31", "2026-03-31"),
        ("2026-3-1", "2026-03-01"),
        ("2026/3/31 9:05", "2026-03-31"),
        ("19000101", "1900-01-01"),
        ("2026-03-31T00:00:00", "2026-03-31"),
        ("2026-03-31 23:59:59.123Z", "2026-03-31"),
        ("03/31/2026", "2026-03-31"),
        ("31.03.2026", "2026-03-31"),
        ("31/3/2026", "2026-03-31"),
        ("31-MAR-2026", "2026-03-31"),
        ("1 September 2026", "2026-09-01"),
        ("March 31, 2026", "2026-03-31"),
        ("Mar 1 2026 08:15", "2026-03-01"),
        (" 20260331 ", "2026-03-31"),
    ],
)
def test_a_day_is_read(cell: str, day: str) -> None:
    assert days(cell).read(cell) == day


@pytest.mark.parametrize(
    "cell",
    ["", "2026-02-30", "20261301", "31.03.26", "0000-00-00", "39083", "2026-3-1x", "31-Foo-2026",
     "31-M-2026", "2026-03/31", "\u0662026-03-31", "2026331", "202603311", "2026-3-32",
     "Mar 2026", "Foo 31, 2026", "31-MAR-26"],
)  # fmt: skip
def test_what_is_no_day_is_refused(cell: str) -> None:
    with pytest.raises(NotADay):
        days(cell).read(cell)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (["03/04/2026", "03/31/2026"], "2026-03-04"),
        (["03/04/2026", "31/03/2026"], "2026-04-03"),
        (["03.04.2026", "13.04.2026"], "2026-04-03"),
    ],
)
def test_one_day_above_twelve_decides_for_the_column(column: list[str], expected: Any) -> None:
    assert days(*column).read(column[0]) == expected


@pytest.mark.parametrize("column", [["03/04/2026"], ["01.02.2026", "20260331"]])
def test_a_column_that_shows_nothing_is_refused(column: list[str]) -> None:
    with pytest.raises(AmbiguousDays, match="--date-format"):
        days(*column)


def test_a_column_that_shows_both_is_refused() -> None:
    with pytest.raises(AmbiguousDays, match=r"31/03/2026 .* 03/31/2026"):
        days("31/03/2026", "03/31/2026")


@pytest.mark.parametrize(
    ("pattern", "cell"),
    [
        ("DD/MM/YYYY", "03/04/2026"),
        ("dd/mm/yyyy", "3/4/2026"),
        ("%d.%m.%Y", "03.04.2026"),
        ("MM/DD/YYYY", "04/03/2026"),
        ("DD.MM.YY", "03.04.26"),
        ("DD-MON-YY", "03-APR-26"),
        ("DDMMYYYY", "03042026"),
        ("DD/MM/YYYY", "2026-04-03"),
    ],
)
def test_a_given_format_decides(pattern: str, cell: str) -> None:
    assert days(cell, pattern=pattern).read(cell) == "2026-04-03"


def test_a_given_format_does_not_let_another_one_pass() -> None:
    with pytest.raises(NotADay):
        days(pattern="DD/MM/YYYY").read("03.04.2026")
    with pytest.raises(NotADay):
        days(pattern="DD/MM/YYYY").read("03/31/2026")


@pytest.mark.parametrize("pattern", ["", "YYYY-MM", "DD/DD/YYYY", "%Y%m%d%d"])
def test_a_format_without_day_month_and_year_is_refused(pattern: str) -> None:
    with pytest.raises(AmbiguousDays):
        Days("Effective_Date", pattern=pattern)


def test_two_digit_years_are_of_this_century_up_to_68() -> None:
    learnt = days(pattern="DD.MM.YY")
    assert learnt.read("01.01.68") == "2068-01-01"
    assert learnt.read("01.01.69") == "1969-01-01"


@pytest.mark.parametrize(
    ("day", "clock", "zone", "expected"),
    [
        ("20070122", time(10, 12, 5), UTC, "2007-01-22T10:12:05Z"),
        ("20070122", None, UTC, "2007-01-22T00:00:00Z"),
        ("20070122", time(10, 12, 5), ZoneInfo("America/New_York"), "2007-01-22T15:12:05Z"),
        ("20070722", time(22, 0), ZoneInfo("America/New_York"), "2007-07-23T02:00:00Z"),
        # The clocks went forward at 2:00 on that day, and back at 2:00 on the other.
        ("20070311", time(1, 59), ZoneInfo("America/New_York"), "2007-03-11T06:59:00Z"),
        ("20070311", time(3, 0), ZoneInfo("America/New_York"), "2007-03-11T07:00:00Z"),
        ("20071104", time(0, 30), ZoneInfo("America/New_York"), "2007-11-04T04:30:00Z"),
        ("20071104", time(2, 0), ZoneInfo("America/New_York"), "2007-11-04T07:00:00Z"),
        ("2007-01-22T08:00:00", time(10, 12), UTC, "2007-01-22T08:00:00Z"),
        ("2007-01-22T08:00:00+01:00", None, ZoneInfo("Asia/Tokyo"), "2007-01-22T07:00:00Z"),
        ("2007-01-22 08:00:00.5Z", None, ZoneInfo("Asia/Tokyo"), "2007-01-22T08:00:00.500000Z"),
    ],
)
def test_a_moment_is_told_in_utc(day: str, clock: time | None, zone: tzinfo, expected: str) -> None:
    assert moment(days().in_zone(zone)[day], clock) == expected


def test_a_moment_before_the_first_day_is_no_moment() -> None:
    with pytest.raises(NotADay):
        moment(days().in_zone(ZoneInfo("Asia/Tokyo"))["00010101"], None)


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        (["101205", "84733"], "84733", time(8, 47, 33)),
        (["101205", "5"], "5", time(0, 0, 5)),
        (["1012", "847"], "847", time(8, 47)),
        (["10:12"], "10:12", time(10, 12)),
        (["10:12:05.25"], "10:12:05.25", time(10, 12, 5, 250000)),
        (["1:05 PM"], "1:05 PM", time(13, 5)),
        (["12:05 am"], "12:05 am", time(0, 5)),
    ],
)
def test_a_time_of_day_is_read(column: list[str], cell: str, expected: Any) -> None:
    clock = Clock()
    clock.learn(column)
    assert clock.read(cell) == expected


@pytest.mark.parametrize("cell", ["", "25:00", "10:60", "13:00 PM", "250000", "1234567", "noon"])
def test_what_is_no_time_of_day_is_refused(cell: str) -> None:
    clock = Clock()
    clock.learn(["101205"])
    with pytest.raises(NotATime):
        clock.read(cell)
