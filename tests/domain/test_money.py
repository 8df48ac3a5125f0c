"""Amounts: text in, minor units inside, the same text out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import (
    AmountNotPositive,
    AmountTooFine,
    AmountTooLarge,
    BalanceTooLarge,
    format_amount,
    minor_units,
    parse_amount,
    parse_balance,
    parse_signed,
    parse_value,
)

LIMIT = 10**18


@pytest.mark.parametrize(
    ("text", "scale", "minor"),
    [
        ("500.00", 2, 50_000),
        ("500", 2, 50_000),
        ("500.5", 2, 50_050),
        ("0.01", 2, 1),
        ("00.01", 2, 1),
        ("000000000000000000000000000000000000000001", 2, 100),
        ("1", 0, 1),
        ("0.000000000001", 12, 1),
        ("999999.999999999999", 12, LIMIT - 1),
        ("9999999999999999.99", 2, LIMIT - 1),
        ("999999999999999999", 0, LIMIT - 1),
        ("0.00", 2, None),
        ("0", 0, None),
        ("000.000", 2, None),
    ],
)
def test_an_amount_is_read_exactly(text: str, scale: int, minor: int | None) -> None:
    if minor is None:
        with pytest.raises(AmountNotPositive):
            parse_amount(text, scale=scale, asset="A")
    else:
        assert parse_amount(text, scale=scale, asset="A") == minor


@pytest.mark.parametrize(
    ("text", "scale", "refusal"),
    [
        ("0.001", 2, AmountTooFine),
        ("1.000", 2, AmountTooFine),
        ("1.0", 0, AmountTooFine),
        ("0.0000000000001", 12, AmountTooFine),
        ("10000000000000000.00", 2, AmountTooLarge),
        ("10000000000000000", 2, AmountTooLarge),
        ("1000000000000000000", 0, AmountTooLarge),
        ("1000000", 12, AmountTooLarge),
        ("9" * 40, 0, AmountTooLarge),
        ("9" * 5000, 12, AmountTooLarge),
        # One thing at a time: not positive, then too fine, then too large.
        ("0.000", 2, AmountNotPositive),
        ("9" * 40 + ".001", 2, AmountTooFine),
    ],
)
def test_an_amount_is_refused(text: str, scale: int, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        parse_amount(text, scale=scale, asset="A")


@pytest.mark.parametrize("scale", range(13))
def test_the_limit_is_in_minor_units_at_every_scale(scale: int) -> None:
    assert parse_value(format_amount(LIMIT - 1, scale), scale=scale, asset="A") == LIMIT - 1
    with pytest.raises(AmountTooLarge):
        parse_value(format_amount(LIMIT, scale), scale=scale, asset="A")


def test_a_signed_amount_keeps_its_limits() -> None:
    assert parse_signed("-50.00", scale=2, asset="USD") == -5_000
    assert parse_signed("-0.00", scale=2, asset="USD") == 0
    assert parse_signed("7", scale=2, asset="USD") == 700
    with pytest.raises(AmountTooFine):
        parse_signed("-0.001", scale=2, asset="USD")
    with pytest.raises(AmountTooLarge):
        parse_signed("-10000000000000000", scale=2, asset="USD")


@pytest.mark.parametrize("scale", [0, 2, 12])
def test_a_balance_may_be_more_than_an_amount(scale: int) -> None:
    most = 10**38 - 1
    for minor in (0, LIMIT, -LIMIT, most, -most):
        assert parse_balance(format_amount(minor, scale), scale=scale, asset="A") == minor
    with pytest.raises(BalanceTooLarge):
        parse_balance(format_amount(most + 1, scale), scale=scale, asset="A")
    with pytest.raises(AmountTooFine):
        parse_balance("-0." + "0" * scale + "1", scale=scale, asset="A")


scales = st.integers(0, 12)


@given(minor=st.integers(0, LIMIT - 1), scale=scales)
def test_what_is_written_reads_back(minor: int, scale: int) -> None:
    text = format_amount(minor, scale)
    assert parse_value(text, scale=scale, asset="A") == minor
    assert minor_units(text) == minor
    whole, _, fraction = text.partition(".")
    assert len(fraction) == scale
    assert whole == "0" or not whole.startswith("0")


@given(minor=st.integers(-(10**37), 10**37), scale=scales)
def test_balances_of_either_sign_read_back(minor: int, scale: int) -> None:
    text = format_amount(minor, scale)
    assert minor_units(text) == minor
    assert text.startswith("-") == (minor < 0)


@given(
    whole=st.text("0123456789", min_size=1, max_size=25),
    fraction=st.text("0123456789", max_size=14),
    scale=scales,
)
def test_reading_agrees_with_long_division(whole: str, fraction: str, scale: int) -> None:
    """The naive reading: the digits as one number, over its power of ten."""
    text = f"{whole}.{fraction}" if fraction else whole
    exact = int(whole + fraction) * 10**scale
    divisor = 10 ** len(fraction)
    if len(fraction) > scale:
        with pytest.raises(AmountTooFine):
            parse_value(text, scale=scale, asset="A")
    elif exact // divisor >= LIMIT:
        with pytest.raises(AmountTooLarge):
            parse_value(text, scale=scale, asset="A")
    else:
        assert exact % divisor == 0
        assert parse_value(text, scale=scale, asset="A") == exact // divisor
